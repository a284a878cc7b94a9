"""A thousand slow clients beside quick ones: the p99 of the quick ones without them, while they come, and beside them.

The slow clients are one process that uses almost no CPU time: `bench/programs/clients/slow_clients.py`, or
slowhttptest. They connect at 200 a second. There is no B, because a large answer at B costs the same again.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict, dataclass

from ..errors import BenchError
from ..programs.backends import Backend
from ..programs.clients.slow_clients import ARRIVALS
from ..programs.load import CASES
from ..programs.processes import PROGRAMS, Process, program
from ..programs.sessions import Sessions
from ..programs.sockets import connections_to
from ..programs.subjects import Running, Subject, running
from ..reports.figures import Json, medians
from ..reports.lookups import OURS, Lookup, Measured, rows
from ..reports.tables import TIMES, microseconds, multiple, table
from ..reports.targets import Target
from .rounds import Stage, Taken, interleaved, stages
from .sampling import Workload
from .scenario import Plan, Result, Scenario, Setup, add_load, add_setup, keys, listed

SLOW = 1000
QUICK = 32
LARGE = 10_000_000
TITLE = f"{{}}: {QUICK} quick clients beside {SLOW:,} slow ones"
TOOL = {
    "slowheads": ["-H", "-i", "1", "-x", "24"],
    "slowbodies": ["-B", "-i", "1", "-s", "100000000", "-x", "1000"],
    "slowreading": ["-X", "-n", "1", "-w", "1024", "-y", "2048", "-z", "1024"],
}
"""slowhttptest's options by way."""
WAYS = {
    "heads": "slow heads",
    "bodies": "slow bodies",
    "reading": "slow readers of 10 MB",
    "slowheads": "slowhttptest -H (slow heads)",
    "slowbodies": "slowhttptest -B (slow bodies)",
    "slowreading": "slowhttptest -X (slow readers of 10 MB)",
}
HEADER = [f"{SLOW:,} clients are", "p99 without", "while they come", f"{TIMES} without", "while they are there",
          f"{TIMES} without", "requests/s without", "with", "errors", "notes"]  # fmt: skip


def beside(way: str, when: str) -> Lookup:
    """The quick clients' p99 with slow ones, coming or there, as a multiple of the same without."""

    def measure(result: Json) -> Measured:
        row = rows(result, TITLE.format(OURS)).get(way)
        if row is None:
            return None
        got = row["median"]
        return got[when] / got["without"] if got else str(row["reason"])

    return measure


TARGETS = tuple(
    Target(f"1,000 clients are {what}, {told}: p99, {TIMES} without", "slow", beside(way, when), 1.5, most=True)
    for way, what in WAYS.items()
    for when, told in (("coming", "while they come"), ("there", "while they are there"))
)


@dataclass(frozen=True)
class Figures:
    """The quick clients' p99s in µs, their rates without and beside the slow ones, the slow ones there, and errors."""

    without: float
    coming: float
    there: float
    rate_without: float
    rate_there: float
    slow: int
    errors: int


def command(way: str, tee: Running) -> list[str]:
    """The command line of the slow clients."""
    if way not in TOOL:
        return [sys.executable, str(PROGRAMS / "clients" / "slow_clients.py"), way, str(tee.port), str(SLOW)]
    path = {"slowheads": "/", "slowbodies": "/post", "slowreading": "/huge"}[way]
    return [
        program("slowhttptest"), *TOOL[way], "-c", str(SLOW), "-r", str(ARRIVALS), "-l", "3600", "-p", "10",
        "-u", tee.url + path,
    ]  # fmt: skip


def wait_until_there(port: int, process: Process) -> int:
    """Wait for the slow clients, and return their number."""
    deadline = time.monotonic() + 10
    while (number := len(connections_to(port))) < SLOW:
        if time.monotonic() > deadline or not process.running:
            raise BenchError(f"only {number} of the slow clients are connected: {process.last_words()}")
        time.sleep(0.1)
    return number


def beside_slow(stage: Stage[Backend], way: str, tee: Running, plan: Plan) -> Figures:
    """Load one tee without slow clients, while they come, and beside them."""
    apply = Workload(CASES["get"], QUICK).by(stage.load)
    if plan.warmup:
        apply(tee.url, plan.warmup)
    before = apply(tee.url, plan.seconds)
    with stage.workspace.started(way, command(way, tee)) as process:
        coming = apply(tee.url, SLOW // ARRIVALS)
        number = wait_until_there(tee.port, process)
        there = apply(tee.url, plan.seconds)
    errors = before.errors + coming.errors + there.errors
    return Figures(before.p99, coming.p99, there.p99, before.rate, there.rate, number, errors)


def slow_table(subject: Subject, sessions: Sessions, ways: list[str], taken: Taken[str, Figures]) -> Json:
    """One subject's rows: medians, and the ratios of those."""
    found: list[Json] = []
    for way in ways:
        got, reason = taken.row(sessions, way, subject)
        row: Json = {"subject": subject.name, "scenario": way, "median": None, "reason": reason}
        if got:
            row |= {"median": medians(got), "samples": [asdict(each) for each in got]}
        found.append(row)
    return table(TITLE.format(subject.name), HEADER, [row_cells(row) for row in found], found, sessions)


def row_cells(row: Json) -> list[str]:
    """A table row as text."""
    got = row["median"]
    if got is None:
        return [WAYS[row["scenario"]], *[""] * 8, row["reason"]]
    without = got["without"]
    return [
        WAYS[row["scenario"]], microseconds(without),
        microseconds(got["coming"]), multiple(got["coming"], without),
        microseconds(got["there"]), multiple(got["there"], without),
        f"{got['rate_without']:,.0f}", f"{got['rate_there']:,.0f}",
        str(sum(each["errors"] for each in row["samples"])), row["reason"],
    ]  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    add_setup(parser, "httptee")
    add_load(parser)
    parser.add_argument("--ways", type=listed, metavar="WAY,...", help=f"of {','.join(WAYS)} (default: all)")


def run(options: argparse.Namespace) -> Result:
    """Measure every way of being slow, in interleaved rounds."""
    setup, ways = Setup.of(options, ["httptee"]), keys(options.ways, WAYS, "way")

    def measured(stage: Stage[Backend], way: str, subject: Subject) -> Figures:
        with running(stage.workspace, subject, stage.a.port, None) as tee:
            return beside_slow(stage, way, tee, setup.plan)

    with stages(setup.arranged, options.load) as ready:
        for stage in ready:
            (stage.a.www / "huge").write_bytes(bytes(LARGE))
        taken = interleaved(
            setup.plan.rounds, ready, ways, setup.subjects, measured, WAYS.__getitem__,
            lambda got: ", ".join(microseconds(p99) for p99 in (got.without, got.coming, got.there)),
        )  # fmt: skip
    tables = [slow_table(subject, each, ways, taken) for subject in setup.subjects for each in setup.arranged]
    return Result(tables, setup.settings(load=options.load))


SCENARIO = Scenario("slow", "a thousand slow clients beside quick ones", add_arguments, run, TARGETS)
