"""What an open page costs: the requests/s of A's clients with readers and without, and the admin process's CPU time.

A reader asks as the page's script does: for the live part every two seconds, and for each part that has changed. The
tee compares answers, of which 5 % differ, so that the verdict changes all the time too.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import BenchError
from ..programs import measure
from ..programs.backends import Backend, settle, start_backend
from ..programs.load import CASES
from ..programs.subjects import Subject, start_httptee
from ..programs.watched import Watched, status, watched
from ..reports.figures import Json, medians
from ..reports.lookups import Lookup, Measured, rows
from ..reports.tables import TIMES, microseconds, multiple, table
from ..reports.targets import Target
from .rounds import Stage, Taken, interleaved, stages
from .sampling import Workload
from .scenario import Result, Scenario, Setup, add_load, add_setup

READERS = (0, 1, 4)
EVERY = 2.0  # seconds
TITLE = "A's clients while the page is open"
HEADER = [
    "readers",
    "requests/s",
    f"{TIMES} none",
    "p99",
    f"{TIMES} none",
    "updates",
    "CPU ms an update",
    "KB",
    "errors",
]
SUBJECT = Subject("httptee", start_httptee)


@dataclass(frozen=True)
class Figures:
    """The clients' rate and p99 in µs; the readers' updates, the CPU ms of the admin process for each, and its KB."""

    rate: float
    p99: float
    updates: int
    cpu: float
    size: float
    errors: int


class Reader(threading.Thread):
    """One open page. `updates` and `received` count what it got; with `broken` it has ended."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.updates = self.received = 0
        self.broken = ""
        self._port = port
        self._versions: Json = {}
        self._over = threading.Event()

    def run(self) -> None:
        """Ask until it is ended."""
        try:
            while not self._over.is_set():
                self._update()
                self._over.wait(EVERY)
        except (OSError, ValueError, KeyError) as error:
            self.broken = f"the page: {error!r}"

    def end(self) -> None:
        """Close the page."""
        self._over.set()
        self.join()

    def _update(self) -> None:
        versions = self._part("live")["versions"]
        for name, version in versions.items():
            if self._versions.get(name) != version:
                self._part(name)
        self._versions = versions
        self.updates += 1

    def _part(self, name: str) -> Json:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("GET", f"/page/{name}")
            body = connection.getresponse().read()
        finally:
            connection.close()
        self.received += len(body)
        found: Json = json.loads(body)
        return found


@contextmanager
def reading(port: int, readers: int) -> Iterator[list[Reader]]:
    """Open the page so many times."""
    found = [Reader(port) for _ in range(readers)]
    with ExitStack() as stack:
        for reader in found:
            reader.start()
            stack.callback(reader.end)
        yield found


def admin_of(running: Watched, found: Json) -> int:
    """The admin process: the one of the tee that is none of the others."""
    others = {running.process.group, found["verdict"]["judge"]["pid"], *(worker["pid"] for worker in found["workers"])}
    left = set(measure.members(running.process.group)) - others
    if len(left) != 1:
        raise BenchError(f"no admin process, or several: {sorted(left)}")
    return left.pop()


def cpu_of(pid: int) -> float:
    """CPU milliseconds of a process's threads, exact to far less than a clock tick (proc(5), schedstat)."""
    tasks = [Path(f"/proc/{pid}/task/{task}/schedstat") for task in os.listdir(f"/proc/{pid}/task")]
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e6


def measured(stage: Stage[Backend], b: Backend, readers: int, connections: int, setup: Setup) -> Figures:
    """One measurement: CPU time of the admin process beyond that of as long a time without readers."""
    workload, plan = Workload(CASES["get"], connections).by(stage.load), setup.plan
    with watched(stage.workspace, SUBJECT, stage.a.port, b.port, "-verdict", "memory", "-processes", "2") as running:
        assert running.admin is not None
        workload(running.tee.url, max(1, plan.warmup))
        pid = admin_of(running, status(running.admin))
        before = cpu_of(pid)
        quiet = workload(running.tee.url, plan.seconds)
        alone = cpu_of(pid) - before
        with reading(running.admin, readers) as found:
            workload(running.tee.url, 1)  # the first page of all imports the templates
            before, updates = cpu_of(pid), sum(reader.updates for reader in found)
            beside = workload(running.tee.url, plan.seconds) if readers else quiet
            spent = cpu_of(pid) - before - alone
            updates = sum(reader.updates for reader in found) - updates
        if broken := [reader.broken for reader in found if reader.broken]:
            raise BenchError(broken[0])
        settle(b)
        size = sum(reader.received for reader in found) / max(1, sum(reader.updates for reader in found)) / 1000
        cost = max(0.0, spent) / updates if updates else 0.0
        return Figures(beside.rate, beside.p99, updates, cost, size, beside.errors)


def table_of(taken: Taken[int, Figures], stage: Stage[Backend]) -> Json:
    """A row for each number of readers."""
    found: list[Json] = []
    for readers in READERS:
        samples, reason = taken.row(stage.sessions, readers, SUBJECT)
        row: Json = {"subject": SUBJECT.name, "scenario": str(readers), "median": None, "reason": reason}
        if samples:
            row |= {"median": medians(samples), "samples": [asdict(each) for each in samples]}
        found.append(row)
    return table(TITLE, HEADER, [cells(row, found[0]["median"]) for row in found], found, stage.sessions)


def cells(row: Json, base: dict[str, Any] | None) -> list[str]:
    """A table row as text."""
    got, base = row["median"], base or {}
    if got is None:
        return [row["scenario"], *[""] * 7, row["reason"]]
    return [
        row["scenario"], f"{got['rate']:,.0f}", multiple(got["rate"], base.get("rate")), microseconds(got["p99"]),
        multiple(got["p99"], base.get("p99")), f"{got['updates']:.0f}", f"{got['cpu']:.1f}", f"{got['size']:.0f}",
        str(sum(each["errors"] for each in row["samples"])),
    ]  # fmt: skip


def of_reader(name: str, ratio: bool) -> Lookup:
    """A figure with one reader, or as a multiple of the same without."""

    def measure(result: Json) -> Measured:
        found = rows(result, TITLE)
        one, none = (found.get(readers, {}).get("median") for readers in ("1", "0"))
        if not one or not none:
            return None
        return float(one[name] / none[name] if ratio else one[name])

    return measure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    add_setup(parser, "httptee")
    add_load(parser)
    parser.add_argument("--connections", type=int, default=32, help="of the clients (default: %(default)s)")


def run(options: argparse.Namespace) -> Result:
    """Measure without readers, with one and with four, in interleaved rounds."""
    setup = Setup.of(options, [SUBJECT.name])
    with stages(setup.arranged, options.load) as ready:
        varied = {stage.sessions: start_backend(stage.workspace, "varied", varied=True) for stage in ready}

        def measure_one(stage: Stage[Backend], readers: int, subject: Subject) -> Figures:
            return measured(stage, varied[stage.sessions], readers, options.connections, setup)

        taken = interleaved(
            setup.plan.rounds, ready, READERS, [SUBJECT], measure_one, lambda readers: f"{readers} readers",
            lambda got: f"{got.rate:,.0f}/s, {got.cpu:.1f} ms",
        )  # fmt: skip
        tables = [table_of(taken, stage) for stage in ready]
    return Result(tables, setup.settings(load=options.load))


TARGETS = (
    Target(f"page open: requests/s, {TIMES} closed", "page", of_reader("rate", True), 0.98),
    Target("page open: CPU ms of the admin process an update", "page", of_reader("cpu", False), 20, most=True),
)
SCENARIO = Scenario("page", "what an open page of the admin listener costs", add_arguments, run, TARGETS)
