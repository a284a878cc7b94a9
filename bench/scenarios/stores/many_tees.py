"""Many tees and their judges: whether the ledger and the verdict over all of them are what one tee would have.

The same requests go through one tee with a judge of its own, and then through several tees that publish in a
redis-server. There are two judges; one of them is killed in the middle, and another one is started.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from httptee.journal.engines import open_engine
from httptee.verdict.evidence import read_verdict
from httptee.verdict.fleet import read_merged
from tests.support.ledger import Ledger, parse
from tests.support.programs import nginx
from tests.support.redis_server import RedisServer
from tests.support.verdicts import facts

from ...programs.processes import ROOT, Process, free_port
from ...programs.sessions import Sessions
from ...programs.subjects import start_httptee
from ...programs.workspace import Workspace
from ...reports.figures import Json
from ...reports.lookups import Lookup, Measured, rows
from ...reports.tables import table
from ...reports.targets import Target
from ..rounds import progress
from ..scenario import Result, Scenario, positive
from .same_requests import ITEMS, load, paths, site
from .spool import until

TITLE = "Several tees, two judges of which one is killed, and the same requests through one tee"
ODD = 2  # routes that differ at B
_QUIET = ("-verdict.rate", "100000", "-verdict.repeat", "0", "-processes", "1")
# Nothing may be dropped because this machine is slow: then the requests would not be the same.
_PATIENT = ("-a.timeout", "60s", "-b.timeout", "60s", "-b.chanSize", "100000", "-b.max-bytes", "1GiB")
_PATIENCE = 120.0  # seconds until the verdict over all tees has all pairs


@dataclass
class Many:
    """`differences` are what is not the same in both reports. `unbalanced`: by how much the sums of the ledgers are
    not the merged ledger. The rates are requests a second."""

    requests: int = 0
    tees: int = 0
    alone_rate: float = 0.0
    rate: float = 0.0
    judged: int = 0
    unequal: int = 0
    differences: list[str] = field(default_factory=list)
    unbalanced: int = 0
    lost: int = 0
    words: str = ""

    @property
    def held(self) -> bool:
        """Whether everything is as promised."""
        return not (self.differences or self.unbalanced or self.lost) and self.judged == self.requests


@contextmanager
def serving(
    workspace: Workspace, a: int, b: int, verdict: str, count: int
) -> Iterator[tuple[list[int], list[Process]]]:
    """So many tees that compare the Bs with A: their ports."""
    ports = [free_port() for _ in range(count)]
    tees = []
    for number, port in enumerate(ports):
        line = (
            "-b",
            f"http://127.0.0.1:{b} name=b",
            "-instance",
            f"tee-{number}",
            "-verdict",
            verdict,
            *_QUIET,
            *_PATIENT,
        )
        command = start_httptee(workspace, port, a, None, *line)
        tees.append(workspace.start(f"tee-{number}", command.argv, command.env))
    for tee in tees:  # a request would be one more
        until(lambda tee=tee: "Starting httptee" in tee.log.read_text(errors="replace"), "a tee", 30.0)  # type: ignore[misc]
    try:
        yield ports, tees
    finally:
        for tee in tees:
            workspace.end(tee)


def statement(tee: Process) -> Ledger:
    """The last ledger of a tee that has ended."""
    return parse(tee.log.read_text(errors="replace"))[-1]


def alone(workspace: Workspace, a: int, b: int, targets: Sequence[str], found: Many) -> dict[str, Any]:
    """The report of one tee with a judge of its own."""
    place = workspace.subdirectory("alone")
    with serving(workspace, a, b, str(place), 1) as (ports, _):
        found.alone_rate = load(ports * found.tees, targets, found.requests)

        def report() -> dict[str, Any]:
            return dict(read_verdict(str(place))["reports"][0])

        until(lambda: report()["judged"] == found.requests, "a report on all pairs", _PATIENCE)
    return report()


def judge(workspace: Workspace, name: str, a: int, b: int, address: str) -> Process:
    """A central judge."""
    words = ["-a", f"http://127.0.0.1:{a}", "-b", f"http://127.0.0.1:{b} name=b", *_QUIET, "--from", address]
    argv = [sys.executable, "-m", "httptee", "judge", "--name", name, *words]
    return workspace.start(name, argv, {"PYTHONPATH": str(ROOT)})


def together(workspace: Workspace, a: int, b: int, targets: Sequence[str], found: Many) -> dict[str, Any]:
    """The merged report of several tees. One judge is killed when half of the requests are sent."""
    half = found.requests // 2
    with RedisServer(workspace.subdirectory("redis")) as redis:
        address = redis.address("verdict")
        first, second = (judge(workspace, name, a, b, address) for name in ("first", "second"))
        with serving(workspace, a, b, address, found.tees) as (ports, tees):
            one = load(ports, targets, half)
            os.killpg(first.group, signal.SIGKILL)
            third = judge(workspace, "third", a, b, address)
            other = load(ports, targets, found.requests - half)
        found.rate = 2 / (1 / one + 1 / other)
        merged = whole(address, found.tees)
        for each in (second, third):
            workspace.end(each)
    compared(found, merged["fleet"], [statement(tee) for tee in tees])
    report: dict[str, Any] = merged["reports"][0]
    return report


def whole(address: str, tees: int) -> dict[str, Any]:
    """The merged verdict, once all tees have ended and all pairs are judged."""
    engine, merged = open_engine(address), dict[str, Any]()

    def is_whole() -> bool:
        merged.update(read_merged(engine) or {"reports": [], "fleet": {"tees": []}})
        ended = [one["state"] for one in merged["fleet"]["tees"]] == ["ended"] * tees
        return ended and not any("have not reached" in note for note in merged["reports"][0]["notes"])

    until(is_whole, "a verdict with all pairs", _PATIENCE)
    engine.close()
    return merged


def compared(found: Many, fleet: dict[str, Any], ledgers: Sequence[Ledger]) -> None:
    """Compare the merged ledger with the sum of those that the tees have printed."""
    (merged,) = fleet["ledger"]
    for name in ("seen", "delivered", "failed", "dropped", "in_flight", "spooled"):
        found.unbalanced += abs(merged[name] - sum(getattr(one, name) for one in ledgers))
    found.lost = fleet["lost"]["count"]


def run_many(workspace: Workspace, requests: int, tees: int) -> Many:
    """Both ways, and what is not the same."""
    found = Many(requests - requests % (2 * tees * ITEMS), tees)
    roots = [site(workspace.subdirectory(name), odd) for name, odd in (("a", 0), ("b", ODD))]
    targets = paths(roots[0])
    with nginx(roots[0]) as a, nginx(roots[1]) as b:
        one = alone(workspace, a, b, targets, found)
        progress(f"one tee: {found.alone_rate:,.0f} requests/s")
        many = together(workspace, a, b, targets, found)
    found.judged = many["judged"]
    found.unequal = sum(route["judged"] - route["equal"] for route in many["routes"])
    left, right = facts(one), facts(many)
    found.differences = [name for name in left if name != "routes" and left[name] != right[name]]
    every = {**left["routes"], **right["routes"]}
    found.differences += [route for route in every if left["routes"].get(route) != right["routes"].get(route)]
    times = ({route["route"]: route["latency"]["label"] for route in each["routes"]} for each in (one, many))
    found.words = f"{one['word']} and {many['word']}"
    # The times are those of this machine: where they are held to be something else, so may be the word.
    found.differences += ["word"] * (one["word"] != many["word"] and next(times) == next(times))
    return found


def many_table(found: Many) -> Json:
    """What is the same."""
    differ = ", ".join(found.differences[:5]) or "nothing differs"
    cells = [
        ["requests", f"{found.requests:,}", f"{found.alone_rate:,.0f}/s through one tee, {found.rate:,.0f}/s through "
         f"{found.tees}"],
        ["judged", f"{found.judged:,}", f"{found.unequal:,} of them unequal"],
        ["reports", f"{len(found.differences)} differences", f"{differ}; {found.words}"],
        ["ledger", f"{found.unbalanced} off", "the merged one against the sum of those of the tees"],
        ["lost", f"{found.lost}", "pairs on the way to the judges"],
    ]  # fmt: skip
    row = {"subject": "httptee", "scenario": "many", **asdict(found), "held": found.held}
    return table(TITLE, ["what", "number", "notes"], cells, [row], Sessions.ONE)


def off(name: str) -> Lookup:
    """A count of this scenario that is to be 0."""

    def measure(result: Json) -> Measured:
        row = rows(result, TITLE).get("many")
        return float(row[name] if name != "differences" else len(row[name])) if row else None

    return measure


TARGETS = tuple(
    Target(f"many tees: {what}", "many-tees", off(name), 0, most=True)
    for name, what in (
        ("differences", "what differs from the verdict of one tee"),
        ("unbalanced", "by how much the merged ledger is off"),
        ("lost", "pairs that were lost"),
    )
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    parser.add_argument("--requests", type=positive, default=200_000, help="in all (default: %(default)s)")
    parser.add_argument("--tees", type=positive, default=4, help="how many (default: %(default)s)")


def run(options: argparse.Namespace) -> Result:
    """Send, kill, and compare."""
    with Workspace() as workspace:
        found = run_many(workspace, options.requests, options.tees)
    return Result([many_table(found)], {"requests": found.requests, "tees": found.tees}, held=found.held)


SCENARIO = Scenario("many-tees", "several tees and their judges against one", add_arguments, run, TARGETS)
