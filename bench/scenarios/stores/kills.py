"""Kills of a worker process, of the drainer and of the supervisor, at random moments, while B is down and up in turns:
whether the ledger adds up after each, whether every clone on the disk arrives, and how many arrive twice.

A clone may be missing if its request was answered just before a worker process was killed: it was in memory only. It
may come twice if it came just before its drainer, its supervisor or B ended: it was in flight.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from time import monotonic

from tests.support.backend import Backend
from tests.support.ledger import Ledger, parse

from ...errors import NotStartedError
from ...programs.measure import members
from ...programs.processes import Process, free_port
from ...programs.sessions import Sessions
from ...programs.subjects import Command, start_httptee
from ...programs.workspace import Workspace
from ...reports.figures import Json
from ...reports.lookups import Lookup, Measured, rows
from ...reports.tables import table
from ...reports.targets import Target
from ..rounds import progress
from ..scenario import Result, Scenario, positive
from .spool import until
from .turning import CONNECTIONS, TurningB, Writers

TITLE = "A spool, and kills of single processes while B is down and up in turns"
WORKER, DRAINER, SUPERVISOR = KINDS = ("worker", "drainer", "supervisor")
WORKERS = 2
MOST_SENT = 64  # clones that the drainer has in flight
_SHORTEST, _LONGEST = 0.2, 1.5  # seconds from one kill to the next
_JUST = 0.5  # seconds: what came or was answered in them before a kill may have been in memory or in flight
_NICE = 10  # of the drainer
PATIENCE, SLOWEST = 60.0, 60  # seconds until B must be level, and one more for so many clones: nothing else comes then


@dataclass
class Killed:
    """What became of the numbers. `wrong` are looks at which the ledger did not add up."""

    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    looks: int = 0
    wrong: int = 0
    answered: int = 0
    lost: int = 0
    left: int = 0
    missing: int = 0
    unexplained: int = 0
    """Numbers that are missing, and were answered long before any worker process was killed."""
    twice: int = 0
    ends: int = 0
    """How often anything ended that had clones in flight."""
    repeats: int = 0
    """Numbers that came twice, the first time long before anything ended that had them in flight."""

    @property
    def held(self) -> bool:
        """Whether everything is as promised."""
        in_flight = MOST_SENT * self.ends
        certain = not (self.wrong or self.left or self.unexplained or self.repeats)
        return certain and self.missing <= self.most_missing() and self.twice <= in_flight

    def most_missing(self, lost: int = 0) -> int:
        """How many numbers may be missing at B, with those that the tee counts as `lost` beside the ones before."""
        # A thread may have answered, and not yet offered its clone.
        return self.lost + lost + CONNECTIONS * self.kills[WORKER]


class Victim:
    """A tee that is started again when its supervisor was killed."""

    def __init__(self, workspace: Workspace, command: Command, port: int) -> None:
        self._workspace = workspace
        self._command = command
        self._port = port
        self.process = self._start()

    def _start(self) -> Process:
        process = self._workspace.start("httptee", self._command.argv, self._command.env)
        process.wait_ready(self._port)
        return process

    def kill(self, kind: str, rng: random.Random) -> None:
        """Kill one of these processes. Without a supervisor, the others drain and end; then the tee is started."""
        group = self.process.group
        if kind == SUPERVISOR:
            os.kill(group, signal.SIGKILL)
            until(lambda: not self.process.running and not members(group), "the end of all processes", 30.0)
            self.process = self._start()
            return
        until(lambda: bool(self._pids(kind)), f"a {kind} process", 30.0)
        with contextlib.suppress(ProcessLookupError, IndexError):  # it has just ended
            os.kill(rng.choice(sorted(self._pids(kind))), signal.SIGKILL)

    def _pids(self, kind: str) -> list[int]:
        """The processes of a kind: the drainer has the lowest priority."""
        nice = {
            pid: int(fields[16]) for pid, fields in members(self.process.group).items() if pid != self.process.group
        }
        return [pid for pid, value in nice.items() if (value >= _NICE) == (kind == DRAINER)]

    def statement(self) -> Ledger:
        """The ledger of B now."""
        before = len(self._statements())
        os.kill(self.process.group, signal.SIGUSR1)
        until(lambda: len(self._statements()) > before, "a statement", 30.0)
        return self._statements()[-1]

    def last(self) -> Ledger:
        """End the tee; the last ledger of B."""
        self._workspace.end(self.process)
        return self._statements()[-1]

    def _statements(self) -> list[Ledger]:
        return parse(self.process.log.read_text(errors="replace"))


def kinds(seed: int) -> Iterator[str]:
    """Each kind as often as the others, in a random order."""
    rng = random.Random(f"{seed}/kinds")
    while True:
        yield from rng.sample(KINDS, len(KINDS))


def check(found: Killed, one: Ledger) -> Ledger:
    """Count whether a ledger adds up."""
    found.looks += 1
    try:
        one.check()
    except AssertionError:
        found.wrong += 1
    return one


def level(found: Killed, tee: Victim, writers: Writers, b: TurningB) -> bool:
    """Whether B has what is not counted as lost. A tee that has just begun does not know yet what is in the spool."""
    now = tee.statement()
    missing = len(writers.answered.keys() - b.came.keys())
    return not now.spooled and not now.in_flight and missing <= found.most_missing(now.failures.get("lost", 0))


def run_kills(workspace: Workspace, kills: int, seed: int) -> Killed:
    """Kill so many times, and see what has arrived."""
    rng, found, port, b_port = random.Random(f"{seed}/kills"), Killed(), free_port(), free_port()
    ended: dict[str, list[float]] = {kind: [] for kind in KINDS}
    spool = ("-b", f"http://127.0.0.1:{b_port} name=b", "-b.spool", str(workspace.subdirectory("spool")))
    with Backend() as a:
        command = start_httptee(workspace, port, a.port, None, *spool, "-processes", str(WORKERS))
        tee, b, writers = Victim(workspace, command, port), TurningB(b_port, random.Random(f"{seed}/b")), Writers(port)
        with b:
            with writers:
                for number, kind in zip(range(kills), kinds(seed), strict=False):
                    time.sleep(rng.uniform(_SHORTEST, _LONGEST))
                    if kind == SUPERVISOR:  # what it has counted goes with it
                        found.lost += check(found, tee.statement()).failures.get("lost", 0)
                    ended[kind].append(monotonic())
                    tee.kill(kind, rng)
                    found.kills[kind] += 1
                    check(found, tee.statement())
                    if number % 10 == 9:
                        progress(f"{number + 1} kills: {found}")
                b.stay_up()
            with contextlib.suppress(NotStartedError):  # what is left is counted below
                missing = len(writers.answered.keys() - b.came.keys())
                until(lambda: level(found, tee, writers, b), "a B that is level", PATIENCE + missing / SLOWEST)
            last = check(found, tee.last())
    found.lost += last.failures.get("lost", 0)
    found.left = last.spooled
    return counted(found, writers.answered, b.came, ended, b.ended)


def counted(
    found: Killed, answered: dict[int, float], came: dict[int, list[float]], ended: dict[str, list[float]],
    downs: list[float],
) -> Killed:  # fmt: skip
    """Compare the numbers that A has answered with those that came to B, by the times of all ends."""
    missing = answered.keys() - came.keys()
    twice = {number: times for number, times in came.items() if len(times) > 1}
    ends = sorted([*ended[DRAINER], *ended[SUPERVISOR], *downs])
    found.answered, found.missing, found.twice, found.ends = len(answered), len(missing), len(twice), len(ends)
    found.unexplained = sum(not _just_before(ended[WORKER], answered[number]) for number in missing)
    found.repeats = sum(not all(_just_before(ends, at) for at in times[:-1]) for times in twice.values())
    return found


def _just_before(ends: list[float], at: float) -> bool:
    """Whether something ended just after this time. The clocks of a busy machine are late."""
    return any(-_JUST < at - end < _JUST for end in ends)


def kills_table(found: Killed) -> Json:
    """What was killed, and what has arrived."""
    told = ", ".join(f"{count} of the {kind}" for kind, count in found.kills.items())
    cells = [
        ["kills", f"{sum(found.kills.values())}", told],
        ["ledger", f"{found.wrong} wrong", f"of {found.looks} looks, {found.left} clones left"],
        ["missing at B", f"{found.missing}", f"of {found.answered:,}; {found.lost} are counted as lost; "
         f"{found.unexplained} of them were answered long before a kill of a worker process"],
        ["twice at B", f"{found.twice}", f"{found.repeats} of them long before an end"],
    ]  # fmt: skip
    row = {"subject": "httptee", "scenario": "kills", **asdict(found), "held": found.held}
    return table(TITLE, ["what", "number", "notes"], cells, [row], Sessions.ONE)


def of_all(name: str) -> Lookup:
    """A count of this scenario."""

    def measure(result: Json) -> Measured:
        row = rows(result, TITLE).get("kills")
        return float(row[name]) if row else None

    return measure


TARGETS = tuple(
    Target(f"spool, kills: {what}", "spool-kills", of_all(name), 0, most=True)
    for name, what in (
        ("wrong", "looks at a ledger that does not add up"),
        ("unexplained", "clones on the disk that B did not get"),
        ("repeats", "clones that B got twice and that were not in flight"),
    )
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    parser.add_argument("--kills", type=positive, default=200, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=positive, default=1, help="of the random moments (default: %(default)s)")


def run(options: argparse.Namespace) -> Result:
    """Kill, and count."""
    with Workspace() as workspace:
        found = run_kills(workspace, options.kills, options.seed)
    return Result([kills_table(found)], {"kills": options.kills, "seed": options.seed}, held=found.held)


SCENARIO = Scenario("spool-kills", "kills of single processes, B down and up in turns", add_arguments, run, TARGETS)
