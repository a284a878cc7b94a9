"""What clients notice of reloads and of killed workers at full rate, and whether the ledger is exact after them."""

from __future__ import annotations

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

from ..programs import measure
from ..programs.backends import Backend, start_backend
from ..programs.processes import BenchError, NotStartedError, Process, Workspace, free_port
from ..programs.subjects import PROGRAMS, ROOT, address
from ..reports.figures import Json
from .tees import progress

SECONDS = 60
RELOADS = 20
KILLS = 5
CONNECTIONS = 32
WORKERS = 2
TITLE = f"httptee: {RELOADS} reloads, then {KILLS} kills of a worker, {CONNECTIONS} connections"
LEDGER = re.compile(
    r"\bB \S+ seen=(\d+) delivered=(\d+).*? failed=(\d+)(?: \(([^)]*)\))? dropped=(\d+).*? in_flight=(\d+)"
)
RELOADED = re.compile(r"\breloaded: ")


@dataclass(frozen=True)
class Loaded:
    """What the strict load saw. A failure is a request that was sent, in part at least, and not answered by a whole
    200; the tee's closing of a connection between two requests is none."""

    requests: int
    failures: int
    refused: int
    reconnects: int
    kinds: dict[str, int]


class Tee:
    """A tee of two processes, and what it says."""

    def __init__(self, workspace: Workspace, a: Backend, b: Backend) -> None:
        self.port = free_port()
        argv = [sys.executable, "-m", "httptee", "-l", f"127.0.0.1:{self.port}", "-a", address(a.port),
                "-b", address(b.port), "-b.percent", "100", "-processes", str(WORKERS)]  # fmt: skip
        self.process: Process = workspace.start("httptee", argv, {"PYTHONPATH": str(ROOT)})
        self.process.wait_ready(self.port)
        self.connections_killed = 0

    @property
    def output(self) -> str:
        """All it has said so far."""
        return self.process.log.read_text(errors="replace")

    @property
    def workers(self) -> set[int]:
        """The processes that the supervisor has forked."""
        return set(measure.members(self.process.group)) - {self.process.group}

    def reload(self) -> None:
        """Have it read its configuration anew, and wait until that is done."""
        before = len(RELOADED.findall(self.output))
        os.kill(self.process.group, signal.SIGHUP)
        until(lambda: len(RELOADED.findall(self.output)) > before, "the end of a reload")

    def kill_worker(self) -> None:
        """Kill a worker, counting its connections, and wait for the one in its place."""
        until(lambda: len(self.workers) == WORKERS, "the workers that are wanted")
        before = self.workers
        victim = min(before)
        os.kill(victim, signal.SIGSTOP)  # so that what is counted is what it has when it is killed
        self.connections_killed += connections(victim, self.port)
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(self.workers) == WORKERS and self.workers != before, "a new worker")

    def ledger(self) -> tuple[dict[str, int], int]:
        """End it: what became of its clones in the end, and how many failed as lost."""
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


def connections(pid: int, port: int) -> int:
    """How many connections to a port a process has."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    known = {f"socket:[{fields[9]}]" for fields in lines if fields[1].endswith(f":{port:04X}") and fields[3] == "01"}
    return sum(os.readlink(each) in known for each in Path(f"/proc/{pid}/fd").iterdir())


def until(probe: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Wait for something that is to happen."""
    deadline = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > deadline:
            raise NotStartedError(f"{what} did not come within {seconds:g} s")
        time.sleep(0.02)


def loaded(port: int, seconds: float, number: int, event: Callable[[], None]) -> Loaded:
    """The strict load for so many seconds, with `number` events spread over it."""
    argv = [sys.executable, str(PROGRAMS / "strict_load.py"), str(port), str(CONNECTIONS), str(seconds)]
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


def run(workspace: Workspace, seconds: int) -> list[Json]:
    """Reloads for the larger part of the time, kills in the rest, and the ledger at the end."""
    a, b = start_backend(workspace, "a"), start_backend(workspace, "b")
    tee = Tee(workspace, a, b)
    reloads = loaded(tee.port, seconds * 2 / 3, RELOADS, tee.reload)
    progress(f"{RELOADS} reloads: {reloads}")
    kills = loaded(tee.port, seconds / 3, KILLS, tee.kill_worker)
    progress(f"{KILLS} kills, of {tee.connections_killed} connections: {kills}")
    return [table(reloads, kills, tee.connections_killed, *tee.ledger())]


def table(reloads: Loaded, kills: Loaded, in_flight: int, books: dict[str, int], lost: int) -> Json:
    """Both loads and the ledger. Each connection of a killed worker may have had one request in flight."""
    total = reloads.requests + kills.requests
    answered = total - reloads.failures - kills.failures
    unaccounted = abs(2 * books["seen"] - sum(books.values())) + books["in_flight"]
    rows: list[Json] = [
        {"subject": "httptee", "scenario": "reloads", **asdict(reloads)},
        {"subject": "httptee", "scenario": "kills", **asdict(kills), "connections": in_flight,
         "excess": max(0, kills.failures - in_flight)},
        {"subject": "httptee", "scenario": "all", "requests": total, "answered": answered,
         "unaccounted": unaccounted, "ledger": books, "lost": lost},
    ]  # fmt: skip
    told = ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in books.items())
    cells = [
        [f"{RELOADS} reloads", f"{reloads.requests:,}", str(reloads.failures), str(reloads.reconnects), "wanted: none"],
        [f"{KILLS} kills", f"{kills.requests:,}", str(kills.failures), str(kills.reconnects),
         f"wanted: at most the {in_flight} connections that the killed workers had"],
        ["ledger", f"{total:,}", "", "",
         f"{told}; {lost:,} of the failed lost; {unaccounted} not accounted for; {answered:,} requests were answered"],
    ]  # fmt: skip
    header = ["what", "requests", "failed requests", "connections made anew", "notes"]
    return {"title": TITLE, "rows": rows, "header": header, "cells": cells}
