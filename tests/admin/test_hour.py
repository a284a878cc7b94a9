import math
import os
from types import SimpleNamespace

import pytest

from httptee.admin.history import History
from httptee.admin.hour import POINTS, Hour, Point
from httptee.ledger.ledger import Ledger


@pytest.fixture
def tee():
    """An hour that is fed once a second, under a clock that a test moves."""
    time = SimpleNamespace(now=1000.0)
    ledger = Ledger(["b", "b"])
    made = SimpleNamespace(ledger=ledger, time=time, hour=Hour(["b", "b"]), worker=ledger.worker(0))
    made.accounts = ledger.accounts(0)
    history = History(ledger, lambda: time.now)

    def seconds(count, work=lambda: None):
        for _ in range(count):
            work()
            time.now += 1
            made.hour.add(history.take())

    made.seconds = seconds
    return made


def delivered(account):
    account.open()
    account.settle_delivered(200, 0.2)


def test_there_is_a_point_for_every_ten_seconds(tee):
    tee.seconds(1)
    tee.seconds(20, lambda: tee.worker.answered(200, 0.002))
    assert [(point.at, point.rate) for point in tee.hour.line(0)] == [(1011.0, 1.0), (1021.0, 1.0)]
    assert 0.001 <= tee.hour.line(0)[0].p50 <= tee.hour.line(0)[0].p99 <= 0.0025


def test_two_bs_with_one_name_have_lines_of_their_own(tee):
    assert tee.hour.names == ("", "b", "b#2")
    tee.seconds(1)
    tee.seconds(10, lambda: delivered(tee.accounts[1]))
    assert [tee.hour.line(number)[0].rate for number in range(3)] == [0.0, 0.0, 1.0]
    assert math.isnan(tee.hour.line(1)[0].p50)
    assert 0.1 <= tee.hour.line(2)[0].p50 <= 0.25


def test_times_are_those_of_these_ten_seconds_alone(tee):
    tee.seconds(1)
    tee.seconds(10, lambda: tee.worker.answered(200, 5.0))
    tee.seconds(10, lambda: tee.worker.answered(200, 0.0001))
    assert tee.hour.line(0)[1].p99 <= 0.0005


def test_it_is_bounded_and_keeps_the_newest(tee):
    tee.seconds(POINTS * 10 + 500)
    assert len(tee.hour.line(0)) == POINTS
    assert tee.hour.line(0)[-1].at >= tee.time.now - 10
    assert tee.hour.line(0)[0].at >= tee.time.now - 3610


def test_another_process_writes_it(tee):
    tee.seconds(1)
    child = os.fork()
    if not child:
        tee.seconds(10, lambda: tee.worker.answered(200, 0.0))
        os._exit(0)
    os.waitpid(child, 0)
    assert [point.rate for point in tee.hour.line(0)] == [1.0]


def test_a_reload_keeps_what_is_still_there(tee):
    tee.seconds(1)
    tee.seconds(20, lambda: delivered(tee.accounts[1]))
    later = Hour(["new", "b", "b"], tee.hour)
    assert later.line(3) == tee.hour.line(2)
    assert later.line(0)[0] == Point(
        1011.0, 0.0, pytest.approx(math.nan, nan_ok=True), pytest.approx(math.nan, nan_ok=True)
    )
    assert (later.line(1)[1].rate, later.count) == (0.0, 2)
