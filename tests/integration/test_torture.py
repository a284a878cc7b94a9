"""Everything that may go wrong at once: with A, with B, with clients, with the tee's own processes.

Every answer that a client gets is the one that A sent for that very request, or one of the tee's own that fits what A
has done, or it is visibly cut short. Meanwhile and afterwards every clone is accounted for, and nothing has grown.
A failure names the seed; TORTURE_SEED runs it again (the order in which threads come to act is not repeated by it).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from time import sleep
from typing import NamedTuple

import pytest

from bench.torture.asked import EVERYTHING
from bench.torture.crowd import Crowd
from bench.torture.judge import Windows
from bench.torture.operator import AWAY, KILL, RELOAD, Operator
from tests.support.ledger import Ledger
from tests.support.net import eventually
from tests.support.torture import Resources, Stage, seed, staged

pytestmark = [pytest.mark.integration, pytest.mark.alone]

CLIENTS = 32
PROCESSES = pytest.mark.parametrize("processes", [1, 2])
WORKERS = ("-threads", "64", "-b.workers", "32")
MOST_THREADS = 200
"""All of WORKERS, as many again for those held up by slow clients, and a few: a thread for each fault would be more."""
MOST_IDLE = 64 + 3 * 32
"""Connections to A and B that may be kept for later: one for each thread, three for each worker of B's."""
LATER = 8
"""Descriptors that the processes open when they first need them. Of two worker processes: the set in which each waits
for B's answers, and a description of the standard error of its own, with its first line of the log. Of the judge: its
file and the three beside it."""
KEPT_BY_MALLOC = 64_000_000
"""Bytes by which the tee may be larger after the second of two like loads, which moved several times as many: what is
kept of bodies would show. What is free within malloc's heaps counts as resident, too; the slope is for the soak."""


class Outcome(NamedTuple):
    """What clients got, counted, and how often the operator did what."""

    clients: Counter[str]
    operator: dict[str, int]


@pytest.fixture
def number() -> int:
    """The seed of a test."""
    value = seed()
    print(f"TORTURE_SEED={value}")
    return value


def torment(stage: Stage, number: int, seconds: float, acts: Mapping[str, int], every: float = 0.4) -> Outcome:
    """Clients and an operator at work for so long: what the clients got, and what the operator did."""
    windows = Windows()
    with (
        Crowd(stage.tee.port, CLIENTS, number, EVERYTHING, windows) as crowd,
        Operator(number, acts, every, windows, stage.group, stage.a, stage.b) as operator,
    ):
        sleep(seconds)
    print(dict(crowd.tally.counts), operator.done)
    assert operator.errors == []
    assert not crowd.tally.unexpected, "\n".join(crowd.tally.unexpected)
    assert crowd.tally.counts["exact"] > 100  # it was not all faults
    return Outcome(crowd.tally.counts, operator.done)


def assert_accounted_for(stage: Stage, *outcomes: Outcome) -> Ledger:
    """Every request and every clone is in the ledger as what it came to, and A and B got nothing but those."""
    ledger = stage.settled()
    asked = sum((outcome.clients for outcome in outcomes), Counter())
    kills = sum(outcome.operator.get("kill", 0) for outcome in outcomes)
    # Whether the tee ever saw the request of somebody who vanished is open. A worker that is killed between an answer
    # and the offer of its clone takes that clone with it: one a thread at the most.
    least = asked["answered"] + asked["cut"] + asked["endless"] if not kills else asked["answered"] - 64 * kills
    assert least <= ledger.seen <= asked["asked"], (ledger, asked)
    assert kills or "lost" not in ledger.failures, ledger
    a, b = stage.a.say("report"), stage.b.say("report")
    assert ledger.delivered <= b["requests"] - b["repeated"] <= ledger.delivered + ledger.failed, (ledger, b)
    assert a["requests"] - a["repeated"] <= ledger.seen + 64 * kills, (ledger, a)
    for report in (a, b):
        assert (report["repeated_unsafely"], report["mangled"], report["strange"]) == (0, 0, 0), report
    assert ledger.delivered > 20, ledger  # nor was it with B
    return ledger


def at_rest(stage: Stage, start: Resources) -> Resources:
    """What the tee holds once everybody has gone: no client, no file, no thread more than it may."""

    def probe() -> Resources | None:
        now = stage.resources()
        return now if not now.to_clients and 0 <= now.others - start.others <= LATER else None

    now = eventually(probe, f"the descriptors of the start, {start}")
    assert now is not None
    print(now)
    assert now.threads <= MOST_THREADS
    assert now.to_upstreams <= MOST_IDLE
    return now


@PROCESSES
def test_bad_servers_and_bad_clients_cost_nobody_an_answer_and_leave_nothing_behind(
    processes: int, number: int
) -> None:
    with staged("-processes", str(processes), *WORKERS) as stage:
        start = stage.resources_at_start(processes)
        first = torment(stage, number, 3, AWAY)
        before = at_rest(stage, start)
        second = torment(stage, number + 1, 3, AWAY)
        after = at_rest(stage, start)
        assert_accounted_for(stage, first, second)
        assert after.memory - before.memory <= KEPT_BY_MALLOC


def test_killed_workers_cost_only_what_they_held(number: int) -> None:
    with staged("-processes", "2", *WORKERS) as stage:
        start = stage.resources_at_start(2)
        outcome = torment(stage, number, 5, KILL, every=1)
        at_rest(stage, start)
        assert_accounted_for(stage, outcome)


@PROCESSES
def test_a_storm_of_reloads_costs_nobody_an_answer(processes: int, number: int) -> None:
    with staged("-processes", str(processes), *WORKERS) as stage:
        start = stage.resources_at_start(processes)
        outcome = torment(stage, number, 3, RELOAD, every=0.1)
        at_rest(stage, start)
        assert_accounted_for(stage, outcome)


def test_all_of_it_at_once(number: int) -> None:
    with staged("-processes", "2", *WORKERS) as stage:
        start = stage.resources_at_start(2)
        outcome = torment(stage, number, 6, {**AWAY, "kill": 2, "reload": 6}, every=0.2)
        at_rest(stage, start)
        assert_accounted_for(stage, outcome)
