"""Which 64-bit word of a worker's row counts what: the one place that lays the shared memory out.

A row is one worker's: a `WorkerLine` about the process and its requests to A, then a `ShadowLine` for each B. Every
word is a counter, which only grows and is summed over all rows, or a gauge, which its worker sets and which is zeroed
with the worker.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from httptee.errors import REFUSAL_REASONS, UPSTREAM_REASONS

Key = TypeVar("Key")

FAILURE_REASONS: tuple[str, ...] = (*UPSTREAM_REASONS, "lost")
"""Why a clone that was sent got no whole answer: what became of its exchange, or `lost` with a killed worker."""

DROP_REASONS: tuple[str, ...] = (
    "sampled_out",
    "filtered",
    "too_large",
    "rate_limited",
    "saturated",
    "over_budget",
    "circuit_open",
    "cut_off",
    "closing",
)
"""Why a clone may never be sent: the closed set."""

BOUNDS: tuple[float, ...] = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency buckets, in seconds; one more bucket takes what is above them all."""

WORKER_GAUGES: tuple[str, ...] = ("pid", "core", "started", "draining", "connections", "held_bytes", "cut")
"""What a worker says of itself. `core` is one more than the core's number, 0 for a worker that is not pinned;
`started` is in whole seconds since the epoch, `held_bytes` what the bodies of its clones hold, those that several B's
share counted once, `cut` the part of the clones that the cutoff drops, in millionths."""

SHADOW_GAUGES: tuple[str, ...] = ("waiting",)
"""What a worker says of a B: clones that no thread has taken up yet."""

CIRCUIT_WORDS = 4
"""Shared words for the state of one B's circuit breaker."""

IS_OPEN = 0
"""Which of them is not 0 while B is taken to be down."""

_STATUSES = range(100, 600)


class _Columns:
    """Hands out columns, one after the other."""

    def __init__(self) -> None:
        self.width = 0

    def one(self) -> int:
        self.width += 1
        return self.width - 1

    def each(self, keys: Iterable[Key]) -> dict[Key, int]:
        return {key: self.one() for key in keys}


class ShadowLine:
    """Columns of one B in one worker's row.

    `SEEN` stands behind all outcomes, because a line is read in this order: what is read before `SEEN` can only have
    been counted before it.
    """

    _take = _Columns()
    FAILED = _take.each(FAILURE_REASONS)
    DROPPED = _take.each(DROP_REASONS)
    DELIVERED = _take.each(_STATUSES)
    OTHER_STATUS = _take.one()
    SEEN = _take.one()
    BUCKETS = tuple(_take.each(range(len(BOUNDS) + 1)).values())
    MICROSECONDS = _take.one()
    COUNTERS = _take.width
    GAUGES = _take.each(SHADOW_GAUGES)
    WIDTH = _take.width


class WorkerLine:
    """Columns of one worker: what became of the requests that it took, and its gauges."""

    _take = _Columns()
    ERRORS = _take.each(UPSTREAM_REASONS)
    REFUSED = _take.each(REFUSAL_REASONS)
    ANSWERED = _take.each(_STATUSES)
    OTHER_STATUS = _take.one()
    BUCKETS = tuple(_take.each(range(len(BOUNDS) + 1)).values())
    MICROSECONDS = _take.one()
    LOG_DROPPED = _take.one()
    SHARE_CHANGES = _take.one()
    COUNTERS = _take.width
    GAUGES = _take.each(WORKER_GAUGES)
    WIDTH = _take.width


def row_width(backends: int) -> int:
    """Words in the row of a worker with so many B's."""
    return WorkerLine.WIDTH + backends * ShadowLine.WIDTH
