"""Whether the tee has grown: the slope by least squares, and the table of a soak."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from ..errors import BenchError
from ..programs.sessions import Sessions
from .figures import Json
from .tables import megabytes
from .tables import table as as_table

TITLE = "httptee with every fault of A, B, clients and the operator"
WARM_UP = 180.0
"""Seconds at the start that are left out. Of a run below five times that, the first fifth is left out."""
TEN_MINUTES = 600.0
PHASE = 2.0
"""Seconds of a period that count as the same point of it."""
PERIODS = 4
"""The smallest number of periods of a run for which the recurring part is left out."""


@dataclass(frozen=True)
class Moment:
    """What the tee's processes hold `at` seconds after the start of the load. Memory is in bytes."""

    at: float
    memory: int
    descriptors: int
    threads: int
    processes: int


@dataclass(frozen=True)
class Slope:
    """A change in 10 minutes by least squares, and its standard error."""

    value: float
    error: float


def slope(points: Sequence[tuple[float, float]], period: float = 0.0) -> Slope:
    """The slope through (seconds, value) points, in 10 minutes. Raises BenchError for too few points.

    With a `period`, each point is compared only with the points at the same distance into other periods. So a saw-tooth
    that recurs with each period adds nothing to the slope or its error, also where some of its samples are missing.
    """
    alike: dict[int, list[tuple[float, float]]] = {}
    for at, value in points:
        alike.setdefault(int(at % period // PHASE) if period else 0, []).append((at, value))
    off_mean = [pair for group in alike.values() for pair in _off_mean(group)]
    spread, free = sum(at * at for at, _ in off_mean), len(points) - len(alike) - 1
    if free < 1 or not spread:
        raise BenchError("too few samples for a slope: run it for longer")
    steep = sum(at * value for at, value in off_mean) / spread
    left = sum((value - steep * at) ** 2 for at, value in off_mean)
    return Slope(steep * TEN_MINUTES, (left / free / spread) ** 0.5 * TEN_MINUTES)


def _off_mean(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    mean_at, mean_value = (statistics.fmean(column) for column in zip(*points, strict=True))
    return [(at - mean_at, value - mean_value) for at, value in points]


def steady(moments: Sequence[Moment], seconds: float) -> list[Moment]:
    """The moments after the warm-up with the usual number of processes: not those during a reload or after a kill."""
    later = [moment for moment in moments if moment.at >= min(WARM_UP, seconds / 5)]
    usual = statistics.mode(moment.processes for moment in later)
    return [moment for moment in later if moment.processes == usual]


def ends(values: Sequence[int]) -> tuple[float, float]:
    """The medians of the first fifth and of the last fifth."""
    fifth = max(1, len(values) // 5)
    return statistics.median(values[:fifth]), statistics.median(values[-fifth:])


@dataclass(frozen=True)
class Soaked:
    """The outcome of a soak.

    `done`: how often the operator did what. `contradicts`: where the ledger differs from the counts of the clients and
    of B. The operator's acts on the tee recur every `period` seconds.
    """

    seconds: float
    period: float
    moments: list[Moment]
    clients: Mapping[str, int]
    unexpected: list[str]
    done: dict[str, int]
    ledger: Json
    contradicts: list[str]


def table(got: Soaked, seed: int) -> Json:
    """The findings, one in each line, and all samples."""
    calm = steady(got.moments, got.seconds)
    recurs = got.period if got.seconds >= PERIODS * got.period else 0.0
    memory = slope([(moment.at, float(moment.memory)) for moment in calm], recurs)
    descriptors, threads = ends([moment.descriptors for moment in calm]), ends([moment.threads for moment in calm])
    first, last = ends([moment.memory for moment in calm])
    clients = got.clients
    own = sum(number for name, number in clients.items() if name.startswith("primary_"))
    ledger = got.ledger
    cells = [
        ["requests", f"{clients['asked']:,} in {got.seconds / 60:g} minutes"],
        ["answers as A sent them", f"{clients['exact']:,}"],
        ["the tee's own errors that fit A's fault", f"{own:,}"],
        ["answers visibly cut short because A ended early or a worker was killed", f"{clients['cut']:,}"],
        ["invalid requests, refused as documented", f"{clients['refused']:,}"],
        ["clients that vanished", f"{clients['vanished in the request'] + clients['vanished in the answer']:,}"],
        ["acts of the operator", ", ".join(f"{name} {number}" for name, number in got.done.items())],
        ["**unexpected answers**", str(clients.get("unexpected", 0))],
        ["memory, first and last fifth after warm-up", f"{megabytes(first)} → {megabytes(last)}"],
        ["**memory slope**", f"{memory.value / 1e6:+.2f} ± {memory.error / 1e6:.2f} MB in 10 minutes"],
        ["**descriptors**, first and last fifth", "{:g} → {:g}".format(*descriptors)],
        ["**threads**, first and last fifth", "{:g} → {:g}".format(*threads)],
        ["B's ledger", _told(ledger)],
        ["**the ledger**", "; ".join(got.contradicts) or "exact"],
    ]
    row = {
        "subject": "httptee", "seed": seed, "seconds": got.seconds, "slope": asdict(memory),
        "descriptors": descriptors, "threads": threads, "unexpected": clients.get("unexpected", 0),
        "first unexpected": got.unexpected, "contradictions": got.contradicts, "ledger": ledger,
        "clients": dict(clients), "samples": [list(asdict(moment).values()) for moment in got.moments],
    }  # fmt: skip
    return as_table(TITLE, ["", ""], cells, [row], Sessions.ONE)


def _told(ledger: Json) -> str:
    names = ("seen", "delivered", "failed", "dropped", "in_flight")
    return ", ".join(f"{ledger[name]:,} {name.replace('_', ' ')}" for name in names) if ledger else "not read"
