"""The side of the worker process: clones that B cannot take now go into a bounded queue, and from there to the disk.

The threads that serve clients only append to the queue. One thread of the process writes, a file for each B. What waits
while the disk takes nothing stays in the queue up to its limit; what comes then is dropped as `spool_full`.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic, sleep, time_ns

from httptee.http import Exchange, FileBody, Request
from httptee.ledger import GuardedAccount, SpoolDesk
from httptee.settings import SpoolSettings
from httptee.spool.record import Lane, encode, held_by
from httptee.spool.sheet import Sheet
from httptee.transport import IDEMPOTENT

logger = logging.getLogger(__name__)

MOST_HELD = 16 * 1024 * 1024
"""Bytes of clones that all processes may hold before they are written."""

REPEATED = frozenset({408, 425, 429, *range(500, 600)}) - {501, 505}
"""Statuses of answers after which a clone is sent again. With 501 and 505, a repeat cannot succeed."""

_SURELY_NOT_SENT = frozenset({"connect", "tls"})
_AMBIGUOUS = frozenset({"timeout", "reset", "protocol"})
_BATCH = 256  # clones
_PAUSE = 0.02  # seconds from one write to the next
_IDLE = 1.0  # seconds without a clone after which the thread waits to be woken
_BLOCKED = 0.2  # seconds until a disk that takes nothing is tried again


class Waiting:
    """A clone in the queue: `size` is what it holds in bytes, `arrived` in nanoseconds since the epoch."""

    __slots__ = ("arrived", "port", "request", "size")

    def __init__(self, request: Request, port: str, size: int) -> None:
        self.request = request
        self.port = port
        self.size = size
        self.arrived = time_ns()


class Outbox:
    """The queues of one process, and the thread that writes. `limit` is in bytes for all of them."""

    def __init__(self, limit: int, start: Callable[[Callable[[], object]], object] | None = None) -> None:
        self._limit = limit
        self._doors: list[Door] = []
        self._lock = threading.Lock()  # held for a few instructions
        self._held = 0
        self._start = start or _start
        self._running = False
        self._asleep = False
        self._closing = False
        self._wake = threading.Event()

    def add(self, door: Door) -> None:
        """Write what this door takes."""
        self._doors.append(door)

    def reserve(self, size: int) -> bool:
        """Make room for a clone; False if there is none."""
        with self._lock:
            if self._held + size > self._limit or self._closing:
                return False
            self._held += size
            return True

    def free(self, size: int) -> None:
        """Give room back."""
        with self._lock:
            self._held -= size

    def call(self) -> None:
        """A clone waits: have the thread run."""
        if self._asleep:
            self._wake.set()
        elif not self._running:
            self._run()

    def close(self, timeout: float) -> None:
        """Write what waits, within `timeout` seconds. What is left is dropped. May be called twice."""
        with self._lock:
            self._closing = True
        deadline = monotonic() + timeout
        self._wake.set()
        while self._running and monotonic() < deadline:
            sleep(0.005)
        for door in self._doors:
            door.close(deadline)

    def _run(self) -> None:
        with self._lock:
            if self._running or self._closing:
                return
            self._running = True
        try:
            self._start(self._write)
        except (RuntimeError, MemoryError):  # no thread can be started now: the next clone tries again
            self._running = False

    def _write(self) -> None:
        """The thread."""
        idle_since = monotonic()
        try:
            while not self._closing:
                written = [door.write(_BATCH) for door in self._doors]
                if any(written):
                    idle_since = monotonic()
                    sleep(0.0 if max(written) >= _BATCH else _PAUSE)
                elif any(door.waiting for door in self._doors):
                    sleep(_BLOCKED)
                elif monotonic() - idle_since > _IDLE:
                    self._sleep()
                else:
                    sleep(_PAUSE)
        except Exception:
            logger.exception("the spool could not be written; another attempt follows")
        finally:
            self._running = False

    def _sleep(self) -> None:
        self._wake.clear()
        self._asleep = True
        if not any(door.waiting for door in self._doors) and not self._closing:
            self._wake.wait(5.0)
        self._asleep = False
        for door in self._doors:
            door.rest()


class Door:
    """Where a shadow puts the clones of one B. It is the `Spooling` of that shadow."""

    def __init__(
        self,
        account: GuardedAccount,
        name: str,
        desk: SpoolDesk,
        settings: SpoolSettings,
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
        waiting = Waiting(exchange.request, exchange.port, size)
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
            if not self.write(_BATCH):
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
        return encode(one.request, self._lane(one.request, one.port))

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


def _start(task: Callable[[], object]) -> None:
    threading.Thread(target=task, name="spool", daemon=True).start()
