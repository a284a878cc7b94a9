"""What A's clients notice of the verdict: the same tee with it and without it, in pairs of windows."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ...programs.backends import Backend, start_backend
from ...programs.load import CASES, Outcome
from ...programs.subjects import Subject, start_httptee
from ...programs.watched import Watched, fates, status, watched
from ...reports.figures import Json, Sample
from ..paired import Paired, add_windows, alternate, in_rounds, table_of, targets
from ..rounds import Stage, stages
from ..sampling import Workload, sample
from ..scenario import Setup
from .judge import back, treated

PLAIN = Subject("httptee", start_httptee)
JUDGED = Subject("httptee -verdict", start_httptee)
TITLE = "A's clients, with and without the verdict"
HEADER = ["answers, judge", "connections"]


@dataclass(frozen=True)
class Condition:
    """The number of connections, whether 5 % of B's answers differ, and what is done to the judge."""

    connections: int
    varied: bool
    deed: str = "runs"

    @property
    def key(self) -> str:
        """For lookups in a result."""
        return f"{self.title}, {self.connections}"

    @property
    def title(self) -> str:
        """For a row."""
        return f"{'5 % differ' if self.varied else 'all equal'}, judge {self.deed}"

    @property
    def cells(self) -> list[str]:
        """For a row of a table."""
        return [self.title, str(self.connections)]


CONDITIONS = tuple(
    Condition(connections, varied, deed)
    for connections in (32, 128)
    for varied, deed in ((False, "runs"), (True, "runs"), (True, "killed"), (True, "stopped"))
)


def uncounted(clones: Json, report: Json | None) -> str:
    """What is wrong with B's ledger and, where it has one, with its report. Empty where all is counted."""
    settled = sum(fates(clones).values())
    found = [] if clones["seen"] == settled else [f"{clones['seen']} clones seen, {settled} settled"]
    if report and report["offered"] != clones["seen"]:
        found.append(f"{clones['seen']} clones seen, {report['offered']} in the report")
    if report and report["chosen"] != report["judged"]:
        found.append(f"{report['chosen']} pairs chosen, {report['judged']} judged")
    return "; ".join(found)


def counted(running: Watched, judged: bool, seconds: float = 20.0) -> str:
    """What is still not counted after some seconds. A report is about a second old."""
    deadline, wrong = time.monotonic() + seconds, ""
    while True:
        try:
            reports = status(running.admin, "/verdict")["reports"] if judged and running.admin else []
            wrong = uncounted(running.ledger(), reports[0] if reports else None)
            if judged and not reports:
                wrong = "no report"
        except (OSError, ValueError, KeyError):
            wrong = "the report cannot be read"
        if not wrong or time.monotonic() > deadline:
            return wrong
        time.sleep(0.5)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the windows, and the choice of rows."""
    add_windows(parser)
    parser.add_argument("--deeds", default="runs,killed,stopped", help="what is done to the judge (default: all)")
    parser.add_argument("--connections", type=int, choices=[32, 128], help="only so many (default: both)")


def chosen(options: argparse.Namespace) -> list[Condition]:
    """The rows of a run."""
    deeds = options.deeds.split(",")
    return [each for each in CONDITIONS
            if each.deed in deeds and options.connections in (None, each.connections)]  # fmt: skip


def measured(stage: Stage[Backend], condition: Condition, b: Backend, setup: Setup, windows: int) -> Paired:
    """Both tees, in so many pairs of windows."""
    workload = Workload(CASES["get"], condition.connections).by(stage.load)
    ports, plan = (stage.a.port, b.port), replace(setup.plan, warmup=0)
    with (
        watched(stage.workspace, PLAIN, *ports) as plain,
        watched(stage.workspace, JUDGED, *ports, "-verdict", "memory") as judged,
    ):

        def window(running: Watched, deed: str) -> Callable[[], Sample]:
            if setup.plan.warmup:
                workload(running.tee.url, setup.plan.warmup)

            def apply(url: str, seconds: int) -> Outcome:
                with treated(running, deed):
                    return workload(url, seconds)

            return lambda: sample(apply, running.tee, plan, stage.a, b)

        pairs = alternate(windows, window(plain, "runs"), window(judged, condition.deed))
        gone = "" if back(judged) else "no judge afterwards"
        return Paired([pairs], [counted(plain, False), counted(judged, True), gone])


def tables(options: argparse.Namespace, setup: Setup) -> list[Json]:
    """Measure both tees in every condition."""
    with stages(setup.arranged, options.load) as ready:
        varied = {stage.sessions: start_backend(stage.workspace, "varied", varied=True) for stage in ready}

        def measure(stage: Stage[Backend], condition: Condition) -> Paired:
            b = varied[stage.sessions] if condition.varied else stage.b
            return measured(stage, condition, b, setup, options.windows)

        found = in_rounds(setup.plan.rounds, ready, chosen(options), measure)
        names = PLAIN.name, JUDGED.name
        return [table_of(TITLE, HEADER, stage.sessions, found, names) for stage in ready]


TARGETS = targets("verdict", TITLE, CONDITIONS)
