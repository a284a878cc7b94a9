"""Plays a service's traffic to a world's A and B, and every pair to a court, on a simulated clock.

What happens is what a tee does: B gets its clone shortly after A has answered, equal pairs only count, unequal ones go
to the court, and A and B are asked again within the limits of a tee.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import Any, Protocol

from httptee.compare import Difference, Outcome
from httptee.ledger import Latency, PrimaryStatement
from httptee.verdict.court.pair import Again, Pair
from httptee.verdict.court.sums import RouteSums
from httptee.verdict.judge.repeatable import unrepeatable
from httptee.verdict.judge.repeats import Ask, Repeats
from tests.worlds.play.tally import Tally
from tests.worlds.traffic import Arrival, Traffic
from tests.worlds.world import World

SETTLED = 120.0
"""Seconds for which confirmations go on after the last request: longer than any delay of one."""
_WRITES = ("POST", "PUT", "PATCH", "DELETE")
_TIMED = 20  # one pair in so many is timed: to read the clock of the CPU takes longer than most pairs
_FIRST_SHARE, _LATER_SHARE, _FIRST = 0.05, 0.01, 1000


class Court(Protocol):
    """What the driver asks of a court."""

    def unequal(self, pair: Pair, found: Sequence[Difference]) -> Ask | None: ...
    def confirmed(self, pair: Pair, again: Again, found: Sequence[Difference]) -> Ask | None: ...
    def refused(self, ask: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Instruments:
    """What compares and judges. `route` names the route of a method and a target. `tally` makes a route's counts."""

    court: Court
    differences: Callable[[Outcome, Outcome], Sequence[Difference]]
    equal: Callable[[Outcome, Outcome], bool]
    route: Callable[[str, str], str]
    tally: Callable[[], Tally]


@dataclass(slots=True)
class Played:
    """What has been played: counts, and about how many seconds of CPU the comparison of the pairs took.

    `unsafe` counts repeats of what must not be repeated.
    """

    requests: int = 0
    offered: int = 0
    delivered: int = 0
    unequal: int = 0
    writes_missed: int = 0
    unsafe: int = 0
    refused: int = 0
    seconds: float = 0.0
    now: float = 0.0
    routes: Counter[str] = field(default_factory=Counter)
    tallies: dict[str, Tally] = field(default_factory=dict)

    def sums(self) -> dict[str, RouteSums]:
        """The counts of every route."""
        return {route: tally.sums() for route, tally in self.tallies.items()}


class Watcher(Protocol):
    """Sees what is played."""

    def pair(self, a: Outcome, b: Outcome, arrival: Arrival, route: str, now: float) -> None:
        """A pair of A's outcome and B's. B was asked at `now`."""

    def lost(self, arrival: Arrival, now: float) -> None:
        """A request that did not reach B."""


class Play:
    """One run. `watchers` see every pair. After each `every` pairs `between` gets what was played so far."""

    def __init__(
        self, world: World, traffic: Traffic, instruments: Instruments, repeats: Repeats, seed: int,
        watchers: Iterable[Watcher] = (), between: Callable[[Played], None] | None = None, every: int = 500,
    ) -> None:  # fmt: skip
        self.played = Played()
        self._world = world
        self._traffic = traffic
        self._with = instruments
        self._repeats = repeats
        self._random = Random(f"{seed}/play")
        self._watchers = tuple(watchers)
        self._between, self._every = between, every
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._made = 0
        self._looked = 0.0
        self._written: dict[str, float] = {}

    def run(self, enough: Callable[[Played], bool]) -> Played:
        """Play requests until it is enough, then all that is still under way, and the confirmations."""
        played = self.played
        while not enough(played):
            while self._events and self._events[0][0] <= self._traffic.next_at:
                self._step()
            self._repeat_until(self._traffic.next_at)
            self._arrive(self._traffic.take())
        end = played.now + SETTLED
        while self._events:
            self._step()
        self._repeat_until(end)
        return played

    def _at(self, when: float, what: Callable[[float], None]) -> None:
        self._made += 1
        heappush(self._events, (when, self._made, what))

    def _step(self) -> None:
        """Do what is due next, and before it the repeats that are due."""
        when, _, what = heappop(self._events)
        self._repeat(when)
        what(when)

    def _repeat_until(self, end: float) -> None:
        """Look after the repeats twice a second, as a judge does who has nothing else to do."""
        while len(self._repeats) and self.played.now + 0.5 < end:
            self._repeat(self.played.now + 0.5)
        self._repeat(end)

    def _arrive(self, arrival: Arrival) -> None:
        """A client's request: A answers, and B gets its clone shortly after."""
        played = self.played
        played.requests += 1
        played.offered += 1
        a, seconds = self._world.ask("a", arrival.request, arrival.at)
        head = arrival.at + seconds
        self._at(head, lambda now: self._traffic.answered(arrival, a, now))
        route = self._with.route(arrival.request.method, arrival.request.target)
        played.routes[route] += 1
        self._tally(route).requests += 1
        gap = self._random.uniform(0.0005, 0.004)
        if arrival.request.method in _WRITES:
            if self._random.random() < self._world.lost:
                played.writes_missed += 1
                for watcher in self._watchers:
                    watcher.lost(arrival, head)
                return
            if self._random.random() < self._world.late:
                gap += self._random.uniform(0.05, 0.4)
            # A client's writes reach B in their order: if one overtook another, the states would differ for good.
            gap = max(gap, self._written.get(arrival.client.name, 0.0) - head)
            self._written[arrival.client.name] = head + gap
        self._at(head + gap, partial(self._clone, arrival, route, a, seconds))

    def _clone(self, arrival: Arrival, route: str, a: Outcome, a_seconds: float, now: float) -> None:
        """B's turn, and what the worker process does with the pair."""
        played, tally = self.played, self._tally(route)
        b, b_seconds = self._world.ask("b", arrival.request, now)
        for watcher in self._watchers:
            watcher.pair(a, b, arrival, route, now)
        played.delivered += 1
        share = _FIRST_SHARE if tally.chosen < _FIRST else _LATER_SHARE
        extra = self._random.random() < share
        clock = time.process_time if played.delivered % _TIMED == 0 else _still
        started = clock()
        same = self._with.equal(a, b)
        tally.add(same, a_seconds, b_seconds, now)
        if extra or not same:
            played.unequal += not same
            at = arrival.at + a_seconds
            pair = Pair(played.delivered, "b", route, arrival.request, a, b, at, now + b_seconds, a_seconds, b_seconds,
                        same)  # fmt: skip
            self._offer(self._with.court.unequal(pair, [] if same else self._with.differences(a, b)))
        played.seconds += (clock() - started) * _TIMED
        if self._between and played.delivered % self._every == 0:
            self._between(played)

    def _tally(self, route: str) -> Tally:
        return self.played.tallies.get(route) or self.played.tallies.setdefault(route, self._with.tally())

    def _offer(self, ask: Ask | None) -> None:
        if ask is not None:
            self._refuse(self._repeats.offer(ask))

    def _refuse(self, asks: Iterable[Ask]) -> None:
        for ask in asks:
            self.played.refused += 1
            self._with.court.refused(ask)

    def _repeat(self, now: float) -> None:
        """Make the repeats that are due and allowed, and look at A once a second."""
        played = self.played
        played.now = max(played.now, now)
        if now - self._looked >= 1.0:
            self._looked = now
            self._repeats.observe(_well(played.requests), 1.0, now)
            self._refuse(self._repeats.expired(now))
        while len(self._repeats) and (ask := self._repeats.due(now)) is not None:
            self._ask_again(ask, now)

    def _ask_again(self, ask: Ask, now: float) -> None:
        pair = ask.pair
        self.played.unsafe += bool(unrepeatable(pair.request))
        outcomes: dict[str, Outcome] = {}
        at = now
        for side in self._random.sample("ab", 2):
            outcomes[side], seconds = self._world.ask(side, pair.request, at)
            at += seconds
        more = tuple(self._world.ask("b", pair.request, at)[0] for _ in range(ask.more))
        again = Again(outcomes["a"], outcomes["b"], now, ask.delayed, more)
        self._offer(self._with.court.confirmed(pair, again, self._with.differences(pair.a, pair.b)))


def _still() -> float:
    return 0.0


def _well(answered: int) -> PrimaryStatement:
    """A's account where all is well with it."""
    values: dict[str, Any] = {"answered_by_status": {200: answered}, "errors_by_reason": {}, "refused_by_reason": {}}
    return PrimaryStatement(**values, latency=Latency((), 0.0), client_gone=0, log_dropped=0, share_changes=0)
