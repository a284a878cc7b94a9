import logging

import pytest

from httptee.ledger.guard import COUNTING, QUIET, Faults, GuardedAccount
from httptee.ledger.ledger import Ledger


def broken(*args, **kwargs):
    raise OverflowError("planted")


def test_what_is_watched_is_called_with_its_arguments_and_its_result_is_handed_on():
    assert Faults().watch("x", divmod, 7, 2) == (3, 1)


def test_a_failure_is_counted_each_time_and_logged_once_in_a_while_with_the_number_held_back(caplog):
    now = [100.0]
    ledger = Ledger([])
    faults = Faults(ledger.worker(0).unobserved, lambda: now[0])
    for _ in range(50):
        assert faults.watch("the thing failed", broken, 1, two=2) is None
    assert ledger.primary().unobserved == 50
    assert [record.message for record in caplog.records] == ["the thing failed; the requests go on"]
    now[0] += QUIET
    faults.watch("the thing failed", broken)
    assert caplog.records[-1].message == "the thing failed; the requests go on (49 more like this held back)"
    assert len(caplog.records) == 2


def test_two_things_that_fail_are_logged_each(caplog):
    faults = Faults()
    for what in ("one", "two", "one"):
        faults.watch(what, broken)
    assert [record.message.split(";")[0] for record in caplog.records] == ["one", "two"]


def test_it_does_not_raise_where_even_the_count_of_what_was_lost_fails(caplog):
    Faults(broken).watch("the thing failed", broken)
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        "the thing failed; the requests go on"
    ]


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("open", ()),
        ("drop", ("saturated",)),
        ("settle_delivered", (200, 0.1)),
        ("settle_failed", ("timeout",)),
        ("settle_dropped", ("closing",)),
        ("drop", ("a reason that is none",)),
        ("publish", ()),
    ],
)
def test_no_count_of_a_b_can_raise(name, args, monkeypatch):
    ledger = Ledger(["b"])
    (account,) = ledger.accounts(0)
    if args != ("a reason that is none",):
        monkeypatch.setattr(account, name, broken)
    getattr(GuardedAccount(account, Faults(ledger.worker(0).unobserved)), name)(*args)
    assert ledger.primary().unobserved == 1


def test_a_guarded_account_counts_what_the_account_counts():
    ledger = Ledger(["b"])
    account = GuardedAccount(ledger.accounts(0)[0], Faults())
    account.drop("saturated")
    account.open()
    account.settle_delivered(200, 0.1)
    (statement,) = ledger.statements()
    assert (statement.seen, statement.delivered, statement.dropped, account.dropped) == (2, 1, 1, 1)


def test_what_fails_has_a_name_of_its_own():
    assert COUNTING == "an outcome could not be counted"
