"""The judge: takes the pairs that differ, compares them, asks again, keeps the evidence, and reports on every B.

It is one process beside the worker processes, or a thread under another server. Nobody waits for it. Whatever fails in
it is counted, and it goes on.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from httptee.ledger import Faults
from httptee.verdict.court import Pair, RouteSums
from httptee.verdict.judge.asking import Asking
from httptee.verdict.judge.case import Case
from httptee.verdict.judge.channel import Reader
from httptee.verdict.judge.pace import Pace
from httptee.verdict.judge.repeats import Ask, Repeats
from httptee.verdict.judge.totals import Totals
from httptee.verdict.judge.trial import Compare, Evidence, Observed, Trial
from httptee.verdict.pairs import Folding, folded

logger = logging.getLogger(__name__)

_WAIT = 0.2  # seconds for a pair; then the judge looks after repeats and the time
_SHORT_WAIT = 0.02  # the same while A or B is asked again
_SECOND = 1.0  # seconds from one look at A to the next, and from one report to the next
_FAR = 60.0  # seconds
_LOOK_COST = 20.0  # a report may take a twentieth of the time
_SAVE = 10.0  # seconds from one save of the states to the next; what was judged since then is lost with the process
_LAST_PAIRS = 0.5  # seconds at the end for the pairs that have arrived
_JUDGING, _ASKING, _LOOKING = "a pair could not be judged", "a repeat could not be judged", "no report could be made"
_SAVING = "the state of the verdict could not be saved"


class Judge:
    """Judges the Bs of `trials`. `compare` finds the differences of two outcomes. With `reset`, each run of the tee
    begins a new chapter for each B.

    `failures` counts what could not be judged, `strange` the pairs of an unknown B.
    """

    def __init__(
        self,
        reader: Reader,
        trials: Sequence[Trial],
        evidence: Evidence,
        asking: Asking,
        repeats: Callable[[Mapping[str, Any] | None], Repeats],
        observed: Observed,
        compare: Compare,
        pace: Pace,
        clock: Callable[[], float] = time.time,
        short_of_memory: Callable[[], bool] = lambda: False,
        reset: bool = False,
    ) -> None:
        self.failures = self.strange = 0
        self._reader = reader
        self._evidence = evidence
        self._asking = asking
        self._observed = observed
        self._compare = compare
        self._pace = pace
        self._clock = clock
        self._short_of_memory = short_of_memory
        self._reset = reset
        self._faults = Faults(self._failed)
        self._folding = Folding()
        self._numbers = count(evidence.next_number())
        self._repeats = repeats(evidence.load("repeats"))
        self._next_second = self._next_look = self._next_save = self._began = clock()
        sums = observed.sums()
        self._cases = {trial.backend: self._begun(trial, sums.get(trial.backend, {})) for trial in trials}

    def run(self, wanted: Callable[[], bool] = lambda: True) -> None:
        """Judge until `wanted` returns False or memory is short; then save and close all."""
        while wanted() and self.turn():
            pass
        self.end()

    def turn(self) -> bool:
        """Judge what has arrived, carry out what is due, and report once a second. Returns whether to go on."""
        for pair in self._reader.receive(_WAIT if self._asking.idle else _SHORT_WAIT):
            self._faults.watch(_JUDGING, self._judge, pair)
            self._pace.rest()
            if self._is_due(self._next_second + 2 * _SECOND):  # the other pairs wait in the channel
                break
        self._faults.watch(_ASKING, self._collect)
        self._faults.watch(_ASKING, self._ask)
        goes_on = True
        if self._is_due(self._next_second):
            self._next_second = self._clock() + _SECOND
            self._faults.watch(_ASKING, self._observe)
            goes_on = not self._short_of_memory()
        if self._is_due(self._next_look):
            self._pace.rest()
            self._faults.watch(_LOOKING, self._look)
            self._next_look = self._clock() + max(_SECOND, _LOOK_COST * self._pace.rest())
        self._pace.rest()
        return goes_on

    def end(self) -> None:
        """Judge what has arrived, within a limit of time, and save and close all."""
        until = time.monotonic() + _LAST_PAIRS
        while time.monotonic() < until and (pairs := list(self._reader.receive(0.0))):
            for pair in pairs:
                self._faults.watch(_JUDGING, self._judge, pair)
        self._faults.watch(_ASKING, self._collect)
        for ask in self._repeats.drop_all():
            self._faults.watch(_ASKING, self._refuse, ask)
        self._next_save = 0.0
        self._faults.watch(_LOOKING, self._look)
        self._faults.watch(_SAVING, self._evidence.close)
        self._asking.close()

    def _begun(self, trial: Trial, sums: Mapping[str, RouteSums]) -> Case:
        saved = self._evidence.load(f"case {trial.backend}") or {}
        reset = self._reset and saved.get("run") != self._observed.run
        chapter = self._evidence.chapter(trial.backend, trial.fingerprint, reset)
        counts = self._observed.counts(trial.backend, sums)
        totals = Totals(self._observed.run, chapter, saved, sums, counts)
        if saved.get("chapter") == chapter:
            try:
                court = trial.court(chapter, saved["court"])
                return Case(court, totals, str(saved.get("word", "")), int(saved.get("repeats", 0)))
            except Exception:  # of another version, or damaged
                self._faults.report(f"the state of the verdict on {trial.backend} cannot be used: it begins anew")
        return Case(trial.court(chapter, None), totals)

    def _judge(self, pair: Pair) -> None:
        case = self._cases.get(pair.backend)
        if case is None:  # a reload has removed this B
            self.strange += 1
            return
        pair = replace(pair, number=next(self._numbers), route=self._folding(pair.route))
        found = self._compare(pair.a, pair.b)
        ask = case.court.unequal(pair, found)
        if found:
            self._evidence.add(pair, found)
        self._offer(ask)

    def _offer(self, ask: Ask | None) -> None:
        if ask is not None:
            for refused in self._repeats.offer(ask):
                self._refuse(refused)

    def _refuse(self, ask: Ask) -> None:
        route = ask.pair.route
        if self._folding(route) == route:  # else it is a part of another route now, where nothing is awaited for it
            self._cases[ask.pair.backend].court.refused(ask)

    def _ask(self) -> None:
        """Start the repeats that are due."""
        while self._asking.free and (ask := self._repeats.due(self._clock())) is not None:
            self._cases[ask.pair.backend].repeats += 1
            self._asking.start(ask)

    def _collect(self) -> None:
        """Judge the repeats that have ended."""
        for ask, again in self._asking.done():
            pair = ask.pair
            if again is None or (again.a.failure and not pair.a.failure):
                self._repeats.failed(self._clock())
                self._refuse(ask)
                continue
            found = self._compare(pair.a, pair.b)
            pair = replace(pair, route=self._folding(pair.route))
            further = self._cases[pair.backend].court.confirmed(pair, again, found)
            if found:
                self._evidence.add(pair, found, again)
            self._offer(further)

    def _is_due(self, at: float) -> bool:
        """Whether this time has come. A time that is far away is due too: the clock was set."""
        return not 0 < at - self._clock() <= _FAR

    def _observe(self) -> None:
        """See how A does, and refuse what has waited for too long."""
        now = self._clock()
        self._repeats.observe(self._observed.primary(), self._observed.share(), now)
        for ask in self._repeats.expired(now):
            self._refuse(ask)

    def _look(self) -> None:
        """Report on every B, and from time to time save what the next judge needs."""
        now, observed = self._clock(), self._observed
        sums = self._sums()
        counts = {backend: observed.counts(backend, sums[backend]) for backend in self._cases}
        reports = []
        for backend, case in self._cases.items():
            total = replace(case.totals.counts(counts[backend]), repeats=case.repeats)
            report = case.court.report(case.totals.sums(sums[backend]), total, now)
            case.say(report)
            reports.append(report)
        self._evidence.publish(reports, judge=self._own_counts())
        if self._is_due(self._next_save):
            self._next_save = now + min(_SAVE, max(_SECOND, now - self._began))  # sooner while little is saved
            for backend, case in self._cases.items():
                self._evidence.save(f"case {backend}", case.state(sums[backend], counts[backend]))
            self._evidence.save("repeats", self._repeats.state())

    def _sums(self) -> dict[str, dict[str, RouteSums]]:
        """The counts of each B by route. Routes that are one by now are put together, here and in what is known."""
        every = self._observed.sums()
        self._folding.learn([*self._observed.names(), *(case.totals.routes for case in self._cases.values())])
        for case in self._cases.values():
            case.fold(self._folding)
        return {backend: folded(every.get(backend, {}), self._folding) for backend in self._cases}

    def _own_counts(self) -> dict[str, Any]:
        """Where this judge runs, what it could not judge, and its repeats, since it began."""
        repeats = self._repeats
        return {
            "pid": os.getpid(),
            "thread": threading.current_thread() is not threading.main_thread(),
            "began": self._began,
            "failures": self.failures,
            "strange": self.strange,
            "dropped": self._reader.dropped,
            "repeats": {"made": repeats.made, "waiting": len(repeats), "refused": dict(repeats.refused)},
        }

    def _failed(self) -> None:
        self.failures += 1
