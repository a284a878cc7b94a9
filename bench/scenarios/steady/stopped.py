"""B stopped with SIGSTOP for less than its timeout, under full load: lost clones, memory, and the time to catch up.

Neither a full backlog nor a failure may cost B a clone, and what waits must stay within the bound for clones.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType

from ...errors import BenchError
from ...programs import measure
from ...programs.backends import Backend, settle
from ...programs.processes import Process
from ...programs.sessions import Sessions
from ...programs.subjects import Subject
from ...programs.watched import Watched, fates, watched
from ...reports.figures import Json
from ...reports.lookups import OURS, Lookup, Measured, rows
from ...reports.tables import megabytes, table
from ...reports.targets import MEGABYTES_16, Target
from ..rounds import Stage, Taken, interleaved
from ..sampling import Workload
from ..scenario import Plan

STOPPED = 0.8  # seconds; -b.timeout is 1 s by default
AHEAD = 2.0  # seconds of load before the stop
BEHIND = 6.0  # seconds of load after it
LEVEL = 2.0  # seconds in which B must be level with A again
BOUND = 64 * 1024 * 1024 + MEGABYTES_16
"""`-b.max-bytes` by default, and what a tee's memory may differ by for other reasons."""
TITLE = f"{{}}: B stopped for {STOPPED:g} s under full load"
HEADER = ["load", "requests/s", "clones", "dropped or failed", "B got", "memory before", "at most", "after",
          "level again after", "errors", "notes"]  # fmt: skip


@dataclass(frozen=True)
class Stopped:
    """One measurement.

    `lost`: the clones that were dropped or that failed, by reason. `level`: seconds from SIGCONT until B lacks no more
    clones than at most in the second before the stop, lost ones left out; None if that did not come. Memory in bytes.
    """

    rate: float
    errors: int
    seen: int
    lost: dict[str, int]
    a: int
    b: int
    before: float
    peak: float
    after: float
    level: float | None


@contextlib.contextmanager
def stopped(process: Process) -> Iterator[None]:
    """Stop all processes of a program while the block runs. They continue also after an error in it."""
    pids = list(measure.members(process.group))
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def lost(ledger: Json) -> dict[str, int]:
    """The clones that were dropped or that failed, by reason."""
    return {name: number for name, number in fates(ledger).items() if name.startswith(("dropped", "failed"))}


class Watch(threading.Thread):
    """Stops B in the middle of a load, and watches memory and counts meanwhile. Ends with the block at the latest."""

    def __init__(self, stage: Stage[Backend], tee: Watched) -> None:
        super().__init__(daemon=True)
        self.stage, self.tee = stage, tee
        self.base = stage.a.count() - stage.b.count()
        self.before = self.peak = 0.0
        self.level: float | None = None
        self.problem: Exception | None = None
        self._over = threading.Event()

    def __enter__(self) -> Watch:
        """Begin."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, and raise what went wrong in the thread."""
        self._over.set()
        self.join()
        if self.problem is not None and error is None:
            raise BenchError(f"the watch of the tee failed: {self.problem}") from self.problem

    def run(self) -> None:
        """Watch the load."""
        try:
            self._watch()
        except Exception as problem:
            self.problem = problem

    def _watch(self) -> None:
        self._over.wait(AHEAD - 1)
        usual = self._usual(time.monotonic() + 1)
        self.before = measure.memory(self.tee.process.group)
        with measure.Peak(self.tee.process.group) as peak:
            with stopped(self.stage.b.process):
                self._over.wait(STOPPED)
            began = time.monotonic()
            while not self._over.is_set():
                if self._behind() <= usual:
                    self.level = time.monotonic() - began
                    break
                self._over.wait(0.05)
            self._over.wait(1.0)
        self.peak = peak.bytes

    def _usual(self, end: float) -> int:
        """The most clones that B lacks until this time."""
        most = self._behind()
        while time.monotonic() < end and not self._over.is_set():
            most = max(most, self._behind())
            self._over.wait(0.05)
        return most

    def _behind(self) -> int:
        """The clones that B has still to get."""
        b = self.stage.b.count()
        a = self.stage.a.count()
        ledger = self.tee.ledger()
        return a - b - self.base - sum(lost(ledger).values())


def measured(stage: Stage[Backend], workload: Workload, subject: Subject, plan: Plan) -> Stopped:
    """Load a tee, and stop its B meanwhile."""
    with watched(stage.workspace, subject, stage.a.port, stage.b.port) as tee:
        apply = workload.by(stage.load)
        if plan.warmup:
            apply(tee.tee.url, plan.warmup)
        b_before, a_before = settle(stage.b), settle(stage.a)
        already = tee.ledger()
        with Watch(stage, tee) as watch:
            outcome = apply(tee.tee.url, round(AHEAD + STOPPED + BEHIND))
        b_after = settle(stage.b)
        ledger, after = tee.ledger(), measure.memory(tee.process.group)
        gone = {name: number - lost(already).get(name, 0) for name, number in lost(ledger).items()}
        seen = ledger["seen"] - already["seen"] if ledger else 0
        return Stopped(
            outcome.rate, outcome.errors, seen, {name: number for name, number in gone.items() if number},
            stage.a.count() - a_before, b_after - b_before, watch.before, watch.peak, after, watch.level,
        )  # fmt: skip


def tables(
    ready: Sequence[Stage[Backend]], subjects: Sequence[Subject], workloads: Sequence[Workload], plan: Plan
) -> list[Json]:
    """Every load in interleaved rounds."""
    taken = interleaved(
        plan.rounds, ready, workloads, subjects,
        lambda stage, workload, subject: measured(stage, workload, subject, plan),
        lambda workload: f"B stopped, {workload.title}",
        lambda got: f"lost {got.lost}, level after {got.level}, memory at most {megabytes(got.peak)}",
    )  # fmt: skip
    return [stopped_table(subject, stage.sessions, workloads, taken) for subject in subjects for stage in ready]


def stopped_table(
    subject: Subject, sessions: Sessions, workloads: Sequence[Workload], taken: Taken[Workload, Stopped]
) -> Json:
    """One subject's rows: of each figure the worst round."""
    lines, found = [], []
    for workload in workloads:
        got, reason = taken.row(sessions, workload, subject)
        row: Json = {"subject": subject.name, "scenario": workload.title, "reason": reason,
                     "samples": [asdict(one) for one in got]}  # fmt: skip
        if got:
            levels = [one.level for one in got if one.level is not None]
            row |= {
                "lost": max(sum(one.lost.values()) for one in got), "growth": max(one.peak - one.before for one in got),
                "level": max(levels) if len(levels) == len(got) else None,
            }  # fmt: skip
        found.append(row)
        lines += [cells(workload, one, reason) for one in got] or [
            [workload.title, *[""] * (len(HEADER) - 2), reason],
        ]
    return table(TITLE.format(subject.name), HEADER, lines, found, sessions)


def cells(workload: Workload, got: Stopped, reason: str) -> list[str]:
    """One measurement as a table row."""
    return [
        workload.title, f"{got.rate:,.0f}", f"{got.seen:,}",
        ", ".join(f"{name} {number:,}" for name, number in got.lost.items()) or "0",
        f"{min(1.0, got.b / got.a):.2%}" if got.a else "",
        *map(megabytes, (got.before, got.peak, got.after)),
        "not in the load" if got.level is None else f"{got.level:.2f} s", str(got.errors), reason,
    ]  # fmt: skip


def worst(workload: str, name: str) -> Lookup:
    """The worst round's figure."""

    def measure(result: Json) -> Measured:
        row = rows(result, TITLE.format(OURS)).get(workload)
        if row is None:
            return None
        if not row["samples"]:
            return str(row["reason"])
        return "not level within the load" if row[name] is None else float(row[name])

    return measure


def targets(workloads: Sequence[Workload]) -> tuple[Target, ...]:
    """Nothing lost, memory within the bound, level again in time."""
    return tuple(
        target
        for one in workloads
        for text in (f"B stopped for {STOPPED:g} s, {one.title}",)
        for target in (
            Target(f"{text}: clones lost", "steady", worst(one.title, "lost"), 0, most=True),
            Target(f"{text}: memory growth, MB", "steady", worst(one.title, "growth"), BOUND, True, 1e6),
            Target(f"{text}: level again after, s", "steady", worst(one.title, "level"), LEVEL, most=True),
        )
    )
