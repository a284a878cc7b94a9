"""A second InfluxDB that is stopped and started again, with a spool: what A's clients notice, and if both are equal.

The load has a fixed rate, which a machine with two cores and both servers can carry. Each write is a new point.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import signal
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import count

from ...errors import NotStartedError
from ...programs.load import Load, Outcome
from ...programs.measure import members
from ...programs.processes import Process, free_port, program
from ...programs.sessions import Sessions
from ...programs.subjects import Command, start_httptee
from ...programs.workspace import Workspace
from ...reports.figures import Json
from ...reports.lookups import Lookup, Measured, rows
from ...reports.tables import FORMATS, TIMES, multiple, table
from ...reports.targets import Target
from ..rounds import progress
from ..scenario import Result, Scenario, positive
from .influx import Influx, start_influx
from .looks import looking

TITLE = "InfluxDB as A and B, writes at a fixed rate"
_EACH = 10_000_000  # numbers of points for each load
_NUMBERS = count()
FIRST, UP, DOWN, BACK, END = "no spool, B up", "spool, B up", "B stopped", "B back", "both servers"
PATIENCE = 300.0  # seconds until B must be level
_LINE = re.compile(
    r"\bB \S+ seen=(\d+) delivered=(\d+).*? failed=(\d+).*? dropped=(\d+).*? in_flight=(-?\d+) spooled=(-?\d+) "
    r"recovered=(\d+)"
)


def compared(row: str, name: str) -> Lookup:
    """A figure of a stage as a multiple of that without a spool."""

    def measure(result: Json) -> Measured:
        found = rows(result, TITLE)
        base = found.get(FIRST, {}).get(name)
        return float(found[row][name]) / float(base) if row in found and base else None

    return measure


def different(result: Json) -> Measured:
    """The points that only one of the servers has."""
    found = rows(result, TITLE).get(END)
    return float(abs(found["a"] - found["b"])) if found else None


TARGETS = (
    Target(f"spool, B stopped: A's rate, {TIMES} without a spool", "spool", compared(DOWN, "rate"), 0.95),
    Target(f"spool, B back: A's rate, {TIMES} without a spool", "spool", compared(BACK, "rate"), 0.95),
    Target("spool: points that only one of the servers has", "spool", different, 0, most=True),
)


@dataclass(frozen=True)
class Stores:
    """A tee between two servers."""

    workspace: Workspace
    load: Load
    rate: int
    tee: Process
    port: int
    command: Command
    numbers: Iterator[int]
    answered: list[int] = dataclasses.field(default_factory=list)
    """How many writes of each load A has answered."""

    def put(self, seconds: int) -> Outcome:
        """Write at the fixed rate."""
        first = next(self.numbers) * _EACH
        outcome = self.load.writes(f"http://127.0.0.1:{self.port}", self.rate, seconds, first)
        self.answered.append(outcome.requests)
        return outcome

    def put_and_kill(self, seconds: int) -> tuple[Outcome, Stores]:
        """Write at the fixed rate. In the middle, kill all processes of the tee at once, and start it again."""
        again: list[Process] = []

        def replace_tee() -> None:
            os.killpg(self.tee.group, signal.SIGKILL)
            until(lambda: not members(self.tee.group), "the end of all processes", 10.0)
            again.append(self.workspace.start("httptee-again", self.command.argv, self.command.env))

        timer = threading.Timer(seconds / 2, replace_tee)
        timer.start()
        outcome = self.put(seconds)
        timer.join()
        return outcome, dataclasses.replace(self, tee=again[0])

    def counts(self) -> dict[str, int]:
        """The statement of B now."""
        before = len(self._lines())
        os.kill(self.tee.group, signal.SIGUSR1)
        until(lambda: len(self._lines()) > before, "a statement", 10.0)
        return _counts(self._lines()[-1])

    def end(self) -> dict[str, int]:
        """End the tee; its last statement of B."""
        self.workspace.end(self.tee)
        return _counts(self._lines()[-1])

    def _lines(self) -> list[tuple[str, ...]]:
        return _LINE.findall(self.tee.log.read_text(errors="replace"))


def _counts(line: tuple[str, ...]) -> dict[str, int]:
    names = ("seen", "delivered", "failed", "dropped", "in_flight", "spooled", "recovered")
    return dict(zip(names, map(int, line), strict=True))


def until(probe: Callable[[], bool], what: str, seconds: float) -> None:
    """Wait until `probe` returns true. Raises NotStartedError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > deadline:
            raise NotStartedError(f"{what} did not come within {seconds:g} s")
        time.sleep(0.1)


def held(server: Influx) -> dict[str, tuple[int, int]]:
    """The points that a server holds: the count and the last value of each series."""
    asked = "SELECT count(temperature), last(temperature) FROM weather GROUP BY station"
    query = urllib.parse.urlencode({"db": "bench", "q": asked})
    series = json.loads(server.ask("GET", f"/query?{query}"))["results"][0].get("series", [])
    return {one["tags"]["station"]: (int(one["values"][0][1]), int(one["values"][0][2])) for one in series}


def compared_points(a: Influx, b: Influx) -> Json:
    """The points of both servers, and the series whose last values are not the same."""
    of_a, of_b = held(a), held(b)
    names = of_a.keys() | of_b.keys()
    differing = sum(of_a.get(name, (0, 0))[1] != of_b.get(name, (0, 0))[1] for name in names)
    counts = {role: sum(points for points, _ in of.values()) for role, of in (("a", of_a), ("b", of_b))}
    return {**counts, "series": len(names), "differing": differing}


def again(workspace: Workspace, server: Influx, role: str) -> Influx:
    """Start a server that was ended, with what it had."""
    config = server.process.log.parent / "influxdb.conf"
    process = workspace.start(f"influx-{role}-again", [program("influxd"), "-config", str(config)])
    process.wait_ready(server.port, "/ping", 30)
    return Influx(process, server.port)


def stores(workspace: Workspace, a: Influx, b: Influx, rate: int, *options: str) -> Stores:
    """A tee that is ready."""
    port = free_port()
    command = start_httptee(workspace, port, a.port, b.port, "-processes", "2", *options)
    tee = workspace.start("httptee", command.argv, command.env)
    tee.wait_ready(port, "/ping")
    return Stores(workspace, Load("hey", workspace.subdirectory("load")), rate, tee, port, command, _NUMBERS)


def measured(workspace: Workspace, options: argparse.Namespace) -> tuple[dict[str, Outcome], Json]:
    """The load without a spool, and with one before, while and after B is stopped; then what became of all."""
    a, b = start_influx(workspace, "a"), start_influx(workspace, "b")
    found = {}
    plain = stores(workspace, a, b, options.rate)
    plain.put(2)
    found[FIRST] = plain.put(options.seconds)
    workspace.end(plain.tee)
    tee = stores(workspace, a, b, options.rate, "-b.spool", str(workspace.subdirectory("spool")))
    with looking(lambda: tee.counts()) as looks:
        found[UP] = tee.put(options.seconds)
        workspace.end(b.process)
        if options.killed:
            found[DOWN], tee = tee.put_and_kill(options.stopped)
        else:
            found[DOWN] = tee.put(options.stopped)
        b = again(workspace, b, "b")
        found[BACK] = tee.put(options.seconds)
        began = time.monotonic()
        while tee.counts()["spooled"] and time.monotonic() - began < PATIENCE:
            tee.put(options.seconds)  # B catches up beside live writes; without any, it gets only a few
        until(lambda: not (now := tee.counts())["spooled"] and not now["in_flight"], "a B that is level", 30.0)
        level = time.monotonic() - began
    for name, outcome in found.items():
        progress(f"{name}: {outcome}")
    answered = sum(plain.answered) + sum(tee.answered)
    return found, {
        "level": round(level, 1),
        "answered": answered,
        **asdict(looks),
        **compared_points(a, b),
        **tee.counts(),
    }


def spool_table(found: dict[str, Outcome], end: Json) -> Json:
    """What A's clients noticed in each stage, and what both servers hold."""
    base = found[FIRST]
    saved: list[Json] = [
        {"subject": "httptee", "scenario": name, **asdict(one), "rate": one.rate} for name, one in found.items()
    ]
    cells = [
        [name, FORMATS["rate"](one.rate), multiple(one.rate, base.rate), FORMATS["p99"](one.p99),
         multiple(one.p99, base.p99), str(one.errors)]
        for name, one in found.items()
    ]  # fmt: skip
    told = (
        f"{end['answered']:,} answered writes; A {end['a']:,} points, B {end['b']:,}; "
        f"last values differ in {end['differing']} of {end['series']} series; "
        f"B was level {end['level']:g} s after these stages; ledger exact in {end['looks'] - end['wrong']} of "
        f"{end['looks']} looks"
    )
    seen = ", ".join(f"{name} {end[name]:,}" for name in ("seen", "recovered", "delivered", "failed", "dropped"))
    cells.append([END, "", "", "", "", f"{told}; {seen}"])
    header = ["stage", "writes/s", f"{TIMES} no spool", "p99", f"{TIMES} no spool", "errors; at the end"]
    saved.append({"subject": "httptee", "scenario": END, **end})
    return table(TITLE, header, cells, saved, Sessions.ONE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    parser.add_argument("--seconds", type=positive, default=10, help="seconds of each stage (default: %(default)s)")
    parser.add_argument("--stopped", type=positive, default=60, help="seconds without B (default: %(default)s)")
    parser.add_argument("--rate", type=positive, default=2000, help="writes a second (default: %(default)s)")
    parser.add_argument("--killed", action="store_true",
                        help="kill all processes of the tee while B is stopped, and start it again")  # fmt: skip


def run(options: argparse.Namespace) -> Result:
    """Measure one outage."""
    with Workspace() as workspace:
        found, end = measured(workspace, options)
    settings = {"seconds": options.seconds, "stopped": options.stopped, "rate": options.rate, "killed": options.killed}
    return Result([spool_table(found, end)], settings)


SCENARIO = Scenario("spool", "two InfluxDB servers, B stopped and started again", add_arguments, run, TARGETS)
