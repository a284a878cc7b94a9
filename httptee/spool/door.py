"""Where the shadow of one B puts clones that B cannot take now: counted and queued, for the thread of the outbox."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from time import monotonic, monotonic_ns, sleep, time_ns

from httptee.http import Exchange, FileBody
from httptee.ledger import GuardedAccount, SpoolDesk
from httptee.spool.outbox import BATCH, Outbox
from httptee.spool.record import Lane, encode, held_by
from httptee.spool.sheet import Policy, Sheet
from httptee.transport import IDEMPOTENT

logger = logging.getLogger(__name__)

REPEATED = frozenset({408, 425, 429, *range(500, 600)}) - {501, 505}
"""Statuses of answers after which a clone is sent again. With 501 and 505, a repeat cannot succeed."""

_SURELY_NOT_SENT = frozenset({"connect", "tls"})
_AMBIGUOUS = frozenset({"timeout", "reset", "protocol"})


class Waiting:
    """A clone in the queue: `size` is what it holds in bytes, `arrived` in nanoseconds since the epoch.

    A `late` one was sent before and has failed: others that came after it may be in the spool already.
    """

    __slots__ = ("arrived", "connection", "late", "request", "size")

    def __init__(self, exchange: Exchange, size: int, *, late: bool) -> None:
        self.request = exchange.request
        # Numbers of connections are unique in one process only.
        self.connection = exchange.port or f"{os.getpid()}.{exchange.connection}"
        self.size = size
        self.late = late
        self.arrived = time_ns() - (monotonic_ns() - exchange.offered if late and exchange.offered else 0)


class Door:
    """Where a shadow puts the clones of one B. It is the `Spooling` of that shadow."""

    def __init__(
        self,
        account: GuardedAccount,
        name: str,
        desk: SpoolDesk,
        settings: Policy,
        lane: Lane,
        sheet: Sheet,
        outbox: Outbox,
    ) -> None:
        self._account = account
        self._name = name
        self._desk = desk
        self._lane = lane
        self._sheet = sheet
        self._outbox = outbox
        self._ambiguous = settings.ambiguous
        self._lock = threading.Lock()  # so that clones are queued in the order in which they are counted
        self._queue: deque[Waiting] = deque()
        self._losing = 0  # clones that were dropped since the first of a row
        self._lost_from = self._lost_to = 0
        outbox.add(self)

    @property
    def backlog(self) -> bool:
        """Whether B has clones in the spool."""
        return self._desk.backlog

    @property
    def waiting(self) -> int:
        """Clones that are not written yet."""
        return len(self._queue)

    def repeats(self, method: str, reason: str, status: int) -> bool:
        """Whether a clone is sent again that failed for this `reason`, or that B answered with this `status`."""
        if not reason:
            return status in REPEATED
        return reason in _SURELY_NOT_SENT or (
            reason in _AMBIGUOUS
            and (self._ambiguous == "retry" or (self._ambiguous == "idempotent" and method in IDEMPOTENT))
        )

    def take(self, exchange: Exchange, reason: str, *, opened: bool) -> str:
        """Count a clone and queue it, or drop it as `spool_full`. Returns a drop reason if it was not counted."""
        size = held_by(exchange.request)
        fits = self._outbox.reserve(size)
        if fits and isinstance(exchange.request.body, FileBody):
            try:
                exchange.load()
            except Exception:  # whatever it is, the clone is counted
                self._outbox.free(size)
                return "unreadable"
        waiting = Waiting(exchange, size, late=opened)
        with self._lock:
            counted = self._account.spool(opened=opened)
            if counted:
                self._desk.put(1)
            if counted and fits:
                self._queue.append(waiting)
        if not counted:
            if fits:
                self._outbox.free(size)
            return "closing"
        if fits:
            self._outbox.call()
        else:
            self._lose(1, waiting.arrived, waiting.arrived)
        if exchange.follower is not None:
            exchange.follower.settled(self._name, "spooled", reason)
        return ""

    def write(self, most: int) -> int:
        """Write up to `most` clones that wait; return how many were written. For one thread."""
        batch = [self._queue[at] for at in range(min(most, len(self._queue)))]
        self._report_end_of_loss()
        if not batch:
            return 0
        records, refused = [], []
        for one in batch:
            try:
                records.append((one.arrived, self._encoded(one)))
            except ValueError:
                refused.append(one)
        if records and not self._sheet.append(records):
            return 0
        for one in batch:
            self._queue.popleft()
            self._outbox.free(one.size)
        if refused:  # what cannot be written as HTTP/1 can never be sent
            self._lose(len(refused), refused[0].arrived, refused[-1].arrived)
        return len(batch)

    def rest(self) -> None:
        """Nothing is to be written: have the disk hold all, and close the file, so that it can be removed."""
        if not self._queue:
            self._sheet.rest()

    def close(self, deadline: float) -> None:
        """Write what waits until the deadline of the monotonic clock, drop the rest, and close the file."""
        while self._queue and monotonic() < deadline:
            if not self.write(BATCH):
                sleep(0.05)
        rest = list(self._queue)
        self._queue.clear()
        for one in rest:
            self._outbox.free(one.size)
        if rest:
            self._lose(len(rest), rest[0].arrived, rest[-1].arrived)
        if self._losing:
            self._say_lost()
        self._sheet.close()

    def _encoded(self, one: Waiting) -> bytes:
        return encode(one.request, self._lane(one.request, one.connection), late=one.late)

    def _lose(self, count: int, first: int, last: int) -> None:
        """Count clones that the spool could not take."""
        with self._lock:
            self._account.drop_spooled(count)
            self._desk.put(-count)
            self._desk.lose(first, last)
            self._lost_from = self._lost_from if self._losing else first
            self._lost_to = last
            self._losing += count

    def _report_end_of_loss(self) -> None:
        """Log a loss when it has ended: no clone was dropped for a second."""
        if self._losing and time_ns() - self._lost_to > 1e9:
            self._say_lost()

    def _say_lost(self) -> None:
        with self._lock:
            count, self._losing = self._losing, 0
        since, until = self._lost_from / 1e9, self._lost_to / 1e9
        logger.warning(
            "B %s: %d clones from %.3f to %.3f (seconds since the epoch) were lost: the spool took no more%s",
            self._name, count, since, until, f" ({self._sheet.error})" if self._sheet.error else "",
        )  # fmt: skip
