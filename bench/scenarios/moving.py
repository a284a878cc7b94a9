"""Large bodies through a subject: the rate, and how much its memory grows."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import BenchError
from ..programs import measure
from ..programs.backends import Backend, odd_backend, offer_huge
from ..programs.sessions import Sessions
from ..programs.subjects import Running, Subject, running
from ..reports.figures import Json, medians
from ..reports.lookups import OURS, Lookup, Measured, rows
from ..reports.tables import NOTHING, TIMES, megabytes, multiple, speed, table
from .rounds import Stage, Taken, interleaved

LIMIT = 300.0
"""Seconds of the longest transfer."""
WAYS = ("upload", "download")


@dataclass(frozen=True)
class Way:
    """One table: up or down, with or without a B."""

    direction: str
    with_b: bool
    title: str


@dataclass(frozen=True)
class Moved:
    """One transfer: bytes a second, memory at its start and at its most, and the growth between these, in bytes."""

    rate: float
    before: float | None = None
    peak: float | None = None
    growth: float | None = None


Move = Callable[[Stage[Backend], Running, Way, Path], None]
"""Makes one transfer of a file. Raises OSError or BenchError where it fails."""
Ends = dict[tuple[Sessions, str], tuple[int, int]]
"""The ports of A and B for each arrangement and direction."""


@contextlib.contextmanager
def ends(stages: Sequence[Stage[Backend]], mebibytes: int) -> Iterator[tuple[Ends, Path]]:
    """The servers of the transfers, and the file that is moved. Uploads go to sinks that keep nothing."""
    file = offer_huge([backend for stage in stages for backend in (stage.a, stage.b)], mebibytes << 20)
    with contextlib.ExitStack() as stack:
        found: Ends = {}
        for stage in stages:
            sinks = [stack.enter_context(odd_backend(stage.workspace, "sink")) for _ in range(2)]
            found[stage.sessions, "upload"] = (sinks[0], sinks[1])
            found[stage.sessions, "download"] = (stage.a.port, stage.b.port)
        yield found, file


def timed(move: Move, stage: Stage[Backend], tee: Running, way: Way, file: Path) -> float:
    """Make one transfer, and return its rate in bytes a second."""
    began = time.monotonic()
    try:
        move(stage, tee, way, file)
    except OSError as error:
        raise BenchError(f"the {way.direction} failed: {error}") from error
    return file.stat().st_size / (time.monotonic() - began)


def measured(
    move: Move, stage: Stage[Backend], subject: Subject, way: Way, ports: tuple[int, int], file: Path
) -> Moved:
    """Start a subject, move a small file three times so that all pools are filled, then the large one."""
    a, b = ports
    with running(stage.workspace, subject, a, b if way.with_b else None) as tee:
        for _ in range(3):
            timed(move, stage, tee, way, file.with_name("large"))
        if tee.process is None:
            return Moved(timed(move, stage, tee, way, file))
        group = tee.process.group
        before = measure.memory(group)
        with measure.Peak(group) as peak:
            rate = timed(move, stage, tee, way, file)
            time.sleep(0.5)  # the clone may still be in flight
        return Moved(rate, before, peak.bytes, peak.bytes - before)


def transfers(
    rounds: int,
    stages: Sequence[Stage[Backend]],
    ways: Sequence[Way],
    subjects: Sequence[Subject],
    move: Move,
    mebibytes: int,
) -> list[Json]:
    """Every way through every subject, in interleaved rounds."""
    with ends(stages, mebibytes) as (ports, file):

        def once(stage: Stage[Backend], way: Way, subject: Subject) -> Moved:
            if subject.starter is None and way.with_b:
                raise BenchError("no tee, so no B")
            return measured(move, stage, subject, way, ports[stage.sessions, way.direction], file)

        taken = interleaved(
            rounds, stages, ways, subjects, once, lambda way: way.title, lambda moved: speed(moved.rate)
        )  # fmt: skip
    return [transfer_table(way, stage.sessions, subjects, taken) for way in ways for stage in stages]


def transfer_table(
    way: Way, sessions: Sessions, subjects: Sequence[Subject], taken: Taken[Way, Moved]
) -> Json:  # fmt: skip
    """One way: the medians of every subject, and the most that its memory grew in any round."""
    found: list[Json] = []
    for subject in subjects:
        done, reason = taken.row(sessions, way, subject)
        if subject.starter is None and way.with_b:
            continue
        median = medians(done) if done else dict.fromkeys(("rate", "before"))
        growth = max((one.growth for one in done if one.growth is not None), default=None)
        found.append({"subject": subject.name, "reason": reason, "rate": median["rate"], "before": median["before"],
                     "growth": growth, "samples": [asdict(one) for one in done]})  # fmt: skip
    base = next((row["rate"] for row in found if row["subject"] == "nginx"), None)
    cells = [
        [
            row["subject"],
            speed(row["rate"]) if row["rate"] else "",
            multiple(row["rate"], base),
            NOTHING if row["before"] is None else megabytes(row["before"]),
            NOTHING if row["growth"] is None else "+" + megabytes(row["growth"]),
            row["reason"],
        ]
        for row in found
    ]
    header = ["tee", "rate", f"{TIMES} nginx", "memory at first", "most it grew in any round", "notes"]
    return table(way.title, header, cells, found, sessions)


def worst(titles: Sequence[str], name: str) -> Lookup:
    """The worst of some tables: our growth, or our rate as a multiple of nginx's."""

    def measure(result: Json) -> Measured:
        values = []
        for title in titles:
            found = rows(result, title)
            mine, other = found.get(OURS), found.get("nginx")
            if not mine or not mine["rate"] or not other or not other["rate"]:
                return None
            values.append(float(mine["rate"] / other["rate"] if name == "rate" else mine["growth"]))
        return min(values) if name == "rate" else max(values)

    return measure
