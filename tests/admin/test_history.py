from types import SimpleNamespace

import pytest

from httptee.admin.history import History
from httptee.ledger.ledger import Ledger


@pytest.fixture
def history():
    """A ledger's history under a clock that a test moves."""
    time = SimpleNamespace(now=1000.0)
    ledger = Ledger(["b"])
    made = SimpleNamespace(ledger=ledger, time=time, history=History(ledger, lambda: time.now))

    def seconds(count, work=lambda: None):
        for _ in range(count):
            work()
            time.now += 1
            made.history.take()

    made.seconds = seconds
    made.account = ledger.accounts(0)[0]
    return made


def test_rates_are_taken_over_each_window(history):
    worker = history.ledger.worker(0)
    history.seconds(60, lambda: worker.answered(200, 0.0))
    history.seconds(10, lambda: [worker.answered(200, 0.0) for _ in range(5)])
    history.seconds(1)
    assert history.history.moment().primary_rates() == {"1s": 0.0, "10s": 4.5, "60s": 1.65}


def test_a_short_history_has_rates_over_what_there_is(history):
    assert history.history.moment().primary_rates() == {"1s": 0.0, "10s": 0.0, "60s": 0.0}
    history.seconds(2, lambda: history.account.drop("filtered"))
    assert history.history.moment().shadow_rates(0)["dropped"] == {"1s": 1.0, "10s": 1.0, "60s": 1.0}


def test_the_oldest_clone_is_as_old_as_the_counts_say(history):
    assert history.history.moment().oldest(0) == 0.0
    history.account.open()
    history.seconds(5, lambda: history.account.drop("sampled_out"))
    history.account.open()
    history.seconds(3)
    assert 7 <= history.history.moment().oldest(0) <= 8
    history.account.settle_delivered(200, 8.0)
    assert 2 <= history.history.moment().oldest(0) <= 3
    history.account.settle_failed("timeout")
    assert history.history.moment().oldest(0) == 0.0


def test_history_is_bounded(history):
    history.seconds(500)
    assert len(history.history._snapshots) <= 62
