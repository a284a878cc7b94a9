"""What quick clients notice of a thousand slow ones: their p99 without them, while they come, and while they are there.

The slow clients are a process of their own that uses next to no processor time: `bench/programs/slow_clients.py`, or
slowhttptest. They come by 200 a second. There is no B: what a large answer costs once more at B is not asked here.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from ..programs.backends import Backend, start_backend
from ..programs.load import CASES, Load
from ..programs.processes import BenchError, Process, Workspace, program
from ..programs.slow_clients import ARRIVALS
from ..programs.subjects import PROGRAMS, Running, Subject, running
from ..reports.figures import Json
from ..reports.report import TIMES, microseconds
from .tees import Plan, progress, rotated

SLOW = 1000
QUICK = 32
LARGE = 10_000_000
ESTABLISHED = "01"
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


@dataclass(frozen=True)
class Figures:
    """The quick clients' p99 in µs, the requests a second of the first and the last, and slow ones connected then."""

    without: float
    coming: float
    there: float
    rate_without: float
    rate_there: float
    slow: int
    errors: int


def command(way: str, tee: Running) -> list[str]:
    """What starts the slow clients."""
    if way not in TOOL:
        return [sys.executable, str(PROGRAMS / "slow_clients.py"), way, str(tee.port), str(SLOW)]
    path = {"slowheads": "/", "slowbodies": "/post", "slowreading": "/huge"}[way]
    return [
        program("slowhttptest"), *TOOL[way], "-c", str(SLOW), "-r", str(ARRIVALS), "-l", "3600", "-p", "10",
        "-u", tee.url + path,
    ]  # fmt: skip


def connected(port: int) -> int:
    """How many connections a port of this machine has."""
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(fields[1].endswith(f":{port:04X}") and fields[3] == ESTABLISHED for fields in lines)


def wait_until_there(port: int, process: Process) -> int:
    """Wait for the slow clients; how many there are."""
    deadline = time.monotonic() + 10
    while (number := connected(port)) < SLOW:
        if time.monotonic() > deadline or not process.running:
            raise BenchError(f"only {number} of the slow clients are connected: {process.last_words()}")
        time.sleep(0.1)
    return number


def sample(workspace: Workspace, load: Load, way: str, tee: Running, plan: Plan) -> Figures:
    """One tee without slow clients, while they come, and with them."""
    case = CASES["get"]
    if plan.warmup:
        load.run(tee.url, case, QUICK, plan.warmup)
    before = load.run(tee.url, case, QUICK, plan.seconds)
    process = workspace.start(way, command(way, tee))
    try:
        coming = load.run(tee.url, case, QUICK, SLOW // ARRIVALS)
        number = wait_until_there(tee.port, process)
        there = load.run(tee.url, case, QUICK, plan.seconds)
    finally:
        workspace.end(process)
    errors = before.errors + coming.errors + there.errors
    return Figures(before.p99, coming.p99, there.p99, before.rate, there.rate, number, errors)


def backend(workspace: Workspace) -> Backend:
    """A, with something large to read slowly."""
    a = start_backend(workspace, "a")
    (a.www / "huge").write_bytes(bytes(LARGE))
    return a


def choose(keys: list[str] | None) -> list[str]:
    """The ways of a run."""
    unknown = [key for key in keys or () if key not in WAYS]
    if unknown:
        raise BenchError(f"unknown scenario {', '.join(unknown)}: there are {', '.join(WAYS)}")
    return keys or list(WAYS)


def run(workspace: Workspace, subjects: list[Subject], ways: list[str], load: Load, plan: Plan) -> list[Json]:
    """Every way of being slow, in interleaved rounds."""
    a = backend(workspace)
    samples: dict[tuple[str, str], list[Figures]] = {}
    reasons: dict[tuple[str, str], str] = {}
    for number in range(plan.rounds):
        for way in ways:
            for subject in rotated(subjects, number):
                key = (subject.name, way)
                told = f"round {number + 1} of {plan.rounds}: {subject.name}: {WAYS[way]}: "
                try:
                    with running(workspace, subject, a.port, None) as tee:
                        got = sample(workspace, load, way, tee, plan)
                except BenchError as error:
                    reasons[key] = str(error)
                    progress(told + str(error))
                    continue
                samples.setdefault(key, []).append(got)
                progress(told + ", ".join(microseconds(p99) for p99 in (got.without, got.coming, got.there)))
    return [table(subject.name, ways, samples, reasons) for subject in subjects]


def table(subject: str, ways: list[str], samples: dict[tuple[str, str], list[Figures]],
          reasons: dict[tuple[str, str], str]) -> Json:  # fmt: skip
    """One subject's rows: medians, and the ratios of those."""
    rows: list[Json] = []
    cells = []
    for way in ways:
        got, reason = samples.get((subject, way), []), reasons.get((subject, way), "")
        row: Json = {"subject": subject, "scenario": way, "median": None, "reason": reason}
        if got:
            median = {name: statistics.median(asdict(each)[name] for each in got) for name in asdict(got[0])}
            row |= {"median": median, "samples": [asdict(each) for each in got]}
        rows.append(row)
        cells.append(row_cells(row))
    header = [f"{SLOW:,} clients are", "p99 without", "while they come", f"{TIMES} without", "while they are there",
              f"{TIMES} without", "requests/s without", "with", "errors", "notes"]  # fmt: skip
    return {"title": title(subject), "rows": rows, "header": header, "cells": cells}


def row_cells(row: Json) -> list[str]:
    """A table row as text."""
    got = row["median"]
    if got is None:
        return [WAYS[row["scenario"]], *[""] * 8, row["reason"]]
    without = got["without"]
    return [
        WAYS[row["scenario"]], microseconds(without),
        microseconds(got["coming"]), f"{got['coming'] / without:.2f}" if without else "",
        microseconds(got["there"]), f"{got['there'] / without:.2f}" if without else "",
        f"{got['rate_without']:,.0f}", f"{got['rate_there']:,.0f}",
        str(sum(each["errors"] for each in row["samples"])), row["reason"],
    ]  # fmt: skip


def title(subject: str) -> str:
    """For headings."""
    return f"{subject}: {QUICK} quick clients beside {SLOW:,} slow ones"
