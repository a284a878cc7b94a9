"""A central judge: one of any number. It takes the pairs of all tees from the partitions that it owns, has them
compared and judged as the judge of one tee does, and reports on every B over all partitions.

The state of a partition is saved together with the place up to which its pairs are judged. So a judge that takes a
partition over counts each pair once, whatever has happened to the one before it. What was asked again and not yet
answered at that moment is not awaited.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from httptee.journal.engines import Entry, Unavailable
from httptee.journal.shipping import Parcel
from httptee.ledger import Faults
from httptee.verdict.fleet.adding import Fleet
from httptee.verdict.fleet.docket import Docket, Hearing
from httptee.verdict.fleet.document import Lost
from httptee.verdict.fleet.merging import lost, merged_reports
from httptee.verdict.fleet.packing import MalformedPair, unpacked
from httptee.verdict.fleet.partitions import Partitions
from httptee.verdict.fleet.reading import TeeDocuments
from httptee.verdict.fleet.standing import Standing
from httptee.verdict.judge import Ask, Asking, Compare, Evidence, Repeats, Trial
from httptee.verdict.pairs import Folding

logger = logging.getLogger(__name__)

GROUP = "judges"
"""The group of readers that all judges of a topic join."""

_AT_ONCE = 256  # messages
_WAIT, _SHORT_WAIT = 0.2, 0.02  # seconds for a message; the short one while A or B is asked again
_SECOND = 1.0
_LOOK_COST, _LOOK_WAIT = 20.0, 3.0  # a report may take a twentieth of a core, and a fourth of the time
_BACK_OFF = 0.5  # seconds until an engine that is not there is tried again
_JUDGING, _ASKING, _LOOKING = "a pair could not be judged", "a repeat could not be judged", "no report could be made"


class CentralJudge:
    """Judges the Bs of `trials` by the pairs of `partitions` and the documents of all tees. `standing` publishes what
    it finds. `repeats` has the limits of all judges together: each has its part of them.

    `failures` counts what could not be judged.
    """

    def __init__(
        self,
        partitions: Partitions,
        documents: TeeDocuments,
        trials: Sequence[Trial],
        evidence: Evidence,
        asking: Asking,
        repeats: Repeats,
        compare: Compare,
        standing: Standing,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.failures = 0
        self._partitions = partitions
        self._documents = documents
        self._trials = trials
        self._evidence = evidence
        self._asking = asking
        self._repeats = repeats
        self._made_before = repeats.made
        self._compare = compare
        self._standing = standing
        self._clock = clock
        self._sleep = sleep
        self._faults = Faults(self._failed)
        self._folding = Folding()
        self._fleet = Fleet()
        self._error = ""
        self._next_second = self._next_look = 0.0

    def run(self, wanted: Callable[[], bool] = lambda: True) -> None:
        """Judge until `wanted` returns False; then save and close all."""
        while wanted():
            self.turn()
        self.end()

    def turn(self) -> None:
        """Judge what has arrived, carry out what is due, save and report. Does not raise for an engine that is down."""
        try:
            self._turn()
        except Unavailable as error:
            self._is_down(error)
            self._sleep(_BACK_OFF)
        else:
            if self._error:
                self._error = ""
                logger.info("the engine is there again")

    def end(self) -> None:
        """Save and close all. The partitions go to other judges at once."""
        self._faults.watch(_ASKING, self._collect)
        for ask in self._repeats.drop_all():
            self._faults.watch(_ASKING, self._refuse, ask)
        for step in (self._look, lambda: self._partitions.save(everything=True), self._standing.leave):
            self._faults.watch(_LOOKING, self._unless_down, step)
        self._partitions.close()
        self._standing.close()
        self._evidence.close()
        self._asking.close()

    def _unless_down(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Unavailable as error:
            self._is_down(error)

    def _is_down(self, error: Unavailable) -> None:
        if not self._error:
            logger.warning("%s; what waits there is judged later", error)
        self._error = str(error)

    def _turn(self) -> None:
        for docket, entry in self._partitions.read(_AT_ONCE, _WAIT if self._asking.idle else _SHORT_WAIT):
            self._faults.watch(_JUDGING, self._take, docket, entry)
        self._faults.watch(_ASKING, self._collect)
        self._faults.watch(_ASKING, self._ask)
        if self._clock() >= self._next_second:
            self._next_second = self._clock() + _SECOND
            self._fleet = Fleet(self._documents.read())
            self._faults.watch(_ASKING, self._observe)
        self._safely(self._partitions.save)
        if self._clock() >= self._next_look:
            began, spent = self._clock(), time.thread_time()
            self._safely(self._look)
            now, spent = self._clock(), time.thread_time() - spent
            self._next_look = now + max(_SECOND, _LOOK_COST * spent, _LOOK_WAIT * (now - began))

    def _safely(self, step: Callable[[], object]) -> None:
        """Whatever others have put beside the topic, this judge goes on. Raises Unavailable."""
        try:
            step()
        except Unavailable:
            raise
        except Exception:
            self._faults.report(_LOOKING)

    def _take(self, docket: Docket, entry: Entry) -> None:
        """Judge one message: a pair, or what a tee says of pairs that are lost."""
        try:
            parcel = Parcel.unpacked(entry.message.payload)
            pair = unpacked(parcel.record, docket.pair_number()) if parcel.record is not None else None
        except (MalformedPair, ValueError):
            docket.strange += 1
            return
        if parcel.missing is not None:
            gone = parcel.missing
            docket.lost += Lost(gone.count or 0, gone.first / 1e9, gone.last / 1e9)
        if pair is None:
            return
        hearing = docket.hearings.get(pair.backend)
        if hearing is None:
            docket.strange += 1
            return
        docket.judged += 1
        pair = replace(pair, route=self._folding(pair.route))
        found = self._compare(pair.a, pair.b)
        ask = hearing.court.unequal(pair, found)
        if found:
            self._evidence.add(pair, found)
        self._offer(ask)

    def _offer(self, ask: Ask | None) -> None:
        if ask is not None:
            for refused in self._repeats.offer(ask):
                self._refuse(refused)

    def _refuse(self, ask: Ask) -> None:
        route, (docket, hearing) = ask.pair.route, self._of(ask)
        if docket is not None and hearing is not None and self._folding(route) == route:
            hearing.court.refused(ask)
            docket.changed = True

    def _ask(self) -> None:
        """Start the repeats that are due. What belongs to another judge by now is not asked."""
        while self._asking.free and (ask := self._repeats.due(self._clock())) is not None:
            docket, hearing = self._of(ask)
            if docket is not None and hearing is not None:
                hearing.repeats += 1
                docket.changed = True
                self._asking.start(ask)

    def _collect(self) -> None:
        """Judge the repeats that have ended."""
        for ask, again in self._asking.done():
            pair, (docket, hearing) = ask.pair, self._of(ask)
            if again is None or (again.a.failure and not pair.a.failure):
                self._repeats.failed(self._clock())
                self._refuse(ask)
                continue
            if docket is None or hearing is None:
                continue
            found = self._compare(pair.a, pair.b)
            pair = replace(pair, route=self._folding(pair.route))
            further = hearing.court.confirmed(pair, again, found)
            docket.changed = True
            if found:
                self._evidence.add(pair, found, again)
            self._offer(further)

    def _of(self, ask: Ask) -> tuple[Docket | None, Hearing | None]:
        docket = self._partitions.of(ask.pair.route)
        return docket, docket.hearings.get(ask.pair.backend) if docket is not None else None

    def _observe(self) -> None:
        """Learn the names of the routes, see how A does, and refuse what has waited for too long."""
        self._folding.learn(self._fleet.names())
        self._partitions.fold(self._folding)
        now = self._clock()
        self._repeats.part = len(self._partitions.owned) / self._partitions.count
        self._repeats.observe(self._fleet.primary(), self._fleet.share(), now)
        for ask in self._repeats.expired(now):
            self._refuse(ask)

    def _look(self) -> None:
        """Report on every B. Raises Unavailable."""
        states, now = self._partitions.states(), self._clock()
        reports = self._faults.watch(_LOOKING, merged_reports, self._trials, states, self._fleet, self._folding, now)
        if reports is not None:
            self._standing.say(reports, self._fleet, self._own_words(), lost(states, self._fleet), now)

    def _own_words(self) -> dict[str, Any]:
        repeats, owned = self._repeats, self._partitions.owned
        return {
            "owns": sorted(owned),
            "failures": self.failures,
            "strange": sum(docket.strange for docket in owned.values()),
            "dropped": self._documents.damaged,
            "repeats": {
                "made": repeats.made - self._made_before,
                "waiting": len(repeats),
                "refused": dict(repeats.refused),
            },
        }

    def _failed(self) -> None:
        self.failures += 1
