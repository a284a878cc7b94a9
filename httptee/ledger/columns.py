"""The layout of the shared memory: what each 64-bit word of a row counts. No other module defines it.

A row belongs to one worker process: a `WorkerLine` for the process and its requests to A, then a `ShadowLine` for each
B. Every word is a counter or a gauge. A counter only grows, and is summed over all rows. A gauge is set by its worker
process, and set to zero when that process has ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from httptee.errors import REFUSAL_REASONS, UPSTREAM_REASONS

Key = TypeVar("Key")

FAILURE_REASONS: tuple[str, ...] = (*UPSTREAM_REASONS, "lost", "poison")
"""Why a clone got no whole answer: the reason of its error, `lost` if its worker process died, or `poison` if only this
request fails, again and again: it was taken out of the spool and set aside."""

DROP_REASONS: tuple[str, ...] = (
    "paused",
    "sampled_out",
    "filtered",
    "other_status",
    "primary_failed",
    "incomplete",
    "too_large",
    "rate_limited",
    "saturated",
    "over_budget",
    "unreadable",
    "unread",
    "circuit_open",
    "cut_off",
    "closing",
    "spool_full",
    "spool_expired",
    "spool_corrupt",
)
"""Why a clone is dropped: the closed set."""

BOUNDS: tuple[float, ...] = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency buckets, in seconds. One more bucket counts everything above them."""

TUNNEL_ENDS: tuple[str, ...] = ("closed", "reset", "idle", "closing", "lost")
"""How an upgraded connection ended: both sides closed it, one of them or the network broke it off, it was idle for too
long, the tee ended, or its worker process died. The closed set."""

WORKER_GAUGES: tuple[str, ...] = (
    "pid",
    "core",
    "started",
    "draining",
    "connections",
    "tunnels",
    "in_flight",
    "waiting",
    "held_bytes",
    "cut",
)
"""The gauges of a worker process. `core` is the core's number plus one, or 0 if the process is not pinned. `started` is
in whole seconds since the epoch. `tunnels` are upgraded connections, and requests in flight that ask for one.
`in_flight` is the number of requests that have no whole answer yet, `waiting` the number of those that wait for a
thread. `held_bytes` is what its clones hold in memory; what several Bs share counts
once. `cut` is the part of the clones that the cutoff drops, in millionths."""

SHADOW_GAUGES: tuple[str, ...] = ("waiting",)
"""The gauges of one B in one worker process. `waiting` is the number of clones in the queue."""

CIRCUIT_WORDS = 6
"""Shared words for the state of one B's circuit breaker."""

OUTAGE_WORDS = 5
"""Shared words for the state of A: whether it fails, and since when."""

IS_OPEN = 0
"""The index of the word that is not 0 while B is considered down."""

_STATUSES = range(100, 600)


class _Columns:
    """Numbers columns, one after another."""

    def __init__(self) -> None:
        self.width = 0

    def one(self) -> int:
        self.width += 1
        return self.width - 1

    def each(self, keys: Iterable[Key]) -> dict[Key, int]:
        return {key: self.one() for key in keys}


class ShadowLine:
    """Columns of one B in the row of one worker process.

    `SEEN` comes after all outcomes: a line is read in this order, while its worker process writes. So a reader never
    gets more outcomes than `SEEN`.

    `SPOOLED` counts clones that a worker process has put into the spool. What it drops of them (`spool_full`) is still
    among them. The drainer has a line of its own, for what comes out of the spool. `HANDED_OVER` counts what it has put
    into an engine: whichever tee sends it counts the rest in the line of what was taken over.
    """

    _take = _Columns()
    FAILED = _take.each(FAILURE_REASONS)
    DROPPED = _take.each(DROP_REASONS)
    DELIVERED = _take.each(_STATUSES)
    OTHER_STATUS = _take.one()
    HANDED_OVER = _take.one()
    SPOOLED = _take.one()
    SEEN = _take.one()
    BUCKETS = tuple(_take.each(range(len(BOUNDS) + 1)).values())
    MICROSECONDS = _take.one()
    COUNTERS = _take.width
    GAUGES = _take.each(SHADOW_GAUGES)
    WIDTH = _take.width

    @classmethod
    def in_flight(cls, line: Sequence[int]) -> int:
        """The clones in flight by the line of a worker process."""
        return line[cls.SEEN] - sum(line[: cls.SEEN]) + line[cls.DROPPED["spool_full"]]

    @classmethod
    def spooled(cls, line: Sequence[int]) -> int:
        """The clones that a worker process has put into the spool, without those that it has dropped again."""
        return line[cls.SPOOLED] - line[cls.DROPPED["spool_full"]]


class WorkerLine:
    """Columns of one worker process: the outcomes of its requests, and its gauges."""

    _take = _Columns()
    ERRORS = _take.each(UPSTREAM_REASONS)
    REFUSED = _take.each(REFUSAL_REASONS)
    ANSWERED = _take.each(_STATUSES)
    OTHER_STATUS = _take.one()
    BUCKETS = tuple(_take.each(range(len(BOUNDS) + 1)).values())
    MICROSECONDS = _take.one()
    CLIENT_GONE = _take.one()
    LOG_DROPPED = _take.one()
    SHARE_CHANGES = _take.one()
    CUT_OFF = _take.one()
    UNANSWERED = _take.one()
    UNOBSERVED = _take.one()
    TUNNELS = _take.one()
    TUNNELS_ENDED = _take.each(TUNNEL_ENDS)
    TUNNEL_RECEIVED = _take.one()
    TUNNEL_SENT = _take.one()
    COUNTERS = _take.width
    GAUGES = _take.each(WORKER_GAUGES)
    WIDTH = _take.width


def row_width(backends: int) -> int:
    """The number of words in a row with this number of Bs."""
    return WorkerLine.WIDTH + backends * ShadowLine.WIDTH
