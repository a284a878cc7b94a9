"""The writing side of the ledger: what a worker counts, and the gauges that it sets, each in its own words of memory.

A row has one writer process, so a lock of that process's own is all the care a count needs. A count costs about half
a microsecond; every request pays for two.
"""

from __future__ import annotations

import threading
from bisect import bisect_left

from httptee.http import Follower
from httptee.ledger.columns import BOUNDS, DROP_REASONS, ShadowLine, WorkerLine

_FIRST_BUCKET = ShadowLine.BUCKETS[0]
_SEEN = ShadowLine.SEEN
_MICROSECONDS = ShadowLine.MICROSECONDS
_DELIVERED = ShadowLine.DELIVERED
_A_FIRST_BUCKET = WorkerLine.BUCKETS[0]
_A_MICROSECONDS = WorkerLine.MICROSECONDS
_ANSWERED = WorkerLine.ANSWERED
_INTERNAL = WorkerLine.REFUSED["internal"]


class Account:
    """One B's line in one worker's row. Every clone is opened and settled once, or dropped once.

    `follower`, where an exchange has one, is told of every outcome.
    """

    def __init__(self, backend: str, cells: memoryview) -> None:
        self.backend = backend
        self._cells = cells
        self._lock = threading.Lock()

    def open(self) -> None:
        """A clone has been taken on; it is in flight until it is settled."""
        with self._lock:
            self._cells[_SEEN] += 1

    def drop(self, reason: str, follower: Follower | None = None) -> None:
        """A clone was offered and refused in the same moment."""
        with self._lock:
            self._cells[_SEEN] += 1
            self._cells[ShadowLine.DROPPED[reason]] += 1
        if follower is not None:
            follower.settled(self.backend, "dropped", reason)

    def settle_delivered(self, status: int, seconds: float, follower: Follower | None = None) -> None:
        """A clone in flight got its answer, `seconds` after it was sent."""
        bucket = _FIRST_BUCKET + bisect_left(BOUNDS, seconds)
        column = _DELIVERED.get(status, ShadowLine.OTHER_STATUS)
        cells = self._cells
        with self._lock:
            cells[column] += 1
            cells[bucket] += 1
            cells[_MICROSECONDS] += int(seconds * 1e6)
        if follower is not None:
            follower.settled(self.backend, "delivered", status, seconds)

    def settle_failed(self, reason: str, seconds: float = 0.0, follower: Follower | None = None) -> None:
        """A clone in flight got none, and that was clear after `seconds`."""
        with self._lock:
            self._cells[ShadowLine.FAILED[reason]] += 1
        if follower is not None:
            follower.settled(self.backend, "failed", reason, seconds)

    def settle_dropped(self, reason: str, follower: Follower | None = None) -> None:
        """A clone that waited will not be sent after all."""
        with self._lock:
            self._cells[ShadowLine.DROPPED[reason]] += 1
        if follower is not None:
            follower.settled(self.backend, "dropped", reason)

    @property
    def dropped(self) -> int:
        """Clones dropped so far."""
        first = ShadowLine.DROPPED[DROP_REASONS[0]]
        return sum(self._cells[first : first + len(DROP_REASONS)])

    def publish(self, **gauges: int) -> None:
        """Set some of `columns.SHADOW_GAUGES`."""
        for name, value in gauges.items():
            self._cells[ShadowLine.GAUGES[name]] = value


class WorkerAccount:
    """A worker's own line: its requests to A, and what it says of itself."""

    def __init__(self, cells: memoryview) -> None:
        self._cells = cells
        self._lock = threading.Lock()

    def answered(self, status: int, seconds: float) -> None:
        """A request to A has been answered; `seconds` is the time A took to its headers."""
        bucket = _A_FIRST_BUCKET + bisect_left(BOUNDS, seconds)
        column = _ANSWERED.get(status, WorkerLine.OTHER_STATUS)
        cells = self._cells
        with self._lock:
            cells[column] += 1
            cells[bucket] += 1
            cells[_A_MICROSECONDS] += int(seconds * 1e6)

    def error(self, reason: str) -> None:
        """An exchange with A failed, before its headers or in its body."""
        with self._lock:
            self._cells[WorkerLine.ERRORS[reason]] += 1

    def refused(self, reason: str) -> None:
        """The tee answered a request itself; neither A nor any B hears of it."""
        with self._lock:
            self._cells[WorkerLine.REFUSED.get(reason, _INTERNAL)] += 1

    def log_dropped(self) -> None:
        """A record of the access log was dropped."""
        with self._lock:
            self._cells[WorkerLine.LOG_DROPPED] += 1

    def share_changed(self, times: int) -> None:
        """The cutoff has changed the share of the clones that are sent."""
        with self._lock:
            self._cells[WorkerLine.SHARE_CHANGES] += times

    def publish(self, **gauges: int) -> None:
        """Set some of `columns.WORKER_GAUGES`. With a pid the worker is there, and with 0 it is not."""
        for name, value in gauges.items():
            self._cells[WorkerLine.GAUGES[name]] = value
