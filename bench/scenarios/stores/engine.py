"""A spool on an engine, B down, while the engine is killed again and again, stopped, full, and emptied by hand: what
A's clients notice of it. Every clone goes into the outbox, and from there into Redis while that is possible.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from statistics import median

from tests.support.ledger import Ledger, parse
from tests.support.redis_server import RedisServer

from ...programs.backends import start_backend
from ...programs.load import CASES, Load, Outcome
from ...programs.processes import Process, free_port
from ...programs.sessions import Sessions
from ...programs.subjects import start_httptee
from ...programs.workspace import Workspace
from ...reports.figures import Json
from ...reports.lookups import Lookup, Measured, rows
from ...reports.tables import FORMATS, TIMES, multiple, table
from ...reports.targets import Target
from ..rounds import progress
from ..scenario import Result, Scenario, add_plan, positive
from .spool import until

CONNECTIONS = 32
TITLE = f"A spool on an engine, B down, {CONNECTIONS} connections"
KILLS = 5
WELL, KILLED, STOPPED, FULL, EMPTIED = STAGES = (
    "engine well", f"engine killed {KILLS} times", "engine stopped", "engine full", "engine emptied by hand",
)  # fmt: skip
_PARTITIONS = 16
_PATIENCE = 30.0  # seconds


@dataclass(frozen=True)
class Troubled:
    """One measurement, and the ledger of the tee after it, in which every clone is somewhere."""

    outcome: Outcome
    ledger: Ledger


def compared(stage: str, name: str) -> Lookup:
    """A figure of a stage as a multiple of that with an engine that is well."""

    def measure_it(result: Json) -> Measured:
        found = rows(result, TITLE)
        base = found.get(WELL, {}).get(name)
        return float(found[stage][name]) / float(base) if stage in found and base else None

    return measure_it


TARGETS = tuple(
    Target(f"{stage}: A's rate, {TIMES} with one that is well", "spool-engine", compared(stage, "rate"), 0.95)
    for stage in STAGES[1:]
)


@contextmanager
def trouble(redis: RedisServer, stage: str, seconds: float) -> Iterator[None]:
    """Trouble the engine within the block, for so many seconds. It is well at the end of the block."""
    over = threading.Event()
    acts: dict[str, Callable[[], None]] = {
        KILLED: lambda: _kill(redis, over, seconds),
        STOPPED: redis.pause,
        FULL: lambda: _ask(redis, "CONFIG", "SET", "maxmemory", "1mb"),
        EMPTIED: lambda: _empty(redis, over),
    }
    thread = threading.Thread(target=acts.get(stage, lambda: None))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        if stage == STOPPED:
            redis.proceed()
        if stage == FULL:
            _ask(redis, "CONFIG", "SET", "maxmemory", "0")


def _kill(redis: RedisServer, over: threading.Event, seconds: float) -> None:
    for _ in range(KILLS):
        if not over.wait(seconds / KILLS / 2):
            redis.kill()
            over.wait(seconds / KILLS / 2)
            redis.start()


def _empty(redis: RedisServer, over: threading.Event) -> None:
    while not over.wait(0.5):
        for partition in range(_PARTITIONS):
            _ask(redis, "XTRIM", f"{{clones}}:{partition}", "MAXLEN", "0")


def _ask(redis: RedisServer, *words: str) -> None:
    redis.ask(*words)


def troubled(workspace: Workspace, load: Load, a: int, stage: str, options: argparse.Namespace) -> Troubled:
    """One measurement with a tee and an engine of its own."""
    port = free_port()
    with RedisServer(workspace.subdirectory("redis"), "--appendfsync", "everysec") as redis:
        redis.ask("FLUSHALL")
        words = ["-b", f"http://127.0.0.1:{free_port()} name=b", "-b.spool", redis.address("clones")]
        command = start_httptee(workspace, port, a, None, *words, "-processes", "2")
        with workspace.started("httptee", command.argv, command.env) as tee:
            tee.wait_ready(port)
            url, case = f"http://127.0.0.1:{port}", CASES["post1k"]
            if options.warmup:
                load.run(url, case, CONNECTIONS, options.warmup)
            seconds = options.stopped if stage == STOPPED else options.seconds
            with trouble(redis, stage, seconds):
                outcome = load.run(url, case, CONNECTIONS, seconds)
            return Troubled(outcome, _ledger(tee))


def _ledger(tee: Process) -> Ledger:
    def found() -> list[Ledger]:
        return parse(tee.log.read_text(errors="replace"))

    before = len(found())
    os.kill(tee.group, signal.SIGUSR1)
    until(lambda: len(found()) > before, "the ledger", _PATIENCE)
    ledger = found()[-1]
    ledger.check()
    return ledger


def engine_table(found: dict[str, list[Troubled]]) -> Json:
    """The medians of the rounds."""
    saved: list[Json] = []
    cells = []
    for stage in STAGES:
        each = found[stage]
        row = {
            "rate": median(one.outcome.rate for one in each),
            "p99": median(one.outcome.p99 for one in each),
            "errors": sum(one.outcome.errors for one in each),
            "seen": sum(one.ledger.seen - one.ledger.taken_over for one in each),
            "dropped": sum(one.ledger.dropped for one in each),
        }
        saved.append({"subject": "httptee", "scenario": stage, "rounds": [asdict(one) for one in each], **row})
        base = saved[0]
        cells.append([stage, FORMATS["rate"](row["rate"]), multiple(row["rate"], base["rate"]),
                      FORMATS["p99"](row["p99"]), multiple(row["p99"], base["p99"]), f"{row['seen']:,}",
                      f"{row['dropped']:,}", str(row["errors"])])  # fmt: skip
    times = f"{TIMES} engine well"
    header = ["stage", "requests/s", times, "p99", times, "clones", "dropped", "errors"]
    return table(TITLE, header, cells, saved, Sessions.ONE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    add_plan(parser)
    parser.add_argument(
        "--stopped", type=positive, default=60, help="seconds for which the engine is stopped (default: %(default)s)"
    )
    parser.set_defaults(seconds=15)


def run(options: argparse.Namespace) -> Result:
    """Measure in interleaved rounds."""
    found: defaultdict[str, list[Troubled]] = defaultdict(list)
    with Workspace() as workspace:
        a, load = start_backend(workspace, "a"), Load("wrk", workspace.subdirectory("load"))
        for number in range(options.rounds):
            for stage in STAGES if number % 2 == 0 else reversed(STAGES):
                found[stage].append(troubled(workspace, load, a.port, stage, options))
                progress(f"{stage}: {found[stage][-1]}")
    settings = {name: getattr(options, name) for name in ("rounds", "seconds", "warmup", "stopped")}
    return Result([engine_table(found)], settings)


SCENARIO = Scenario("spool-engine", "an engine of the spool that is killed, stopped, full", add_arguments, run, TARGETS)
