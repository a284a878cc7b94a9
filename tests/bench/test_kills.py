"""Which clones may be missing, and which may come twice."""

from __future__ import annotations

from itertools import islice

import pytest

from bench.scenarios.stores import kills
from bench.scenarios.stores.kills import DRAINER, KINDS, SUPERVISOR, WORKER, Killed, counted
from tests.support.ledger import parse

ENDED = {WORKER: [100.0], DRAINER: [200.0], SUPERVISOR: [300.0]}


def test_all_kinds_are_killed_equally_often_and_a_seed_has_one_sequence() -> None:
    one = list(islice(kills.kinds(7), 30))
    assert one == list(islice(kills.kinds(7), 30))
    assert [one.count(kind) for kind in KINDS] == [10, 10, 10]


@pytest.mark.parametrize(("answered", "unexplained"), [(99.9, 0), (98.0, 1), (199.9, 1), (299.9, 1)])
def test_only_what_was_in_the_memory_of_a_worker_may_be_missing(answered: float, unexplained: int) -> None:
    found = counted(Killed(), {1: answered, 2: 50.0}, {2: [50.1]}, ENDED, [])
    assert (found.answered, found.missing, found.unexplained) == (2, 1, unexplained)
    assert found.held == (not unexplained and found.missing == 0)
    found.kills[WORKER] = 1
    assert found.held == (not unexplained)


@pytest.mark.parametrize(("first", "repeats"), [(199.9, 0), (299.9, 0), (399.9, 0), (99.9, 1), (150.0, 1)])
def test_only_what_was_in_flight_may_come_twice(first: float, repeats: int) -> None:
    found = counted(Killed(), {1: 50.0}, {1: [first, first + 9.0]}, ENDED, [400.0])
    assert (found.missing, found.twice, found.repeats, found.ends) == (0, 1, repeats, 3)
    assert found.held == (not repeats)


def test_a_ledger_that_does_not_add_up_is_counted() -> None:
    found = Killed()
    line = "B b seen=5 delivered=5 (200=5) failed=1 (lost=1) dropped=0 in_flight=-1 spooled=0 recovered=0"
    kills.check(found, parse(line)[0])
    assert (found.looks, found.wrong, found.held) == (1, 1, False)


def test_the_table_says_what_was_killed_and_what_is_missing() -> None:
    made = kills.kills_table(counted(Killed(), {1: 98.0}, {}, ENDED, []))
    result = {"tables": [made]}
    assert kills.of_all("unexplained")(result) == 1
    assert made["cells"][2][1] == "1"
