import pytest

from httptee import pressure
from httptee.pressure import Pressure


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(pressure, "perf_counter", lambda: now[0])
    return now


def test_a_process_that_reads_at_once_is_under_none(clock):
    here = Pressure()
    here.notice(0.0)
    assert not here.high


def test_an_answer_that_lay_unread_tells_for_a_while(clock):
    here = Pressure()
    here.notice(0.004)
    assert here.high
    here.notice(0.0)
    assert here.high
    clock[0] += 1
    assert not here.high
