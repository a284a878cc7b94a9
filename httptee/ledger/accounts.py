"""The writing side of the ledger: what a worker counts, and the gauges that it sets, each in its own words of memory.

A row has one writer process, so a lock of that process's own is all the care a count needs. A count costs about half
a microsecond; every request pays for two.
"""

from __future__ import annotations

import threading
from bisect import bisect_left

from httptee.http import Follower
from httptee.ledger.columns import BOUNDS, DROP_REASONS, ShadowLine, WorkerLine

_SEEN = ShadowLine.SEEN
_DELIVERED = ShadowLine.DELIVERED
_ANSWERED = WorkerLine.ANSWERED
_INTERNAL = WorkerLine.REFUSED["internal"]


class _Line:
    """The columns of one line, written by one process. `columns` is the class that lays them out."""

    _columns: type[ShadowLine] | type[WorkerLine]

    def __init__(self, cells: memoryview) -> None:
        self._cells = cells
        self._lock = threading.Lock()  # for the threads of this process
        self._first_bucket = self._columns.BUCKETS[0]
        self._microseconds = self._columns.MICROSECONDS

    def publish(self, **gauges: int) -> None:
        """Set some of the gauges of this line."""
        for name, value in gauges.items():
            self._cells[self._columns.GAUGES[name]] = value

    def _count(self, column: int, times: int = 1) -> None:
        with self._lock:
            self._cells[column] += times

    def _count_timed(self, column: int, seconds: float) -> None:
        """Count an exchange that took so many seconds."""
        bucket = self._first_bucket + bisect_left(BOUNDS, seconds)
        cells = self._cells
        with self._lock:
            cells[column] += 1
            cells[bucket] += 1
            cells[self._microseconds] += int(seconds * 1e6)


class Account(_Line):
    """One B's line in one worker's row. Every clone is opened and settled once, or dropped once.

    `follower`, where an exchange has one, is told of every outcome.
    """

    _columns = ShadowLine

    def __init__(self, backend: str, cells: memoryview) -> None:
        super().__init__(cells)
        self.backend = backend

    def open(self) -> None:
        """A clone has been taken on; it is in flight until it is settled."""
        self._count(_SEEN)

    def drop(self, reason: str, follower: Follower | None = None) -> None:
        """A clone was offered and refused in the same moment."""
        with self._lock:
            self._cells[_SEEN] += 1
            self._cells[ShadowLine.DROPPED[reason]] += 1
        if follower is not None:
            follower.settled(self.backend, "dropped", reason)

    def settle_delivered(self, status: int, seconds: float, follower: Follower | None = None) -> None:
        """A clone in flight got its answer, `seconds` after it was sent."""
        self._count_timed(_DELIVERED.get(status, ShadowLine.OTHER_STATUS), seconds)
        if follower is not None:
            follower.settled(self.backend, "delivered", status, seconds)

    def settle_failed(self, reason: str, seconds: float = 0.0, follower: Follower | None = None) -> None:
        """A clone in flight got none, and that was clear after `seconds`."""
        self._count(ShadowLine.FAILED[reason])
        if follower is not None:
            follower.settled(self.backend, "failed", reason, seconds)

    def settle_dropped(self, reason: str, follower: Follower | None = None) -> None:
        """A clone that waited will not be sent after all."""
        self._count(ShadowLine.DROPPED[reason])
        if follower is not None:
            follower.settled(self.backend, "dropped", reason)

    @property
    def dropped(self) -> int:
        """Clones dropped so far."""
        first = ShadowLine.DROPPED[DROP_REASONS[0]]
        return sum(self._cells[first : first + len(DROP_REASONS)])


class WorkerAccount(_Line):
    """A worker's own line: its requests to A, and what it says of itself."""

    _columns = WorkerLine

    def answered(self, status: int, seconds: float) -> None:
        """A request to A has been answered; `seconds` is the time A took to its headers."""
        self._count_timed(_ANSWERED.get(status, WorkerLine.OTHER_STATUS), seconds)

    def error(self, reason: str) -> None:
        """An exchange with A failed, before its headers or in its body."""
        self._count(WorkerLine.ERRORS[reason])

    def refused(self, reason: str) -> None:
        """The tee answered a request itself; neither A nor any B hears of it."""
        self._count(WorkerLine.REFUSED.get(reason, _INTERNAL))

    def log_dropped(self) -> None:
        """A record of the access log was dropped."""
        self._count(WorkerLine.LOG_DROPPED)

    def share_changed(self, times: int) -> None:
        """The cutoff has changed the share of the clones that are sent."""
        self._count(WorkerLine.SHARE_CHANGES, times)
