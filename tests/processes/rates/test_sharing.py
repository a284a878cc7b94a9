"""What one tee does about once a second to share the rates of its Bs."""

import logging

import pytest

from httptee.journal.engines import Unavailable
from httptee.ledger import Ledger, ShadowLine
from httptee.processes.rates.sharing import Sharing
from tests.support.clock import Clock


class Others:
    """The other tees: what they have for each B."""

    def __init__(self, *demands):
        self.theirs = list(demands)
        self.said = []
        self.down = self.left = False

    def demands(self, backend, own):
        if self.down:
            raise Unavailable("redis://there/rates: Connection refused")
        self.said.append((backend, own))
        return [own, *self.theirs]

    def close(self):
        self.left = True


@pytest.fixture
def ledger():
    return Ledger(["b", "other"])


def offered(ledger, passed, limited=0, filtered=0, sampled_out=0):
    account = ledger.accounts(0)[0]
    for reason, count in (("rate_limited", limited), ("filtered", filtered), ("sampled_out", sampled_out)):
        for _ in range(count):
            account.drop(reason)
    for _ in range(passed):
        account.open()


def sharing(ledger, others, clock, rate=100.0):
    return Sharing(ledger, {0: rate}, others, clock)


def test_a_tee_says_what_it_has_for_b_whether_the_rate_lets_it_through_or_not(ledger):
    clock, others = Clock(), Others(100.0)
    one = sharing(ledger, others, clock)
    offered(ledger, passed=100, limited=500, filtered=77, sampled_out=33)
    clock.now += 2
    one.turn()
    assert others.said == [("b", 300.0)]
    assert ledger.orders[0].rate_part == pytest.approx(0.75)
    assert ledger.orders[1].rate_part is None
    clock.now += 1
    one.turn()
    assert others.said[1:] == [("b", 0.0)]


def test_what_a_tee_takes_out_of_an_engine_is_no_request_of_its_own(ledger):
    clock, others = Clock(), Others(100.0)
    ledger.spools.give_desks(["b", "other"], 1, {"b": ""})
    one = sharing(ledger, others, clock)
    offered(ledger, passed=10)
    ledger.spools.by_name["b"].taken[ShadowLine.DELIVERED[200]] += 500
    clock.now += 1
    one.turn()
    assert others.said == [("b", 10.0)]


def test_a_server_that_is_silent_leaves_the_part_in_force_for_some_seconds_then_each_is_alone(ledger, caplog):
    clock, others = Clock(), Others(99.0)
    caplog.set_level(logging.INFO)
    one = sharing(ledger, others, clock, rate=50.0)
    clock.now += 1
    one.turn()
    assert ledger.orders[0].part() == pytest.approx(0.01)
    others.down = True
    for _ in range(4):
        clock.now += 1
        one.turn()
    assert ledger.orders[0].part() == pytest.approx(0.01)
    for _ in range(3):
        clock.now += 1
        one.turn()
    assert ledger.orders[0].part() == 1.0
    assert ledger.orders[0].rate_part is None
    others.down = False
    clock.now += 1
    one.turn()
    assert ledger.orders[0].part() == pytest.approx(0.01)
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "the rates are not shared: redis://there/rates: Connection refused; in 5 s each tee keeps to its own, until "
        "they are again",
        "the rates are shared again with the other tees",
    ]


def test_a_server_that_was_never_there_changes_nothing(ledger):
    clock, others = Clock(), Others()
    others.down = True
    one = sharing(ledger, others, clock)
    one.turn()
    assert ledger.orders[0].part() == 1.0


def test_the_end_leaves_the_others_and_gives_the_whole_rate_back(ledger):
    clock, others = Clock(), Others(900.0)
    one = sharing(ledger, others, clock)
    one.turn()
    assert ledger.orders[0].part() < 0.01
    one.close()
    assert others.left
    assert ledger.orders[0].part() == 1.0
