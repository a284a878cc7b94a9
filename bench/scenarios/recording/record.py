"""What A's clients notice of a recording: the same tee with it and without it, in interleaved rounds."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

from httptee.recording import read_recording

from ...programs.backends import Backend
from ...programs.load import CASES
from ...programs.subjects import Subject, start_httptee
from ...programs.watched import Watched, status, watched
from ...reports.figures import Json, Row, Sample, row_json
from ...reports.lookups import Lookup, Measured, rows
from ...reports.tables import NOTHING, TIMES, megabytes, microseconds, table
from ...reports.targets import Target
from ..rounds import Stage, Taken, interleaved, stages
from ..sampling import Workload, rate, sample
from ..scenario import Result, Scenario, Setup, add_load, add_plan, add_sessions

PLAIN = Subject("httptee", start_httptee)
RECORDED = Subject("httptee -record", start_httptee)
TITLE = "A's clients, with and without a recording"
HEADER = ["clones to B", "connections", "requests/s", f"{TIMES} without", "p99", f"{TIMES} without",
          "CPU µs a request", f"{TIMES} without", "memory", "recorded", "errors", "counted"]  # fmt: skip


@dataclass(frozen=True)
class Condition:
    """The number of connections, and the percentage of requests that B gets."""

    connections: int
    percent: int

    @property
    def key(self) -> str:
        """For lookups in a result."""
        return f"{self.connections} connections, {self.percent} % to B"


CONDITIONS = (Condition(32, 0), Condition(32, 100), Condition(128, 0))


@dataclass(frozen=True)
class Recorded:
    """One measurement, the part of the requests that is recorded, and what is missing in the counts, as text."""

    sample: Sample
    share: float
    wrong: str


def uncounted(said: Json, stored: int) -> str:
    """What is wrong with the counts of a recording in /status, and with the exchanges that its files hold. Empty where
    all is counted."""
    found = []
    if said["seen"] != said["recorded"] + said["not_recorded"]:
        found.append(f"{said['seen']} seen, {said['recorded']} recorded, {said['not_recorded']} not recorded")
    if said["recorded"] != stored:
        found.append(f"{said['recorded']} recorded, {stored} in the files")
    return "; ".join(found)


def counted(running: Watched, directory: Path, seconds: float = 20.0) -> tuple[float, str]:
    """The part of the requests that is recorded, and what is still not counted after some seconds."""
    deadline = time.monotonic() + seconds
    share, wrong = 0.0, "no status"
    while running.admin and wrong and time.monotonic() < deadline:
        time.sleep(0.5)
        said = status(running.admin)["recording"]
        share = said["recorded"] / max(1, said["seen"])
        wrong = uncounted(said, read_recording([directory]).count)
    return share, wrong


def measured(stage: Stage[Backend], condition: Condition, subject: Subject, setup: Setup) -> Recorded:
    """One measurement of a tee."""
    workload = Workload(CASES["get"], condition.connections).by(stage.load)
    directory = stage.workspace.subdirectory("recording")
    options = ["-b.percent", str(condition.percent)]
    if subject is RECORDED:
        options += ["-record", str(directory)]
    with watched(stage.workspace, subject, stage.a.port, stage.b.port, *options) as running:
        got = sample(workload, running.tee, setup.plan, stage.a, stage.b if condition.percent else None)
        share, wrong = counted(running, directory) if subject is RECORDED else (0.0, "")
    for file in directory.iterdir():  # a run of many rounds would fill the disk
        file.unlink()
    return Recorded(got, share, wrong)


def table_of(taken: Taken[Condition, Recorded], stage: Stage[Backend]) -> Json:
    """Both tees in every condition."""
    lines, found = [], []
    for condition in CONDITIONS:
        both = {}
        for subject in (PLAIN, RECORDED):
            samples, reason = taken.row(stage.sessions, condition, subject)
            row = Row(subject.name, tuple(each.sample for each in samples), reason)
            wrong = sorted({each.wrong for each in samples if each.wrong})
            share = min((each.share for each in samples), default=0.0)
            both[subject.name] = {**row_json(row, []), "wrong": wrong, "share": share}
        row_of = {**both[RECORDED.name], "scenario": condition.key, "without": ratios(both)}
        found += [{**both[PLAIN.name], "scenario": f"{condition.key}, without"}, row_of]
        lines.append(cells(condition, row_of))
    return table(TITLE, HEADER, lines, found, stage.sessions)


def ratios(both: dict[str, Json]) -> dict[str, float] | None:
    """The figures with a recording as multiples of those without."""
    mine, base = (both[subject.name]["median"] for subject in (RECORDED, PLAIN))
    if mine is None or base is None:
        return None
    return {name: mine[name] / base[name] for name in ("rate", "p99", "cpu", "memory") if mine[name] and base[name]}


def cells(condition: Condition, row: Json) -> list[str]:
    """A table row as text."""
    got, against = row["median"], row["without"] or {}
    title = [f"{condition.percent} %", str(condition.connections)]
    if got is None:
        return [*title, *[""] * (len(HEADER) - 3), row["reason"]]
    times = {name: f"{against[name]:.2f}" if name in against else NOTHING for name in ("rate", "p99", "cpu")}
    return [
        *title, f"{got['rate']:,.0f}", times["rate"], microseconds(got["p99"]), times["p99"], f"{got['cpu']:,.0f}",
        times["cpu"], megabytes(got["memory"]), f"{row['share']:.2%}", str(row["errors"]),
        "; ".join(row["wrong"]) or "all",
    ]  # fmt: skip


def against(condition: Condition, name: str) -> Lookup:
    """A figure with a recording as a multiple of the one without, if everything was counted."""

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
        Target(f"record, {condition.key}: requests/s, {TIMES} without", "record", against(condition, "rate"), 0.95),
        Target(f"record, {condition.key}: p99, {TIMES} without", "record", against(condition, "p99"), 1.1, True),
    )
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the plan and the arrangement of sessions."""
    add_plan(parser)
    add_load(parser)
    add_sessions(parser)
    parser.set_defaults(only=[PLAIN.name], peer=[])


def run(options: argparse.Namespace) -> Result:
    """Measure both tees in every condition."""
    setup = Setup.of(options)
    with stages(setup.arranged, options.load) as ready:
        taken = interleaved(
            setup.plan.rounds, ready, CONDITIONS, [PLAIN, RECORDED],
            lambda stage, condition, subject: measured(stage, condition, subject, setup),
            lambda condition: condition.key, lambda got: rate(got.sample),
        )  # fmt: skip
        tables = [table_of(taken, stage) for stage in ready]
    return Result(tables, setup.settings(load=options.load))


SCENARIO = Scenario("record", "what a recording costs A's clients", add_arguments, run, TARGETS)
