"""A B that answers late and has many clones in the spool, beside a live load: when it is level, and whether it ever
gets more than it may.

The clones are written as if an earlier run had left them. A and B say by the kernel's clock when each request came.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
import urllib.request
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

from ...programs.load import Load, Outcome
from ...programs.measure import TICKS, cpu_ticks, members
from ...programs.processes import free_port
from ...programs.sessions import Sessions
from ...programs.sockets import wait_listening
from ...programs.subjects import start_httptee
from ...programs.workspace import Workspace
from ...reports.figures import Json
from ...reports.lookups import Measured, rows
from ...reports.tables import FORMATS, TIMES, multiple, table
from ...reports.targets import Target
from ..rounds import progress
from ..scenario import Result, Scenario, positive
from .backlog import leave
from .looks import exact, unaccounted
from .spool import Stores

CONNECTIONS = 64
TITLE = f"A backlog beside a live load, {CONNECTIONS} connections"
LEVEL, BEHIND = "no backlog", "catching up"
SLICE, WINDOW, RECENT = 0.05, 0.5, 10.0  # seconds: of the servers' counts, of B's rate, of the live rate that counts
LEAST = 100.0  # clones a second that B may always get
_LATE = 0.5  # seconds that the clones may be late of which no more is left than those of the live load

Slices = dict[int, tuple[int, int]]
"""By slice: the requests that came, and those of them from the spool."""


def worst(result: Json) -> Measured:
    """B's highest half second, as a multiple of what it may get."""
    found = rows(result, TITLE).get(BEHIND)
    return float(found["worst"]) if found else None


def never_level(result: Json) -> Measured:
    """The clones that were left at the end."""
    found = rows(result, TITLE).get(BEHIND)
    return float(found["left"]) if found else None


TARGETS = (
    Target(f"catch-up: B's highest half second, {TIMES} its cap", "catchup", worst, 1.0, most=True),
    Target("catch-up: clones that are left at the end", "catchup", never_level, 0, most=True),
)


@dataclass(frozen=True)
class Highest:
    """The half second in which B got most of what it may get: what it got, and may get, and when it began."""

    share: float
    got: float
    cap: float
    at: float


def sums(slices: Slices, width: int) -> dict[int, int]:
    """By the first of `width` slices in a row: the requests that came in them."""
    if not slices:
        return {}
    return {
        first: sum(slices.get(at, (0, 0))[0] for at in range(first, first + width))
        for first in range(min(slices) - width + 1, max(slices) + 1)
    }


def highest(a: Slices, b: Slices) -> Highest:
    """By what A and B got. The cap is twice the highest second of A in the last seconds."""
    second = round(1 / SLICE)
    live, halves = sums(a, second), sums(b, round(WINDOW / SLICE))
    found = Highest(0.0, 0.0, LEAST, 0.0)
    for first, came in halves.items():
        recent = range(first - round((RECENT + 1) / SLICE), first + round(WINDOW / SLICE) - second + 1)
        cap = max(LEAST, 2.0 * max((live.get(at, 0) for at in recent), default=0))
        got = came / WINDOW
        if got / cap > found.share:
            found = Highest(got / cap, got, cap, first * SLICE)
    return found


def late(workspace: Workspace, name: str, seconds: float) -> int:
    """The port of a server that answers after so many seconds."""
    port = free_port()
    workspace.start(name, [sys.executable, str(Path(__file__).with_name("late_backend.py")), str(port), str(seconds)])
    wait_listening(port)
    return port


def arrivals(port: int) -> Slices:
    """What a server got."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/arrivals", timeout=10) as answer:
        return {round(at / SLICE): (came, spooled) for at, came, spooled in json.load(answer)}


@dataclass
class Watched:
    """The statements of a tee during a load: when the backlog was gone, and how many of them did not add up.

    While requests come without a pause, they go through the spool and are some tenths of a second late.
    """

    tee: Stores
    level: float = 0.0
    left: int = 0
    wrong: int = 0
    looks: int = 0

    def watch(self, over: threading.Event) -> None:
        """Look once a second until the load is over."""
        began = time.monotonic()
        while not over.wait(1.0):
            now = self.tee.counts()
            self.looks += 1
            self.left = now["spooled"]
            self.wrong += not exact(now)
            if self.looks % 10 == 0:
                progress(f"{self.left:,} clones are left")
            if self.left < self.tee.rate * _LATE:
                self.level = self.level or time.monotonic() - began


def lowest_of(tee: Stores) -> tuple[int, float]:
    """The process of a tee with the lowest priority, the drainer, and its CPU time so far in seconds."""
    found = members(tee.tee.group)
    pid = max(found, key=lambda pid: int(found[pid][16]))
    return pid, cpu_ticks(found[pid]) / TICKS


def caught_up(workspace: Workspace, options: argparse.Namespace) -> tuple[dict[str, Outcome], Json]:
    """The live load without a backlog, and with one."""
    a, b = late(workspace, "a", 0.0), late(workspace, "b", options.late / 1000)
    spool = workspace.subdirectory("spool")
    found: dict[str, Outcome] = {}
    tee = started(workspace, a, b, options.rate, spool)
    found[LEVEL] = tee.load.paced(f"http://127.0.0.1:{tee.port}", options.rate, options.seconds, CONNECTIONS)
    before = tee.end()
    leave(spool, options.clones, CONNECTIONS)
    tee = started(workspace, a, b, options.rate, spool)
    watched, over = Watched(tee), threading.Event()
    looks = threading.Thread(target=watched.watch, args=(over,))
    looks.start()
    try:
        seconds = options.clones / options.rate + options.extra
        found[BEHIND] = tee.load.paced(f"http://127.0.0.1:{tee.port}", options.rate, seconds, CONNECTIONS)
        time.sleep(2)
    finally:
        over.set()
        looks.join()
    most = highest(arrivals(a), arrivals(b))
    sent = sum(spooled for _, spooled in arrivals(b).values())
    _, cpu = lowest_of(tee)
    end = {"worst": most.share, "got": most.got, "cap": most.cap, "level": watched.level, "wrong": watched.wrong,
           "looks": watched.looks, "cpu": 1e6 * cpu / max(1, sent), "sent": sent, **tee.counts()}  # fmt: skip
    books = unaccounted([before, tee.end()], *(sum(came for came, _ in arrivals(port).values()) for port in (a, b)))
    return found, end | {"left": end["spooled"], "unaccounted": books}


def started(workspace: Workspace, a: int, b: int, rate: int, spool: Path) -> Stores:
    """A tee that is ready. Its B has a name of its own in the spool."""
    port = free_port()
    options = ("-b", f"http://127.0.0.1:{b} name=b", "-b.spool", str(spool), "-processes", "2")
    command = start_httptee(workspace, port, a, None, *options)
    tee = workspace.start("httptee", command.argv, command.env)
    tee.wait_ready(port)
    return Stores(workspace, Load("hey", workspace.subdirectory("load")), rate, tee, port, command, count())


def catchup_table(found: dict[str, Outcome], end: Json) -> Json:
    """What A's clients noticed, and how B caught up."""
    base = found[LEVEL]
    cells: list[list[str]] = []
    saved: list[Json] = []
    for name, one in found.items():
        more = end if name == BEHIND else {}
        told = said(end) if more else ""
        cells.append([name, FORMATS["rate"](one.rate), multiple(one.rate, base.rate), FORMATS["p99"](one.p99),
                      multiple(one.p99, base.p99), str(one.errors), told])  # fmt: skip
        saved.append({"subject": "httptee", "scenario": name, **asdict(one), "rate": one.rate, **more})
    header = ["stage", "requests/s", f"{TIMES} no backlog", "p99", f"{TIMES} no backlog", "errors", "B"]
    return table(TITLE, header, cells, saved, Sessions.ONE)


def said(end: Json) -> str:
    """The end in words."""
    level = f"backlog gone after {end['level']:.0f} s" if end["level"] else "backlog never gone"
    return (
        f"{level}, {end['left']:,} clones left at the end; {end['sent']:,} from the spool, {end['cpu']:.0f} µs of CPU "
        f"each; highest half second {end['got']:,.0f}/s of {end['cap']:,.0f} ({end['worst']:.2f}); ledger exact in "
        f"{end['looks'] - end['wrong']} of {end['looks']} looks, {end['unaccounted']} from A's and B's own "
        f"counts; failed {end['failed']}, dropped {end['dropped']}"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    parser.add_argument("--clones", type=positive, default=200_000, help="in the spool (default: %(default)s)")
    parser.add_argument("--rate", type=positive, default=2000, help="live requests a second (default: %(default)s)")
    parser.add_argument("--late", type=positive, default=2, help="ms until B answers (default: %(default)s)")
    parser.add_argument("--seconds", type=positive, default=8, help="without a backlog (default: %(default)s)")
    parser.add_argument("--extra", type=positive, default=40,
                        help="seconds beyond those at twice the live rate (default: %(default)s)")  # fmt: skip


def run(options: argparse.Namespace) -> Result:
    """Measure one backlog."""
    with Workspace() as workspace:
        found, end = caught_up(workspace, options)
    names = ("clones", "rate", "late", "seconds")
    return Result([catchup_table(found, end)], {name: getattr(options, name) for name in names})


SCENARIO = Scenario("catchup", "a large backlog beside a live load", add_arguments, run, TARGETS)
