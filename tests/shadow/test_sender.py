import gc
import weakref
from itertools import count
from types import SimpleNamespace

import pytest

from httptee.errors import UpstreamTimeout
from httptee.http import Exchange, Request
from httptee.shadow.openings import Openings
from httptee.shadow.sender import IN_A_ROW, WEIGHT, Sender


class Target(str):
    """Text whose end can be seen."""


class Upstream:
    """Fails with what `error` is, or answers."""

    error = UpstreamTimeout("late")

    def send(self, request, timeouts, keep=0):
        if self.error is not None:
            raise self.error
        return SimpleNamespace(raw=SimpleNamespace(answer=object(), whole=b""))


@pytest.fixture
def upstream():
    return Upstream()


class Reading:
    """Notes the milliseconds that are charged, and those for which a thread rests."""

    def __init__(self):
        self.charged, self.rested = [], []

    def charge(self, seconds):
        self.charged.append(round(seconds * 1000))

    def rest(self, seconds):
        self.rested.append(round(seconds * 1000))


@pytest.fixture
def reading():
    return Reading()


@pytest.fixture
def sender(upstream, reading, monkeypatch):
    """Each clone takes a millisecond of CPU time."""
    milliseconds = count()
    monkeypatch.setattr("httptee.shadow.sender.thread_time", lambda: next(milliseconds) / 1000)
    return Sender(upstream, 1.0, 1.0, lambda exchange: None, reading, Openings())


def an_exchange(target="/"):
    return Exchange(Request("GET", target, [], b"", "192.0.2.1", "http"), 200, 0.01)


@pytest.fixture
def send(sender):
    return lambda number: [sender.send(an_exchange())[1] for _ in range(number)]


def test_what_failures_cost_is_charged_and_a_b_that_always_fails_rests_as_well(send, upstream, reading):
    errors = send(IN_A_ROW + 3)
    assert errors == [upstream.error] * (IN_A_ROW + 3)
    assert reading.charged == [1] * (IN_A_ROW + 3)
    assert reading.rested == [WEIGHT - 1] * 3


def test_an_answer_ends_the_row(send, upstream, reading):
    send(IN_A_ROW + 1)
    error, upstream.error = upstream.error, None
    assert send(1) == [None]
    upstream.error = error
    send(IN_A_ROW)
    assert reading.rested == [WEIGHT - 1]


def test_an_answer_to_a_clone_without_a_thread_ends_it_too(send, sender, reading):
    for _ in range(3):
        send(IN_A_ROW)
        sender.succeeded()
    assert not reading.rested


def test_at_the_end_of_the_tee_nobody_rests(send, sender, reading):
    sender.close()
    send(IN_A_ROW + 3)
    assert len(reading.charged) == IN_A_ROW + 3
    assert not reading.rested


def test_a_clone_that_has_failed_is_free_without_a_look_for_garbage(sender):
    exchange = an_exchange(Target("/"))
    target = weakref.ref(exchange.request.target)
    gc.disable()
    try:
        _, error, _ = sender.send(exchange)
        del exchange
        assert target() is None
    finally:
        gc.enable()
    assert error is not None


def test_answers_are_not_charged(send, upstream, reading):
    upstream.error = None
    send(10)
    assert not reading.charged
