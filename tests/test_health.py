import logging

import pytest

from httptee import health
from httptee.health import Health


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(health, "monotonic", lambda: now[0])
    return now


def lines(caplog):
    return [record.getMessage() for record in caplog.records]


def test_a_hundred_failures_make_one_line(clock, caplog):
    b = Health("http://b")
    for _ in range(100):
        b.failed("connect")
    assert not b.up
    assert lines(caplog) == ["B http://b is down: 3 failures in a row, the last one: connect"]


def test_two_failures_are_not_yet_down(clock, caplog):
    b = Health("http://b")
    b.failed("timeout")
    b.failed("timeout")
    b.succeeded()
    b.failed("timeout")
    assert b.up
    assert lines(caplog) == []


def test_back_up_is_one_line(clock, caplog):
    caplog.set_level(logging.INFO)
    b = Health("http://b")
    for _ in range(3):
        b.failed("reset")
    clock[0] += 10
    b.succeeded()
    b.succeeded()
    assert b.up
    assert lines(caplog)[1:] == ["B http://b is up again"]


def test_a_flapping_b_changes_at_most_once_a_second(clock, caplog):
    caplog.set_level(logging.INFO)
    b = Health("http://b")
    for _ in range(1000):
        for _ in range(3):
            b.failed("reset")
        b.succeeded()
        clock[0] += 0.01
    assert len(lines(caplog)) <= 11
