import os
import threading

import pytest

from httptee.ledger import DROP_REASONS, FAILURE_REASONS, Ledger


def test_a_new_ledger_is_all_zero():
    (statement,) = Ledger(["b"]).statements()
    assert (statement.seen, statement.delivered, statement.failed, statement.dropped, statement.in_flight) == (0,) * 5


def test_every_clone_is_somewhere_at_every_step():
    ledger = Ledger(["b"])
    (account,) = ledger.accounts(0)
    account.open()
    account.open()
    account.open()
    account.drop("saturated")
    assert ledger.statements()[0].in_flight == 3
    account.settle_delivered(204, 0.0)
    account.settle_failed("timeout")
    account.settle_dropped("closing")
    (statement,) = ledger.statements()
    assert statement.delivered_by_status == {204: 1}
    assert statement.failed_by_reason == {"timeout": 1}
    assert statement.dropped_by_reason == {"saturated": 1, "closing": 1}
    assert (statement.seen, statement.in_flight) == (4, 0)


@pytest.mark.parametrize("reason", FAILURE_REASONS)
def test_every_failure_reason_has_its_own_count(reason):
    ledger = Ledger(["b"])
    ledger.accounts(0)[0].settle_failed(reason)
    assert ledger.statements()[0].failed_by_reason == {reason: 1}


@pytest.mark.parametrize("reason", DROP_REASONS)
def test_every_drop_reason_has_its_own_count(reason):
    ledger = Ledger(["b"])
    ledger.accounts(0)[0].drop(reason)
    assert ledger.statements()[0].dropped_by_reason == {reason: 1}


def test_a_reason_outside_the_set_is_refused():
    with pytest.raises(KeyError):
        Ledger(["b"]).accounts(0)[0].drop("mislaid")


def test_a_status_no_one_has_heard_of_is_counted_all_the_same():
    ledger = Ledger(["b"])
    ledger.accounts(0)[0].settle_delivered(999, 0.0)
    assert ledger.statements()[0].delivered == 1


def test_backends_and_workers_do_not_mix():
    ledger = Ledger(["b", "c"], rows=2)
    ledger.accounts(0)[0].open()
    ledger.accounts(1)[0].open()
    ledger.accounts(1)[1].drop("filtered")
    b, c = ledger.statements()
    assert (b.backend, b.seen, b.dropped) == ("b", 2, 0)
    assert (c.backend, c.seen, c.dropped) == ("c", 1, 1)


def test_a_child_process_counts_in_its_parents_ledger():
    ledger = Ledger(["b"], rows=2)
    child = os.fork()
    if not child:
        ledger.accounts(1)[0].open()
        os._exit(0)
    os.waitpid(child, 0)
    assert ledger.statements()[0].seen == 1


def test_what_a_dead_worker_held_is_lost_and_only_that():
    ledger = Ledger(["b"], rows=2)
    dead, alive = ledger.accounts(0)[0], ledger.accounts(1)[0]
    for account in (dead, dead, alive):
        account.open()
    dead.settle_delivered(200, 0.0)
    ledger.settle_lost(0)
    (statement,) = ledger.statements()
    assert statement.failed_by_reason == {"lost": 1}
    assert statement.in_flight == 1


def test_no_count_is_lost_between_threads():
    ledger = Ledger(["b"])
    (account,) = ledger.accounts(0)

    def count():
        for _ in range(5000):
            account.open()
            account.settle_delivered(200, 0.0)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert str(ledger) == "B b seen=20000 delivered=20000 (200=20000) failed=0 dropped=0 in_flight=0"
