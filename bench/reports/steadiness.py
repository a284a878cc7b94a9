"""Whether something has grown: least squares over what was seen of it, and the report of a soak."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from ..programs.processes import BenchError
from .figures import Json
from .report import megabytes

TITLE = "httptee, with A, B, clients and the operator doing whatever may go wrong"
WARM_UP = 180.0
"""Seconds that are left out, or a fifth of a run that is shorter than five times that."""
TEN_MINUTES = 600.0
PHASE = 2.0
"""Seconds of a period that count as the same time of it."""
PERIODS = 4
"""Periods from which on a run is long enough to leave out what recurs with each."""


@dataclass(frozen=True)
class Moment:
    """What the tee's processes hold at one time, in seconds since the load began; memory in bytes."""

    at: float
    memory: int
    descriptors: int
    threads: int
    processes: int


@dataclass(frozen=True)
class Slope:
    """A change in 10 minutes by least squares, and the standard error of it."""

    value: float
    error: float


def slope(points: Sequence[tuple[float, float]], period: float = 0.0) -> Slope:
    """The slope through (seconds, value) points, in 10 minutes.

    What comes back with every `period` is no slope: a point is then compared with those as far into other periods.
    Otherwise it would depend on which of a saw-tooth's samples are missing, and nearly all of its error would be the
    saw-tooth.
    """
    alike: dict[int, list[tuple[float, float]]] = {}
    for at, value in points:
        alike.setdefault(int(at % period // PHASE) if period else 0, []).append((at, value))
    off_mean = [pair for group in alike.values() for pair in _off_mean(group)]
    spread, free = sum(at * at for at, _ in off_mean), len(points) - len(alike) - 1
    if free < 1 or not spread:
        raise BenchError("too few samples for a slope: let it run for longer")
    steep = sum(at * value for at, value in off_mean) / spread
    left = sum((value - steep * at) ** 2 for at, value in off_mean)
    return Slope(steep * TEN_MINUTES, (left / free / spread) ** 0.5 * TEN_MINUTES)


def _off_mean(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    mean_at, mean_value = (statistics.fmean(column) for column in zip(*points, strict=True))
    return [(at - mean_at, value - mean_value) for at, value in points]


def steady(moments: Sequence[Moment], seconds: float) -> list[Moment]:
    """Those after the warm-up, without those at which a reload has more processes than usual, or a kill fewer."""
    later = [moment for moment in moments if moment.at >= min(WARM_UP, seconds / 5)]
    usual = statistics.mode(moment.processes for moment in later)
    return [moment for moment in later if moment.processes == usual]


def ends(values: Sequence[int]) -> tuple[float, float]:
    """The medians of the first and of the last fifth."""
    fifth = max(1, len(values) // 5)
    return statistics.median(values[:fifth]), statistics.median(values[-fifth:])


@dataclass(frozen=True)
class Soaked:
    """All that a run brought: the tee's processes over time, what clients got, what was `done` to the tee and its
    backends, B's ledger, and in what it `contradicts` the counts of the clients and of B. What was done to the tee
    recurs every `period` seconds.
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
    """What was found, line by line, and all samples."""
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
        ["errors of the tee's own that fit", f"{own:,}"],
        ["answers visibly cut short where A broke off or a worker was killed", f"{clients['cut']:,}"],
        ["bad requests, refused as documented", f"{clients['refused']:,}"],
        ["clients that vanished", f"{clients['vanished in the request'] + clients['vanished in the answer']:,}"],
        ["done by the operator", ", ".join(f"{name} {number}" for name, number in got.done.items())],
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
    return {"title": TITLE, "header": ["", ""], "cells": cells, "rows": [row]}


def _told(ledger: Json) -> str:
    names = ("seen", "delivered", "failed", "dropped", "in_flight")
    return ", ".join(f"{ledger[name]:,} {name.replace('_', ' ')}" for name in names) if ledger else "not read"
