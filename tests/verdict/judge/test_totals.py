"""Counts of a chapter over several runs of the tee."""

import json

import pytest

from httptee.verdict.court import RouteSums
from httptee.verdict.judge.totals import Totals
from tests.verdict.judge.fakes import Counts

ROUTE = "GET /"


def sums(requests, *times):
    return {ROUTE: RouteSums(requests=requests, a_times=times)}


def saved(totals, now, counts):
    return json.loads(json.dumps(totals.state(now, counts)))


def test_without_an_earlier_judge_the_counters_are_the_totals():
    totals = Totals("first", 1, None, sums(5), Counts(5))
    assert totals.sums(sums(7)) == sums(7)
    assert totals.counts(Counts(7)) == Counts(7)


def test_a_judge_that_is_replaced_counts_nothing_twice():
    first = Totals("first", 1, None, sums(0), Counts())
    second = Totals("first", 1, saved(first, sums(5, 1), Counts(5)), sums(6, 1), Counts(6))
    assert second.sums(sums(7, 2)) == sums(7, 2)
    assert second.counts(Counts(7)) == Counts(7)


def test_after_a_restart_of_the_tee_the_counts_of_earlier_runs_are_added():
    first = Totals("first", 1, None, {}, Counts())
    second = Totals("second", 1, saved(first, sums(5, 1, 2), Counts(5, 4)), {}, Counts())
    assert second.sums(sums(1, 10)) == sums(6, 11, 2)
    assert second.sums({}) == sums(5, 1, 2)
    assert second.counts(Counts(1, 1)) == Counts(6, 5)
    third = Totals("third", 1, saved(second, sums(1, 10), Counts(1, 1)), {}, Counts())
    assert third.sums(sums(1, 100)) == sums(7, 111, 2)
    assert third.counts(Counts(1, 1)) == Counts(7, 6)


def test_a_chapter_that_begins_in_a_run_counts_from_there():
    first = Totals("first", 1, None, {}, Counts())
    second = Totals("first", 2, saved(first, sums(5, 1), Counts(5)), sums(6, 2), Counts(6))
    assert second.sums(sums(10, 5)) == sums(4, 3)
    assert second.counts(Counts(10)) == Counts(4)
    replaced = Totals("first", 2, saved(second, sums(10, 5), Counts(10)), sums(11, 5), Counts(11))
    assert replaced.sums(sums(11, 5)) == sums(5, 3)
    restarted = Totals("second", 2, saved(second, sums(10, 5), Counts(10)), {}, Counts())
    assert restarted.sums(sums(1, 1)) == sums(5, 4)


def test_a_chapter_that_begins_with_a_run_counts_from_zero():
    first = Totals("first", 1, None, {}, Counts())
    second = Totals("second", 2, saved(first, sums(5), Counts(5)), {}, Counts())
    assert second.sums(sums(1)) == sums(1)


def test_no_count_is_below_zero_after_two_routes_have_become_one():
    first = Totals("first", 1, None, {}, Counts())
    second = Totals("first", 2, saved(first, sums(5), Counts()), sums(6, 3), Counts())
    assert second.sums({"GET /{name}": RouteSums(requests=9)}) == {
        ROUTE: RouteSums(a_times=(0,)),
        "GET /{name}": RouteSums(requests=9),
    }


@pytest.mark.parametrize(
    "damage",
    [
        {},
        {"run": "first", "chapter": 1},
        {"chapter": 1, "before": 5, "now": [1]},
        {"chapter": 1, "now": {"sums": [], "counts": "x"}},
        {"chapter": 1, "now": {"sums": {ROUTE: 5}, "counts": {"offered": "many"}}},
        {"chapter": 1, "now": {"sums": {ROUTE: {"requests": None, "a_times": ["x"], "unknown": 4}}}},
    ],
)
def test_what_was_saved_may_be_damaged(damage):
    totals = Totals("second", 1, damage, {}, Counts())
    assert totals.sums(sums(5))[ROUTE].requests == 5
    assert totals.counts(Counts(5)) == Counts(5)


def test_routes_that_are_one_by_now_are_added():
    first = Totals("first", 1, None, {}, Counts())
    before = {"GET /ann": RouteSums(requests=2, a_times=(1,)), "GET /bob": RouteSums(requests=3), **sums(4)}
    second = Totals("second", 1, saved(first, before, Counts()), {}, Counts())
    second.fold(lambda name: name if name == ROUTE else "GET /{name}")
    assert sorted(second.routes) == [ROUTE, "GET /{name}"]
    assert second.sums({"GET /{name}": RouteSums(requests=1)})["GET /{name}"] == RouteSums(requests=6, a_times=(1,))


def test_a_chapter_that_began_before_a_route_was_folded_counts_exactly():
    first = Totals("first", 1, None, {}, Counts())
    second = Totals("first", 2, saved(first, sums(5), Counts()), sums(6), Counts())
    second.fold(lambda name: "GET /{name}")
    assert second.sums({"GET /{name}": RouteSums(requests=9)}) == {"GET /{name}": RouteSums(requests=3)}
