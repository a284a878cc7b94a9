"""What a tee has recorded, replayed at nginx: whether each request arrives once, whole, and when it is due."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from httptee.recording import Exchange

from ..errors import BenchError
from ..programs.measure import members
from ..programs.nginx_log import Door, Logged, LoggingNginx
from ..programs.processes import ROOT, free_port, neutral_environment
from ..programs.sessions import Sessions
from ..programs.workspace import Workspace
from ..reports.figures import Json
from ..reports.lookups import Lookup, Measured
from ..reports.tables import table
from ..reports.targets import Target
from .recording.taken import recorded_by_tee
from .rounds import progress
from .scenario import Result, Scenario, listed, positive

RATE = 2000
CONNECTIONS = 64
PACES = {"x1": ["--speed", "1"], "x2": ["--speed", "2"], "3000/s": ["--rate", "3000/s"]}
TITLE = f"A recording of {RATE:,} requests/s, replayed at nginx"
STOPPED = "A server that is stopped for 1 s"
FROM_DUE, FROM_SEND = "from the due time", "from the send time"


@dataclass(frozen=True)
class Arrivals:
    """One replay. Times in milliseconds: how far the arrivals at the server are from their due times (at the 99th
    percentile), by the kernel's stamps and by the server's log; the median of the last tenth less that of the first;
    and the generator's own lateness."""

    sent: int
    missing: int
    repeated: int
    changed: int
    off_p99: float
    log_p99: float
    drift: float
    late_p99: float
    seconds: float


def replayed(recording: Path, port: int, *words: str) -> Json:
    """The figures of a run of `httptee replay`."""
    argv = [sys.executable, "-m", "httptee", "replay", str(recording), "--to", f"http://127.0.0.1:{port}"]
    environment = {**neutral_environment(), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*argv, "--no-compare", "--json", *words], capture_output=True, env=environment, check=False)
    if not done.stdout:
        raise BenchError(f"the replay ended with {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}")
    found: Json = json.loads(done.stdout)["replay"]
    return found


def due_times(recorded: list[Exchange], words: list[str]) -> list[float]:
    """When each request is due, in seconds after the start: computed here in a second way."""
    value = float(words[1].removesuffix("/s"))
    if words[0] == "--rate":
        return [number / value for number in range(len(recorded))]
    return [(one.arrived - recorded[0].arrived) / 1e9 / value for one in recorded]


def compared(
    recorded: list[Exchange], due: list[float], figures: Json, logged: list[Logged], stamps: dict[int, float]
) -> Arrivals:
    """What arrived, beside what was to arrive. A request without a stamp of the kernel has none at all."""
    times = Counter(one.number for one in logged)
    changed = sum(
        one.body != recorded[one.number].body.data
        or one.request != f"{recorded[one.number].method} {recorded[one.number].target}"
        for one in logged
    )
    by_log = {one.number: one.at for one in logged}
    off, log_off = (
        [1000 * (at[number] - figures["began"] - due[number]) for number in sorted(at)] for at in (stamps, by_log)
    )
    tenth = max(1, len(off) // 10)
    return Arrivals(
        figures["sent"], len(recorded) - len(times), len(logged) - len(times), changed,
        p99(off), p99(log_off), median(off[-tenth:]) - median(off[:tenth]),
        1000 * figures["late"]["p99"], figures["seconds"],
    )  # fmt: skip


def p99(times: list[float]) -> float:
    """The 99th percentile of the distances from zero."""
    return sorted(map(abs, times))[int(0.99 * len(times))]


def paces(workspace: Workspace, recording: Path, recorded: list[Exchange], names: list[str]) -> Json:
    """The table of the paces."""
    rows: list[Json] = []
    cells = []
    for name in names:
        words = PACES[name]
        nginx = LoggingNginx(workspace, free_port(), free_port())
        door = Door(nginx.port)
        try:
            figures = replayed(recording, nginx.port, *words)
        finally:
            door.close()
        workspace.end(nginx.process)
        if missed := len(recorded) - len(door.arrivals):
            raise BenchError(f"the kernel gave no stamp for {missed} requests")
        found = compared(recorded, due_times(recorded, words), figures, list(nginx.requests()), door.arrivals)
        progress(f"{name}: {found}")
        rows.append({"subject": "httptee", "scenario": name, **asdict(found)})
        cells.append(
            [name, f"{found.sent:,}", str(found.missing), str(found.repeated), str(found.changed),
             f"{found.off_p99:.2f} ms", f"{found.log_p99:.2f} ms", f"{found.drift:+.2f} ms", f"{found.late_p99:.2f} ms"]
        )  # fmt: skip
    header = ["pace", "sent", "missing", "twice", "changed", "off the due time, p99", "by nginx's log", "drift",
              "lateness, p99"]  # fmt: skip
    return table(TITLE, header, cells, rows, Sessions.ONE)


def stopped(workspace: Workspace, recording: Path) -> Json:
    """The table of a server that stands still for a second, in a replay of a second and a half."""
    nginx = LoggingNginx(workspace, free_port(), free_port())
    workers = set(members(nginx.process.group)) - {nginx.process.group}
    ended, before = threading.Event(), nginx.log.stat().st_size

    def stop() -> None:
        while not ended.is_set() and nginx.log.stat().st_size <= before:
            time.sleep(0.01)
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for worker in workers:
                os.kill(worker, number)
            time.sleep(1.0)

    thread = threading.Thread(target=stop)
    thread.start()
    figures = replayed(recording, nginx.port, "--limit", str(RATE * 3 // 2))
    ended.set()
    thread.join()
    rows: list[Json] = []
    cells = []
    for name, key in ((FROM_DUE, "from_due"), (FROM_SEND, "from_send")):
        times = {each: 1000 * figures[key][each] for each in ("p50", "p90", "p99", "longest")}
        rows.append({"subject": "httptee", "scenario": name, **times})
        cells.append([name, *(f"{value:,.1f} ms" for value in times.values())])
    return table(STOPPED, ["time", "p50", "p90", "p99", "max"], cells, rows, Sessions.ONE)


def worst(title: str, of: Callable[[Json], float], name: str = "") -> Lookup:
    """The largest figure of a table, or that of the row with this name."""

    def measure(result: Json) -> Measured:
        rows = [row for one in result["tables"] if one["title"] == title for row in one["rows"]]
        rows = [row for row in rows if name in ("", row["scenario"])]
        return max(map(of, rows)) if rows else None

    return measure


TARGETS = (
    Target("replay: requests missing, twice or changed", "replay",
           worst(TITLE, lambda row: float(row["missing"] + row["repeated"] + row["changed"])), 0.0, True),
    Target("replay: arrivals off their due time, p99, ms", "replay",
           worst(TITLE, lambda row: row["off_p99"]), 2.0, True),
    Target("replay: drift, ms", "replay", worst(TITLE, lambda row: abs(row["drift"])), 2.0, True),
    Target("replay: a server stopped for 1 s, from the due time, p90, ms", "replay",
           worst(STOPPED, lambda row: row["p90"], FROM_DUE), 800.0),
    Target("replay: a server stopped for 1 s, from the send time, p90, ms", "replay",
           worst(STOPPED, lambda row: row["p90"], FROM_SEND), 100.0, True),
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    parser.add_argument(
        "--seconds", type=positive, default=60, help="the length of the recording (default: %(default)s)"
    )
    parser.add_argument("--paces", default=",".join(PACES), help="which of them (default: %(default)s)")


def run(options: argparse.Namespace) -> Result:
    """Have a tee record a load, and replay that at each pace and at a server that stands still."""
    names = listed(options.paces)
    if unknown := [name for name in names if name not in PACES]:
        raise BenchError(f"unknown pace {unknown[0]!r}: {', '.join(PACES)}")
    with Workspace() as workspace:
        recording = workspace.subdirectory("recording")
        recorded = recorded_by_tee(workspace, recording, RATE, options.seconds, CONNECTIONS)
        progress(f"recorded {len(recorded):,} requests")
        tables = [paces(workspace, recording, recorded, names), stopped(workspace, recording)]
    return Result(tables, {"seconds": options.seconds, "connections": CONNECTIONS})


SCENARIO = Scenario(
    "replay", "what a tee has recorded, replayed at nginx: what arrives, and when", add_arguments, run, TARGETS
)
