"""The writing side of the ledger: the counts and gauges of one worker process, each in its own word of memory.

A row has one writer process, so a count needs a lock of that process only. A count takes about half a microsecond; each
request with a B makes at least two.
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
    """The columns of one line, written by one process. `_columns` is the class that lays them out."""

    _columns: type[ShadowLine] | type[WorkerLine]

    def __init__(self, cells: memoryview) -> None:
        self._cells = cells
        self._lock = threading.Lock()  # for the threads of this process
        self._first_bucket = self._columns.BUCKETS[0]
        self._microseconds = self._columns.MICROSECONDS

    def publish(self, **gauges: int) -> None:
        """Set gauges of this line, by name."""
        for name, value in gauges.items():
            self._cells[self._columns.GAUGES[name]] = value

    def _count(self, column: int, times: int = 1) -> None:
        with self._lock:
            self._cells[column] += times

    def _count_timed(self, column: int, seconds: float) -> None:
        """Count an exchange that took `seconds`."""
        bucket = self._first_bucket + bisect_left(BOUNDS, seconds)
        with self._lock:
            cells = self._cells
            cells[column] += 1
            cells[bucket] += 1
            cells[self._microseconds] += int(seconds * 1e6)


class Account(_Line):
    """One B's line in the row of one worker process. Every clone is opened and settled once, or dropped once.

    If an exchange has a `follower`, the outcome is also passed to it.
    """

    _columns = ShadowLine

    def __init__(self, backend: str, cells: memoryview) -> None:
        super().__init__(cells)
        self.backend = backend
        self._closed = False

    def open(self) -> None:
        """Count a clone that was taken on. It is in flight until it is settled."""
        with self._lock:
            self._cells[_SEEN] += 1

    def drop(self, reason: str, follower: Follower | None = None) -> None:
        """Count a clone that was offered and dropped at once."""
        with self._lock:
            self._cells[_SEEN] += 1
            self._cells[ShadowLine.DROPPED[reason]] += 1
        if follower is not None:
            follower.settled(self.backend, "dropped", reason)

    def settle_delivered(self, status: int, seconds: float, follower: Follower | None = None) -> None:
        """Settle a clone in flight: B answered it, `seconds` after it was sent."""
        self._count_timed(_DELIVERED.get(status, ShadowLine.OTHER_STATUS), seconds)
        if follower is not None:
            follower.settled(self.backend, "delivered", status, seconds)

    def settle_failed(self, reason: str, seconds: float = 0.0, follower: Follower | None = None) -> None:
        """Settle a clone in flight: it failed after `seconds`."""
        self._count(ShadowLine.FAILED[reason])
        if follower is not None:
            follower.settled(self.backend, "failed", reason, seconds)

    def settle_dropped(self, reason: str, follower: Follower | None = None) -> None:
        """Settle a clone in flight as dropped."""
        self._count(ShadowLine.DROPPED[reason])
        if follower is not None:
            follower.settled(self.backend, "dropped", reason)

    def spool(self, *, opened: bool) -> bool:
        """Count a clone that goes into the spool, one that was `opened` or one that was just offered. False, and
        nothing is counted, after `close`."""
        with self._lock:
            if self._closed:
                return False
            if not opened:
                self._cells[_SEEN] += 1
            self._cells[ShadowLine.SPOOLED] += 1
        return True

    def drop_spooled(self, count: int) -> None:
        """Count clones that were put into the spool and dropped again as `spool_full`."""
        self._count(ShadowLine.DROPPED["spool_full"], count)

    def close(self) -> int:
        """Settle all clones in flight as failed with `timeout`, and return their number.

        Later counts go into memory that nobody reads, so no clone is settled twice.
        """
        with self._lock:
            cells = self._cells
            self._cells = memoryview(bytearray(cells.nbytes)).cast("Q")
            self._closed = True
            unanswered = max(0, ShadowLine.in_flight(cells.tolist()))
            cells[ShadowLine.FAILED["timeout"]] += unanswered
        return unanswered

    @property
    def dropped(self) -> int:
        """Clones that this worker process has dropped so far."""
        first = ShadowLine.DROPPED[DROP_REASONS[0]]
        return sum(self._cells[first : first + len(DROP_REASONS)])


class WorkerAccount(_Line):
    """A worker process's own line: its requests to A, and its gauges."""

    _columns = WorkerLine

    def answered(self, status: int, seconds: float) -> None:
        """Count a request to A that was answered. `seconds` is the time to the headers of A's answer."""
        self._count_timed(_ANSWERED.get(status, WorkerLine.OTHER_STATUS), seconds)

    def error(self, reason: str) -> None:
        """Count an exchange with A that failed, before the headers of the answer or in its body."""
        self._count(WorkerLine.ERRORS[reason])

    def refused(self, reason: str) -> None:
        """Count a request that the tee answered itself. It goes neither to A nor to any B."""
        self._count(WorkerLine.REFUSED.get(reason, _INTERNAL))

    def client_gone(self) -> None:
        """Count a request whose client has gone before its answer was whole. If it went to A, it is also answered."""
        self._count(WorkerLine.CLIENT_GONE)

    def log_dropped(self) -> None:
        """Count a record of the access log that was dropped."""
        self._count(WorkerLine.LOG_DROPPED)

    def unobserved(self) -> None:
        """Count an outcome that could not be counted or logged, because of an error in the tee."""
        self._count(WorkerLine.UNOBSERVED)

    def tunnel_opened(self) -> None:
        """Count a connection that was upgraded."""
        self._count(WorkerLine.TUNNELS)

    def tunnel_ended(self, end: str) -> None:
        """Count the end of an upgraded connection, one of `TUNNEL_ENDS`."""
        self._count(WorkerLine.TUNNELS_ENDED[end])

    def carried(self, received: int, sent: int) -> None:
        """Count bytes of upgraded connections, from clients and to them."""
        self._count(WorkerLine.TUNNEL_RECEIVED, received)
        self._count(WorkerLine.TUNNEL_SENT, sent)

    def share_changed(self, times: int) -> None:
        """Count `times` changes of the share of clones by the cutoff."""
        self._count(WorkerLine.SHARE_CHANGES, times)

    def cut_off(self, requests: int) -> None:
        """Count requests that were reset at the end of a drain."""
        self._count(WorkerLine.CUT_OFF, requests)
