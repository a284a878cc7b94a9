from itertools import count
from types import SimpleNamespace

import pytest

from httptee.errors import UpstreamTimeout
from httptee.http import Exchange, Request
from httptee.shadow.openings import Openings
from httptee.shadow.sender import IN_A_ROW, WEIGHT, Sender


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


@pytest.fixture
def charged():
    return []


@pytest.fixture
def send(upstream, charged, monkeypatch):
    """Sends a number of clones, each of which takes a millisecond of CPU time."""
    milliseconds = count()
    monkeypatch.setattr("httptee.shadow.sender.thread_time", lambda: next(milliseconds) / 1000)
    reading = SimpleNamespace(charge=lambda seconds: charged.append(round(seconds * 1000)))
    sender = Sender(upstream, 1.0, 1.0, lambda exchange: None, reading, Openings())
    exchange = Exchange(Request("GET", "/", [], b"", "192.0.2.1", "http"), 200, 0.01)
    return lambda number: [sender.send(exchange)[1] for _ in range(number)]


def test_what_failures_cost_is_charged_and_that_of_a_b_that_always_fails_several_times(send, upstream, charged):
    errors = send(IN_A_ROW + 3)
    assert errors == [upstream.error] * (IN_A_ROW + 3)
    assert charged == [1] * IN_A_ROW + [WEIGHT] * 3


def test_an_answer_ends_the_row(send, upstream, charged):
    send(IN_A_ROW + 1)
    error, upstream.error = upstream.error, None
    assert send(1) == [None]
    upstream.error = error
    send(1)
    assert charged == [1] * IN_A_ROW + [WEIGHT, 1]


def test_answers_are_not_charged(send, upstream, charged):
    upstream.error = None
    send(10)
    assert not charged
