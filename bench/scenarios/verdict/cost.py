"""What A's clients notice of the verdict: the same tee with it and without it, in interleaved rounds."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

from ...programs.backends import Backend, start_backend
from ...programs.load import CASES, Outcome
from ...programs.subjects import Subject, start_httptee
from ...programs.watched import Watched, fates, status, watched
from ...reports.figures import Json, Row, Sample, row_json
from ...reports.lookups import Lookup, Measured, rows
from ...reports.tables import NOTHING, TIMES, delivered_text, megabytes, microseconds, table
from ...reports.targets import Target
from ..rounds import Stage, Taken, interleaved, stages
from ..sampling import Workload, rate, sample
from ..scenario import Setup
from .judge import back, treated

PLAIN = Subject("httptee", start_httptee)
JUDGED = Subject("httptee -verdict", start_httptee)
OPTIONS = {PLAIN.name: (), JUDGED.name: ("-verdict", "memory")}
TITLE = "A's clients, with and without the verdict"
HEADER = ["answers, judge", "connections", "requests/s", f"{TIMES} without", "p99", f"{TIMES} without",
          "CPU µs a request", f"{TIMES} without", "memory", "clones at B", "errors", "counted"]  # fmt: skip


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


CONDITIONS = tuple(
    Condition(connections, varied, deed)
    for connections in (32, 128)
    for varied, deed in ((False, "runs"), (True, "runs"), (True, "killed"), (True, "stopped"))
)


@dataclass(frozen=True)
class Judged:
    """One measurement, and what is missing in the counts after it, as text."""

    sample: Sample
    wrong: str


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
    """Add the choice of rows."""
    parser.add_argument("--deeds", default="runs,killed,stopped", help="what is done to the judge (default: all)")
    parser.add_argument("--connections", type=int, choices=[32, 128], help="only so many (default: both)")


def chosen(options: argparse.Namespace) -> list[Condition]:
    """The rows of a run."""
    deeds = options.deeds.split(",")
    return [each for each in CONDITIONS
            if each.deed in deeds and options.connections in (None, each.connections)]  # fmt: skip


def measured(stage: Stage[Backend], condition: Condition, subject: Subject, b: Backend, setup: Setup) -> Judged:
    """One measurement of a tee."""
    workload = Workload(CASES["get"], condition.connections).by(stage.load)
    with watched(stage.workspace, subject, stage.a.port, b.port, *OPTIONS[subject.name]) as running:
        deed = condition.deed if subject is JUDGED else "runs"

        def apply(url: str, seconds: int) -> Outcome:
            with treated(running, deed if seconds == setup.plan.seconds else "runs"):
                return workload(url, seconds)

        got = sample(apply, running.tee, setup.plan, stage.a, b)
        gone = subject is JUDGED and not back(running)
        wrong = [counted(running, subject is JUDGED), "no judge afterwards" if gone else ""]
        return Judged(got, "; ".join(filter(None, wrong)))


def table_of(taken: Taken[Condition, Judged], stage: Stage[Backend], conditions: list[Condition]) -> Json:
    """Both tees in every condition."""
    lines, found = [], []
    for condition in conditions:
        both = {}
        for subject in (PLAIN, JUDGED):
            samples, reason = taken.row(stage.sessions, condition, subject)
            row = Row(subject.name, tuple(each.sample for each in samples), reason)
            wrong = sorted({each.wrong for each in samples if each.wrong})
            both[subject.name] = {**row_json(row, []), "wrong": wrong}
        row_of = {**both[JUDGED.name], "scenario": condition.key, "without": ratios(both)}
        found += [{**both[PLAIN.name], "scenario": f"{condition.key}, without"}, row_of]
        lines.append(cells(condition, row_of))
    return table(TITLE, HEADER, lines, found, stage.sessions)


def ratios(both: dict[str, Json]) -> dict[str, float] | None:
    """The figures with the verdict as multiples of those without."""
    mine, base = (both[subject.name]["median"] for subject in (JUDGED, PLAIN))
    if mine is None or base is None:
        return None
    return {name: mine[name] / base[name] for name in ("rate", "p99", "cpu", "memory") if mine[name] and base[name]}


def cells(condition: Condition, row: Json) -> list[str]:
    """A table row as text."""
    got, against = row["median"], row["without"] or {}
    if got is None:
        return [condition.title, str(condition.connections), *[""] * (len(HEADER) - 3), row["reason"]]
    times = {name: f"{against[name]:.2f}" if name in against else NOTHING for name in ("rate", "p99", "cpu")}
    return [
        condition.title, str(condition.connections), f"{got['rate']:,.0f}", times["rate"], microseconds(got["p99"]),
        times["p99"], f"{got['cpu']:,.0f}", times["cpu"], megabytes(got["memory"]), delivered_text(row),
        str(row["errors"]), "; ".join(row["wrong"]) or "all",
    ]  # fmt: skip


def against(condition: Condition, name: str) -> Lookup:
    """A figure with the verdict as a multiple of the one without, if everything was counted."""

    def measure(result: Json) -> Measured:
        row = rows(result, TITLE).get(condition.key)
        if not row or not row["without"]:
            return None
        if row["errors"] or row["wrong"]:
            return f"{row['errors']} errors; {'; '.join(row['wrong'])}"
        return float(row["without"][name])

    return measure


TARGETS = tuple(
    target
    for condition in CONDITIONS
    for target in (
        Target(f"verdict, {condition.key}: requests/s, {TIMES} without", "verdict", against(condition, "rate"), 0.95),
        Target(f"verdict, {condition.key}: p99, {TIMES} without", "verdict", against(condition, "p99"), 1.1, True),
    )
)


def tables(options: argparse.Namespace, setup: Setup) -> list[Json]:
    """Measure both tees in every condition."""
    conditions = chosen(options)
    with stages(setup.arranged, options.load) as ready:
        varied = {stage.sessions: start_backend(stage.workspace, "varied", varied=True) for stage in ready}

        def measure(stage: Stage[Backend], condition: Condition, subject: Subject) -> Judged:
            b = varied[stage.sessions] if condition.varied else stage.b
            return measured(stage, condition, subject, b, setup)

        taken = interleaved(
            setup.plan.rounds, ready, conditions, [PLAIN, JUDGED], measure, lambda condition: condition.key,
            lambda got: rate(got.sample),
        )  # fmt: skip
        return [table_of(taken, stage, conditions) for stage in ready]
