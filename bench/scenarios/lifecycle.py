"""Reloads and killed workers at full rate: the failed requests, and whether the ledger is exact afterwards."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import BenchError, NotStartedError
from ..programs import measure
from ..programs.backends import Backend, start_backend
from ..programs.processes import PROGRAMS, Process, free_port
from ..programs.sessions import Sessions
from ..programs.sockets import connections_to
from ..programs.subjects import start_httptee
from ..programs.workspace import Workspace
from ..reports.figures import Json
from ..reports.lookups import Lookup, Measured, rows
from ..reports.tables import table
from ..reports.targets import Target
from .rounds import progress
from .scenario import Result, Scenario, positive

RELOADS = 20
KILLS = 5
CONNECTIONS = 32
WORKERS = 2
TITLE = f"httptee: {RELOADS} reloads, then {KILLS} kills of a worker, {CONNECTIONS} connections"
LEDGER = re.compile(
    r"\bB \S+ seen=(\d+) delivered=(\d+).*? failed=(\d+)(?: \(([^)]*)\))? dropped=(\d+).*? in_flight=(-?\d+)"
)
RELOADED = re.compile(r"\breloaded: ")


def survived(row: str, name: str) -> Lookup:
    """A count of this scenario."""

    def measure(result: Json) -> Measured:
        found = rows(result, TITLE).get(row)
        return float(found[name]) if found else None

    return measure


TARGETS = (
    Target("reloads: failed requests", "lifecycle", survived("reloads", "failures"), 0, most=True),
    Target("kills: failures beyond what was in flight", "lifecycle", survived("kills", "excess"), 0, most=True),
    Target("clones that the ledger does not account for", "lifecycle", survived("all", "unaccounted"), 0, most=True),
)


@dataclass(frozen=True)
class Loaded:
    """The outcome of the strict load.

    A failure is a request of which at least one byte was sent and that has no whole 200 as its answer. A connection
    that the tee closes between two requests is no failure.
    """

    requests: int
    failures: int
    refused: int
    reconnects: int
    kinds: dict[str, int]


class Tee:
    """A tee of two worker processes, and its output."""

    def __init__(self, workspace: Workspace, a: Backend, b: Backend) -> None:
        self.port = free_port()
        command = start_httptee(workspace, self.port, a.port, b.port, "-processes", str(WORKERS))
        self.process: Process = workspace.start("httptee", command.argv, command.env)
        self.process.wait_ready(self.port)
        self.connections_killed = 0

    @property
    def output(self) -> str:
        """Its output so far."""
        return self.process.log.read_text(errors="replace")

    @property
    def workers(self) -> set[int]:
        """The worker processes that the supervisor has forked."""
        return set(measure.members(self.process.group)) - {self.process.group}

    def reload(self) -> None:
        """Reload its configuration, and wait for the end of the reload."""
        before = len(RELOADED.findall(self.output))
        os.kill(self.process.group, signal.SIGHUP)
        until(lambda: len(RELOADED.findall(self.output)) > before, "the end of a reload")

    def kill_worker(self) -> None:
        """Kill a worker, count its connections, and wait for its successor."""
        until(lambda: len(self.workers) == WORKERS, "the full number of workers")
        before = self.workers
        victim = min(before)
        os.kill(victim, signal.SIGSTOP)  # so that it has the counted connections when it is killed
        self.connections_killed += connections_of(victim, self.port)
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(self.workers) == WORKERS and self.workers != before, "a new worker")

    def ledger(self) -> tuple[dict[str, int], int]:
        """End the tee, and return the last ledger and the number of clones that failed as `lost`."""
        os.kill(self.process.group, signal.SIGTERM)
        until(lambda: not self.process.running, "the end of the tee")
        lines = LEDGER.findall(self.output)
        if not lines:
            raise BenchError(f"no ledger at the end: {self.process.last_words()}")
        seen, delivered, failed, failures, dropped, in_flight = lines[-1]
        lost = re.search(r"lost=(\d+)", failures)
        names = ("seen", "delivered", "failed", "dropped", "in_flight")
        values = (seen, delivered, failed, dropped, in_flight)
        return dict(zip(names, map(int, values), strict=True)), int(lost[1]) if lost else 0


def connections_of(pid: int, port: int) -> int:
    """The number of a process's connections to a port."""
    known = {each.name for each in connections_to(port)}
    return sum(os.readlink(each) in known for each in Path(f"/proc/{pid}/fd").iterdir())


def until(probe: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Wait until `probe` returns true. Raises NotStartedError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > deadline:
            raise NotStartedError(f"{what} did not come within {seconds:g} s")
        time.sleep(0.02)


def loaded(port: int, seconds: float, number: int, event: Callable[[], None]) -> Loaded:
    """The strict load for `seconds`, with `number` events spread over it."""
    argv = [sys.executable, str(PROGRAMS / "clients" / "strict_load.py"), str(port), str(CONNECTIONS), str(seconds)]
    began = time.monotonic()
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as load:
        try:
            for each in range(number):
                time.sleep(max(0.0, began + (each + 0.5) * seconds / number - time.monotonic()))
                event()
            output, _ = load.communicate(timeout=seconds + 60)
        except BaseException:
            load.kill()
            raise
    if load.returncode:
        raise BenchError("the strict load failed")
    return Loaded(**json.loads(output))


def books_table(reloads: Loaded, kills: Loaded, in_flight: int, books: dict[str, int], lost: int) -> Json:
    """Both loads and the ledger. Each connection of a killed worker may fail one request in flight."""
    total = reloads.requests + kills.requests
    answered = total - reloads.failures - kills.failures
    unaccounted = abs(2 * books["seen"] - sum(books.values())) + abs(books["in_flight"])
    found: list[Json] = [
        {"subject": "httptee", "scenario": "reloads", **asdict(reloads)},
        {"subject": "httptee", "scenario": "kills", **asdict(kills), "connections": in_flight,
         "excess": max(0, kills.failures - in_flight)},
        {"subject": "httptee", "scenario": "all", "requests": total, "answered": answered,
         "unaccounted": unaccounted, "ledger": books, "lost": lost},
    ]  # fmt: skip
    told = ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in books.items())
    cells = [
        [f"{RELOADS} reloads", f"{reloads.requests:,}", str(reloads.failures), str(reloads.reconnects), "target: none"],
        [f"{KILLS} kills", f"{kills.requests:,}", str(kills.failures), str(kills.reconnects),
         f"target: at most the {in_flight} connections of the killed workers"],
        ["ledger", f"{total:,}", "", "",
         f"{told}; {lost:,} of the failed lost; {unaccounted} not accounted for; {answered:,} requests were answered"],
    ]  # fmt: skip
    header = ["what", "requests", "failed requests", "new connections", "notes"]
    return table(TITLE, header, cells, found, Sessions.ONE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    parser.add_argument("--seconds", type=positive, default=60, help="the length of the run (default: %(default)s)")


def run(options: argparse.Namespace) -> Result:
    """Reload for two thirds of the time, kill workers in the rest, and read the ledger at the end."""
    with Workspace() as workspace:
        a, b = start_backend(workspace, "a"), start_backend(workspace, "b")
        tee = Tee(workspace, a, b)
        reloads = loaded(tee.port, options.seconds * 2 / 3, RELOADS, tee.reload)
        progress(f"{RELOADS} reloads: {reloads}")
        kills = loaded(tee.port, options.seconds / 3, KILLS, tee.kill_worker)
        progress(f"{KILLS} kills, of {tee.connections_killed} connections: {kills}")
        tables = [books_table(reloads, kills, tee.connections_killed, *tee.ledger())]
    return Result(tables, {"seconds": options.seconds})


SCENARIO = Scenario("lifecycle", "reloads and kills of workers at full rate", add_arguments, run, TARGETS)
