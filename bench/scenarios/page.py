"""What an open page costs: the requests/s of A's clients with readers and without, and the admin process's CPU time.

A reader asks as the page's script does: for the live part every two seconds, and for each part that has changed. The
tee compares answers, of which 5 % differ, so that the verdict changes all the time too. One tee is loaded in turn
without readers and with them: two starts of a tee differ by more than a reader costs. The row without readers says how
much two turns of the same tee differ by themselves.
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

from ..errors import BenchError
from ..programs.backends import Backend, settle, start_backend
from ..programs.load import CASES
from ..programs.subjects import Subject, start_httptee
from ..programs.watched import status, watched
from ..reports.figures import Json, medians
from ..reports.lookups import Lookup, Measured, rows
from ..reports.tables import TIMES, table
from ..reports.targets import Target
from .rounds import Stage, Taken, interleaved, stages
from .sampling import Apply, Workload
from .scenario import Result, Scenario, Setup, add_load, add_setup

READERS = (0, 1, 4)
TURNS = 3
EVERY = 2.0  # seconds
TITLE = "A's clients while the page is open"
HEADER = ["readers", "requests/s", f"{TIMES} without", "updates", "CPU ms an update", "KB", "errors", "notes"]
SUBJECT = Subject("httptee", start_httptee)


@dataclass(frozen=True)
class Figures:
    """The clients' rate beside the readers, and as a multiple of that without; the readers' updates, the CPU
    milliseconds of the admin process for each, and its KB."""

    rate: float
    ratio: float
    updates: int
    cpu: float
    size: float
    errors: int


@dataclass
class Turn:
    """What the turns of one kind add up to. `cpu` is that of the admin process in milliseconds."""

    rate: float = 0.0
    cpu: float = 0.0
    updates: int = 0
    received: int = 0
    errors: int = 0


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


def admin_of(found: Json) -> int:
    """The admin process, from what `/status` says of all processes. Raises BenchError if it is not among them."""
    pids = [process["pid"] for process in found["processes"] if process["kind"] == "admin"]
    if not pids:
        raise BenchError("no admin process")
    return int(pids[0])


def cpu_of(pid: int) -> float:
    """CPU milliseconds of a process's threads, exact to far less than a clock tick (proc(5), schedstat)."""
    tasks = [Path(f"/proc/{pid}/task/{task}/schedstat") for task in os.listdir(f"/proc/{pid}/task")]
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e6


def load_of(stage: Stage[Backend], options: argparse.Namespace) -> Apply:
    """What puts the load on a tee: as much as it takes, or a fixed rate."""
    if options.rate:
        return lambda url, seconds: stage.load.paced(url, options.rate, seconds)
    return Workload(CASES["get"], options.connections).by(stage.load)


def measured(stage: Stage[Backend], b: Backend, readers: int, workload: Apply, setup: Setup) -> Figures:
    """One tee, in turn without readers and with them. CPU time is what the turns with them take more."""
    plan = setup.plan
    with watched(stage.workspace, SUBJECT, stage.a.port, b.port, "-verdict", "memory", "-processes", "2") as running:
        assert running.admin is not None
        workload(running.tee.url, max(1, plan.warmup))
        pid = admin_of(status(running.admin))
        with reading(running.admin, 1):  # the first page of all imports the templates
            workload(running.tee.url, 1)
        closed, opened = Turn(), Turn()
        for number in range(2 * TURNS):
            turn, present = (opened, readers) if number % 2 else (closed, 0)
            with reading(running.admin, present) as found:
                before = cpu_of(pid)
                outcome = workload(running.tee.url, plan.seconds)
                turn.cpu += cpu_of(pid) - before
            turn.rate += outcome.rate / TURNS
            turn.errors += outcome.errors
            turn.updates += sum(reader.updates for reader in found)
            turn.received += sum(reader.received for reader in found)
            if broken := [reader.broken for reader in found if reader.broken]:
                raise BenchError(broken[0])
        settle(b)
    each = max(1, opened.updates)
    cost, size = max(0.0, opened.cpu - closed.cpu) / each, opened.received / each / 1000
    cost = cost if opened.updates else 0.0
    return Figures(opened.rate, opened.rate / closed.rate, opened.updates, cost, size, opened.errors + closed.errors)


def table_of(taken: Taken[int, Figures], stage: Stage[Backend]) -> Json:
    """A row for each number of readers."""
    found: list[Json] = []
    for readers in READERS:
        samples, reason = taken.row(stage.sessions, readers, SUBJECT)
        row: Json = {"subject": SUBJECT.name, "scenario": str(readers), "median": None, "reason": reason}
        if samples:
            row |= {"median": medians(samples), "samples": [asdict(each) for each in samples]}
        found.append(row)
    return table(TITLE, HEADER, [cells(row) for row in found], found, stage.sessions)


def cells(row: Json) -> list[str]:
    """A table row as text."""
    got = row["median"]
    if got is None:
        return [row["scenario"], *[""] * (len(HEADER) - 2), row["reason"]]
    return [
        row["scenario"], f"{got['rate']:,.0f}", f"{got['ratio']:.3f}", f"{got['updates']:.0f}", f"{got['cpu']:.1f}",
        f"{got['size']:.0f}", str(sum(each["errors"] for each in row["samples"])), row["reason"],
    ]  # fmt: skip


def with_one(name: str) -> Lookup:
    """A figure with one reader."""

    def measure(result: Json) -> Measured:
        got = rows(result, TITLE).get("1", {}).get("median")
        return float(got[name]) if got else None

    return measure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    add_setup(parser, "httptee")
    add_load(parser)
    parser.add_argument("--connections", type=int, default=32, help="of the clients (default: %(default)s)")
    parser.add_argument("--rate", type=int, default=0, help="requests a second (default: as many as the tee takes)")


def run(options: argparse.Namespace) -> Result:
    """Measure without readers, with one and with four, in interleaved rounds."""
    setup = Setup.of(options, [SUBJECT.name])
    with stages(setup.arranged, options.load) as ready:
        varied = {stage.sessions: start_backend(stage.workspace, "varied", varied=True) for stage in ready}

        def measure_one(stage: Stage[Backend], readers: int, subject: Subject) -> Figures:
            return measured(stage, varied[stage.sessions], readers, load_of(stage, options), setup)

        taken = interleaved(
            setup.plan.rounds, ready, READERS, [SUBJECT], measure_one, lambda readers: f"{readers} readers",
            lambda got: f"{got.rate:,.0f}/s, {got.ratio:.3f}, {got.cpu:.1f} ms",
        )  # fmt: skip
        tables = [table_of(taken, stage) for stage in ready]
    return Result(tables, setup.settings(load=options.load, rate=options.rate))


TARGETS = (
    Target(f"page open: requests/s, {TIMES} closed", "page", with_one("ratio"), 0.98),
    Target("page open: CPU ms of the admin process an update", "page", with_one("cpu"), 20, most=True),
)
SCENARIO = Scenario("page", "what an open page of the admin listener costs", add_arguments, run, TARGETS)
