"""A disk of the spool that takes nothing for some seconds, while B is down: what A's clients notice of it.

The disk is a file on a loop device, which is frozen under load: that needs root. What waits for it is in memory, up to
a limit; what comes beyond that is dropped. The same tee without a spool drops all.
"""

from __future__ import annotations

import argparse
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from ...programs import measure
from ...programs.backends import start_backend
from ...programs.load import CASES, Load, Outcome
from ...programs.processes import free_port
from ...programs.sessions import Sessions
from ...programs.subjects import start_httptee
from ...programs.workspace import Workspace
from ...reports.figures import Json
from ...reports.lookups import Lookup, Measured, rows
from ...reports.tables import FORMATS, TIMES, multiple, table
from ...reports.targets import Target
from ..rounds import progress
from ..scenario import Result, Scenario, add_plan, positive
from .disk import Disk, mounted

CONNECTIONS = 32
TITLE = f"A spool on a disk that is frozen, B down, {CONNECTIONS} connections"
PLAIN, SPOOL, FROZEN = STAGES = ("no spool", "spool", "spool, disk frozen")
_DISK = 512  # MiB


@dataclass(frozen=True)
class Stalled:
    """One measurement. `memory` is that of all processes of the tee right after the load, in bytes."""

    outcome: Outcome
    memory: int


def compared(name: str) -> Lookup:
    """A figure with the frozen disk as a multiple of that without a spool."""

    def measure_it(result: Json) -> Measured:
        found = rows(result, TITLE)
        base = found.get(PLAIN, {}).get(name)
        return float(found[FROZEN][name]) / float(base) if FROZEN in found and base else None

    return measure_it


TARGETS = (
    Target(f"spool, disk frozen: A's rate, {TIMES} without a spool", "spool-frozen", compared("rate"), 0.95),
    Target(f"spool, disk frozen: A's p99, {TIMES} without a spool", "spool-frozen", compared("p99"), 1.1, most=True),
)


@contextmanager
def frozen(disk: Disk, after: float, seconds: float) -> Iterator[None]:
    """Freeze the disk within the block, for so many seconds. It is thawed at the end of the block in any case."""
    over = threading.Event()

    def freeze() -> None:
        if not over.wait(after):
            disk.freeze()
            try:
                over.wait(seconds)
            finally:
                disk.thaw()

    thread = threading.Thread(target=freeze)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def stalled(workspace: Workspace, load: Load, a: int, stage: str, disk: Disk, options: argparse.Namespace) -> Stalled:
    """One measurement with a tee of its own, and an empty spool."""
    port = free_port()
    words = ["-b", f"http://127.0.0.1:{free_port()} name=b", "-processes", "2"]
    if stage != PLAIN:
        words += ["-b.spool", str(_empty(disk.path))]
    command = start_httptee(workspace, port, a, None, *words)
    with workspace.started("httptee", command.argv, command.env) as tee:
        tee.wait_ready(port)
        url, case = f"http://127.0.0.1:{port}", CASES["post1k"]
        if options.warmup:
            load.run(url, case, CONNECTIONS, options.warmup)
        if stage == FROZEN:
            with frozen(disk, options.seconds / 4, options.frozen):
                outcome = load.run(url, case, CONNECTIONS, options.seconds)
        else:
            outcome = load.run(url, case, CONNECTIONS, options.seconds)
        return Stalled(outcome, measure.memory(tee.group))


def _empty(path: Path) -> Path:
    """A directory of the disk for one tee. What the others have left is removed."""
    for file in (file for file in path.glob("spool/**/*") if file.is_file()):
        file.unlink()
    return path / "spool"


def frozen_table(found: dict[str, list[Stalled]]) -> Json:
    """The medians of the rounds."""
    saved: list[Json] = []
    cells = []
    for stage in STAGES:
        each = found[stage]
        row = {
            "rate": median(one.outcome.rate for one in each),
            "p99": median(one.outcome.p99 for one in each),
            "memory": max(one.memory for one in each),
            "errors": sum(one.outcome.errors for one in each),
        }
        saved.append({"subject": "httptee", "scenario": stage, "rounds": [asdict(one) for one in each], **row})
        base = saved[0]
        cells.append([stage, FORMATS["rate"](row["rate"]), multiple(row["rate"], base["rate"]),
                      FORMATS["p99"](row["p99"]), multiple(row["p99"], base["p99"]), f"{row['memory'] / 1e6:.0f} MB",
                      str(row["errors"])])  # fmt: skip
    header = ["stage", "requests/s", f"{TIMES} no spool", "p99", f"{TIMES} no spool", "most memory", "errors"]
    return table(TITLE, header, cells, saved, Sessions.ONE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    add_plan(parser)
    parser.add_argument("--frozen", type=positive, default=3, help="seconds without the disk (default: %(default)s)")
    parser.set_defaults(seconds=8)


def run(options: argparse.Namespace) -> Result:
    """Measure in interleaved rounds."""
    found: defaultdict[str, list[Stalled]] = defaultdict(list)
    with Workspace() as workspace, mounted(workspace.subdirectory("disk"), _DISK) as disk:
        a, load = start_backend(workspace, "a"), Load("wrk", workspace.subdirectory("load"))
        for number in range(options.rounds):
            for stage in STAGES if number % 2 == 0 else reversed(STAGES):
                found[stage].append(stalled(workspace, load, a.port, stage, disk, options))
                progress(f"{stage}: {found[stage][-1]}")
    settings = {name: getattr(options, name) for name in ("rounds", "seconds", "warmup", "frozen")}
    return Result([frozen_table(found)], settings)


SCENARIO = Scenario("spool-frozen", "a disk of the spool that takes nothing", add_arguments, run, TARGETS)
