from types import SimpleNamespace

import pytest

from httptee.admin.history import History
from httptee.ledger import Latency
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


def test_a_clone_that_waits_in_the_spool_is_not_in_flight():
    time = SimpleNamespace(now=0.0)
    counts = {"seen": 0, "delivered": 0, "failed": 0, "dropped": 0, "spooled": 0}
    statement = SimpleNamespace(**counts, latency=Latency((), 0.0))
    primary = SimpleNamespace(answered=0, errors_by_reason={}, answered_by_status={}, latency=Latency((), 0.0))
    ledger = SimpleNamespace(statements=lambda: [statement], primary=lambda: primary)
    history = History(ledger, lambda: time.now)
    statement.seen = statement.spooled = 5
    for _ in range(10):
        time.now += 1
        history.take()
    assert history.moment().oldest(0) == 0.0
    statement.seen = 6
    history.take()
    time.now += 3
    assert history.moment().oldest(0) == 3.0
    assert "spooled" not in history.moment().shadow_recent(0)


def test_history_is_bounded(history):
    history.seconds(500)
    assert len(history.history._snapshots) <= 62


def test_the_recording_has_its_growth_in_the_last_minute(tmp_path):
    time = SimpleNamespace(now=1000.0)
    history = History(Ledger(["b"]), lambda: time.now, str(tmp_path))
    assert history.moment().recording_growth() == 0.0
    for size in range(0, 7000, 100):
        (tmp_path / "one.000001.rec").write_bytes(bytes(size))
        time.now += 1
        history.take()
    assert history.moment().recording_growth() == 100.0
    (tmp_path / "one.000001.rec").write_bytes(b"")
    assert history.moment().recording_growth() < 0
