from dataclasses import replace

from httptee.ledger.columns import BOUNDS
from httptee.verdict.court import RouteSums
from httptee.verdict.fleet.adding import Fleet
from httptee.verdict.fleet.document import Lost, Pairs, decoded, encoded
from tests.verdict.fleet.fakes import account, statement, tee


def test_the_counts_of_all_runs_of_all_tees_add_up():
    one = tee("one", more={"GET /": RouteSums(3, 2, 1, 1, a_times=(1,), b_times=(0, 1))})
    again = tee("one", "second", more={"GET /": RouteSums(4, 3, 3)})
    other = tee("two", more={"GET /": RouteSums(1, 1, 1), "GET /x": RouteSums(7, 5, 3, 2)})
    fleet = Fleet([one, again, other])
    sums = fleet.sums()["canary"]
    assert (sums["GET /"].requests, sums["GET /"].equal, sums["GET /"].unequal) == (8, 5, 1)
    assert (sums["GET /"].a_times[0], sums["GET /"].b_times[1]) == (1, 1)
    assert sums["GET /x"].requests == 7
    counts = fleet.counts("canary", sums)
    assert (counts.offered, counts.delivered, counts.chosen, counts.judged) == (15, 15, 11, 11)


def test_the_ledger_of_all_tees_adds_up():
    one, two = (tee(name, more={"GET /": RouteSums(1)}) for name in ("one", "two"))
    one.backends["canary"] = replace(
        one.backends["canary"],
        statement=statement(seen=9, delivered_by_status={200: 3}, failed_by_reason={"timeout": 2}, spooled=1),
    )
    two.backends["canary"] = replace(
        two.backends["canary"],
        statement=statement(
            seen=5, delivered_by_status={200: 1, 404: 1}, dropped_by_reason={"saturated": 2}, state="down"
        ),
    )
    (found,) = Fleet([one, two]).statements()
    assert found.seen == found.delivered + found.failed + found.dropped + found.in_flight + found.spooled == 14
    assert (found.delivered_by_status, found.state) == ({200: 4, 404: 1}, "down")


def test_a_clone_that_one_tee_spooled_and_another_sent_is_in_the_ledger_of_all_once():
    runs = [
        # What is left in a directory is found by the next run, what is put into an engine by any tee.
        statement(seen=10, delivered_by_status={200: 4}, spooled=5),
        statement(seen=15, delivered_by_status={200: 12}, failed_by_reason={"lost": 1}, recovered=5, handed_over=2),
        statement(seen=20, delivered_by_status={200: 11}, handed_over=8),
        statement(seen=37, delivered_by_status={200: 30, 204: 4}, dropped_by_reason={"poison": 2}, taken_over=7),
    ]
    tees = [tee(str(number)) for number in range(len(runs))]
    for one, account_of_b in zip(tees, runs, strict=True):
        one.backends["canary"] = replace(one.backends["canary"], statement=account_of_b)
    (found,) = Fleet([decoded(encoded(one)) for one in tees]).statements()
    assert found.seen == 10 + 10 + 20 + 30
    assert found.spooled == 3
    assert found.in_flight == sum(one.in_flight for one in runs) == 3
    assert found.seen == found.delivered + found.failed + found.dropped + found.in_flight + found.spooled


def test_the_accounts_of_a_add_up():
    one, two = tee("one"), tee("two", answered=500)
    two = replace(two, primary=account(500, {"timeout": 2}))
    found = Fleet([one, two]).primary()
    assert (found.answered, found.errors_by_reason) == (1500, {"timeout": 2})
    assert (found.latency.count, found.latency.seconds) == (1500, 750.0)


def test_without_a_tee_there_is_nothing():
    fleet = Fleet()
    assert (fleet.sums(), fleet.statements(), fleet.share(), fleet.primary().answered) == ({}, [], 1.0, 0)
    assert fleet.lost() == Lost()
    assert len(fleet.primary().latency.buckets) == len(BOUNDS) + 1


def test_a_cutoff_of_one_tee_counts_while_that_tee_is_heard():
    cut = replace(tee("one", at=1000.0), share=0.5)
    assert Fleet([cut, tee("two", at=1001.0)]).share() == 0.5
    assert Fleet([cut, tee("two", at=2000.0)]).share() == 1.0
    assert Fleet([replace(cut, ended=True)]).share() == 1.0


def test_what_the_outboxes_have_lost_adds_up():
    one, two = (replace(tee(name), pairs=Pairs(lost=Lost(2, at, at))) for name, at in (("one", 5.0), ("two", 4.0)))
    assert Fleet([one, two]).lost() == Lost(4, 4.0, 5.0)
