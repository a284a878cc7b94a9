"""What A's clients notice of a recording: the same tee with it and without it, in pairs of windows."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from httptee.recording import read_recording

from ...programs.backends import Backend
from ...programs.load import CASES
from ...programs.subjects import Subject, start_httptee
from ...programs.watched import Watched, status, watched
from ...reports.figures import Json, Sample
from ..paired import Paired, add_windows, alternate, in_rounds, table_of, targets
from ..rounds import Stage, stages
from ..sampling import Workload, sample
from ..scenario import Result, Scenario, Setup, add_load, add_plan, add_sessions

PLAIN = Subject("httptee", start_httptee)
RECORDED = Subject("httptee -record", start_httptee)
TITLE = "A's clients, with and without a recording"
HEADER = ["clones to B", "connections"]


@dataclass(frozen=True)
class Condition:
    """The number of connections, and the percentage of requests that B gets."""

    connections: int
    percent: int

    @property
    def key(self) -> str:
        """For lookups in a result."""
        return f"{self.connections} connections, {self.percent} % to B"

    @property
    def cells(self) -> list[str]:
        """For a row of a table."""
        return [f"{self.percent} %", str(self.connections)]


CONDITIONS = (Condition(32, 0), Condition(32, 100), Condition(128, 0))


def uncounted(said: Json, stored: int) -> str:
    """What is wrong with the counts of a recording in /status, and with the exchanges that its files hold. Empty where
    all is counted."""
    found = []
    if said["seen"] != said["recorded"] + said["not_recorded"]:
        found.append(f"{said['seen']} seen, {said['recorded']} recorded, {said['not_recorded']} not recorded")
    if said["recorded"] != stored:
        found.append(f"{said['recorded']} recorded, {stored} in the files")
    return "; ".join(found)


def counted(running: Watched, directory: Path, seconds: float = 20.0) -> str:
    """What is not recorded, or still not counted after some seconds."""
    deadline = time.monotonic() + seconds
    wrong = "no status"
    while running.admin and wrong and time.monotonic() < deadline:
        time.sleep(0.5)
        said = status(running.admin)["recording"]
        wrong = uncounted(said, read_recording([directory]).count)
        if not wrong and said["not_recorded"]:
            return f"{said['not_recorded']} of {said['seen']} not recorded"
    return wrong


def measured(stage: Stage[Backend], condition: Condition, setup: Setup, windows: int) -> Paired:
    """Both tees, in so many pairs of windows."""
    workload = Workload(CASES["get"], condition.connections).by(stage.load)
    directory = stage.workspace.subdirectory("recording")
    percent = ("-b.percent", str(condition.percent))
    ports, b = (stage.a.port, stage.b.port), stage.b if condition.percent else None
    with (
        watched(stage.workspace, PLAIN, *ports, *percent) as plain,
        watched(stage.workspace, RECORDED, *ports, *percent, "-record", str(directory)) as recorded,
    ):

        def window(running: Watched) -> Callable[[], Sample]:
            if setup.plan.warmup:
                workload(running.tee.url, setup.plan.warmup)
            plan = replace(setup.plan, warmup=0)
            return lambda: sample(workload, running.tee, plan, stage.a, b)

        pairs = alternate(windows, window(plain), window(recorded))
        wrong = counted(recorded, directory)
    for file in directory.iterdir():  # a run of many rounds would fill the disk
        file.unlink()
    return Paired([pairs], [wrong])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the plan, the arrangement of sessions, and the choice of rows."""
    add_plan(parser)
    add_windows(parser)
    add_load(parser)
    add_sessions(parser)
    parser.add_argument("--connections", type=int, choices=[32, 128], help="only so many (default: both)")
    parser.set_defaults(only=[PLAIN.name], peer=[])


def run(options: argparse.Namespace) -> Result:
    """Measure both tees in every condition."""
    setup = Setup.of(options)
    chosen = [each for each in CONDITIONS if options.connections in (None, each.connections)]
    with stages(setup.arranged, options.load) as ready:
        found = in_rounds(
            setup.plan.rounds, ready, chosen,
            lambda stage, condition: measured(stage, condition, setup, options.windows),
        )  # fmt: skip
        names = PLAIN.name, RECORDED.name
        tables = [table_of(TITLE, HEADER, stage.sessions, found, names) for stage in ready]
    return Result(tables, setup.settings(load=options.load, windows=options.windows))


SCENARIO = Scenario("record", "what a recording costs A's clients", add_arguments, run,
                    targets("record", TITLE, CONDITIONS))  # fmt: skip
