"""Compares B's answers with those that A gave when they were recorded, and says what that means: the same court as in
the live tee, with A's answers from the recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from time import time
from typing import Any

from httptee.compare import Difference, Outcome, Routes, differences
from httptee.replay.replaying.asking import Live
from httptee.replay.replaying.earlier import Earlier, Seen, identity
from httptee.replay.replaying.feed import Planned
from httptee.replay.replaying.lines import Line
from httptee.replay.sending import CUT, LOST, STOPPED, Sent
from httptee.verdict.court import (
    Again,
    Counts,
    Court,
    Pair,
    Policy,
    bucket,
    sample_share,
)
from httptee.verdict.evidence import Evidence
from httptee.verdict.pairs import Folding

_APART = 90.0  # seconds between two answers of A that show whether it changes with time
_READS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class Judging:
    """Judges one B. With `live`, A and B are asked again where the recording has no second answer.

    `evidence` keeps pairs. `hides` says of a difference whether it says nothing, because A's value is a secret that was
    replaced. `masked` counts the answers in which such differences were left out.
    """

    def __init__(
        self,
        policy: Policy,
        evidence: Evidence,
        live: Live | None = None,
        hides: Callable[[Difference], bool] = lambda found: False,
        random: Random | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        self.masked = self.compared = 0
        self._random = random or Random()
        self._court = Court(policy, self._random)
        self._policy = policy
        self._evidence = evidence
        self._live = live
        self._hides = hides
        self._clock = clock
        self._routes = Routes(policy.rules.templates)
        self._lines: dict[str, Line] = {}
        self._earlier = Earlier()
        self._number = evidence.next_number()
        self._offered = self._delivered = self._missed = self._asked = 0
        self._names: list[frozenset[str]] = []  # of the routes of other members

    @property
    def asks(self) -> bool:
        """Whether a live A can be asked again."""
        return self._live is not None

    def settled(self, planned: Planned, sent: Sent) -> None:
        """Take a result."""
        if sent.failure in (STOPPED, CUT):
            return
        request = planned.prepared.request
        line = self._line(request.method, request.target)[1]
        line.requests += 1
        self._offered += 1
        if not sent.failure:
            self._delivered += 1
        elif request.method not in _READS:
            self._missed += 1
        if (a := planned.prepared.expected) is not None and sent.failure != LOST:
            self._compare(planned, sent, a)

    def turn(self) -> None:
        """Ask A and B again where that is due, and take what they have answered."""
        if self._live is not None:
            for ask, again in self._live.turn():
                self._confirm(ask, again)

    def finish(self, seconds: float, stopped: Callable[[], bool] = lambda: False) -> None:
        """Wait for at most so long for what A and B are asked again, and not once `stopped` says so."""
        if self._live is not None:
            for ask, again in self._live.finish(seconds, stopped):
                self._confirm(ask, again)

    def reports(self, figures: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The report, in a list as for several Bs, as it is published with the figures of the replay: without
        credentials."""
        self._merge()
        if self._names:
            self._fold(Folding([*self._names, frozenset(self._lines)]))
        sums = {route: line.sums() for route, line in self._lines.items()}
        counts = Counts(
            self._offered, self._delivered, sum(one.chosen for one in sums.values()),
            sum(one.judged for one in sums.values()), self._made, self._missed,
        )  # fmt: skip
        report = self._court.report(sums, counts, self._clock())
        self._evidence.publish([report], replay=figures)
        return self._evidence.reports()

    def state(self) -> dict[str, Any]:
        """All that is known, as values of JSON, for a member that makes one report of several."""
        self._merge()
        return {
            "court": self._court.state(),
            "lines": {route: line.state() for route, line in self._lines.items()},
            "counts": [self._offered, self._delivered, self._missed, self._made, self.compared, self.masked],
        }

    def add(self, state: Mapping[str, Any]) -> None:
        """Add what another member knows by its `state`. Raises KeyError, TypeError or ValueError if it is none."""
        lines = {str(route): Line.restored(one) for route, one in state["lines"].items()}
        offered, delivered, missed, asked, compared, masked = map(int, state["counts"])
        self._court.take(state["court"])
        self._names.append(frozenset(lines))
        for route, line in lines.items():
            self._lines.setdefault(route, Line()).merge(line)
        self._offered += offered
        self._delivered += delivered
        self._missed += missed
        self._asked += asked
        self.compared += compared
        self.masked += masked

    @property
    def _made(self) -> int:
        """How many times A and B were asked again, by all members."""
        return self._asked + (0 if self._live is None else self._live.made)

    # --- One pair ---------------------------------------------------------------------------------------------------

    def _compare(self, planned: Planned, sent: Sent, a: Outcome) -> None:
        request, exchange = planned.prepared.request, planned.exchange
        route, line = self._line(request.method, request.target)
        b = a if sent.equal else _answer(sent)
        found = [] if sent.equal else self._found(a, b, first=True)
        line.chosen += 1
        self.compared += 1
        same = sent.equal is True or not found
        line.equal += same
        line.unequal += not same
        at, now = exchange.arrived / 1e9, self._clock()
        a_seconds = max(0, exchange.first_byte) / 1e9
        if not sent.failure:
            self._time(line, a_seconds, sent.head, now)
        before = self._earlier.swap(identity(request), Seen(a, a if same else b, at))
        extra = same and before is not None and self._random.random() < sample_share(line.equal + line.unequal)
        if same and not extra:
            return
        pair = Pair(self._number, self._policy.backend, route, request, a, b, at, now, a_seconds, sent.head, extra)
        self._number += 1
        ask = self._court.unequal(pair, found)
        if found:
            self._evidence.add(pair, found)
        if ask is None:
            return
        if before is not None:
            self._confirm(ask, Again(before[1].a, before[1].b, before[1].at), before[0])
        elif self._live is None or extra or not self._live.offer(ask):
            self._court.refused(ask)

    def _confirm(self, ask: Any, again: Again | None, first: Seen | None = None) -> None:
        """Tell the court what A and B answered to the same request at another time."""
        pair = ask.pair
        if again is None or again.a.failure:
            self._court.refused(ask)
            return
        found = self._found(pair.a, pair.b)
        further = self._court.confirmed(pair, again, found)
        if found:
            self._evidence.add(pair, found, again)
        if further is None:
            return
        if first is not None and abs(pair.at - first.at) >= _APART:
            self._court.confirmed(pair, Again(first.a, first.b, first.at, delayed=True), found)
        elif self._live is not None and pair.b_at - pair.at >= _APART:  # A's answer now is that much later
            self._live.offer(further)

    def _found(self, a: Outcome, b: Outcome, first: bool = False) -> Sequence[Difference]:
        found = differences(a, b)
        known = [one for one in found if not self._hides(one)]
        self.masked += first and len(known) < len(found)
        return known

    def _time(self, line: Line, a_seconds: float, b_seconds: float, now: float) -> None:
        line.a_times[bucket(a_seconds)] += 1
        line.b_times[bucket(b_seconds)] += 1
        if self._policy.times and (toss := line.blocks.add(a_seconds, b_seconds, now)) is not None:
            line.toss = [one + more for one, more in zip(line.toss, toss, strict=True)]

    # --- Routes -----------------------------------------------------------------------------------------------------

    def _line(self, method: str, target: str) -> tuple[str, Line]:
        route = self._routes.route(method, target)
        self._merge()
        line = self._lines.get(route)
        if line is None:
            line = self._lines[route] = Line()
        return route, line

    def _merge(self) -> None:
        """Put routes together that have turned out to be one."""
        if not (merged := self._routes.merged()):
            return
        names = dict(merged)

        def name_of(name: str) -> str:
            while name in names and names[name] != name:
                name = names[name]
            return name

        self._fold(name_of)

    def _fold(self, name_of: Callable[[str], str]) -> None:
        for old in list(self._lines):
            if (new := name_of(old)) != old:
                self._lines.setdefault(new, Line()).merge(self._lines.pop(old))
        self._court.fold(name_of)


def _answer(sent: Sent) -> Outcome:
    if sent.failure or sent.answer is None:
        return Outcome(0, [], b"", failure=sent.failure or "reset")
    return Outcome(*sent.answer)
