"""Where the shadow of one B puts clones that B cannot take now: counted and queued, for the thread that writes."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic, sleep, time_ns

from httptee.http import Exchange, FileBody
from httptee.journal import Record
from httptee.ledger import GuardedAccount, SpoolDesk
from httptee.spool.outbox import BATCH, Tray
from httptee.spool.outcome import retry_after, sent_again
from httptee.spool.record import Lane, encode
from httptee.spool.sheet import Policy, Sheet
from httptee.transport import Answer

logger = logging.getLogger(__name__)

_HELD = 90  # bytes that a record in the queue takes beside its own
_MOST_BYTES = 1 << 20  # that are written at once; a record may be longer


class Door:
    """Where a shadow puts the clones of one B. It is the `Spooling` of that shadow.

    A clone waits as the bytes that go to the disk. As a request it would take several times the memory, and each
    collection of garbage would look through all that wait while the disk takes nothing.
    """

    def __init__(
        self,
        account: GuardedAccount,
        name: str,
        desk: SpoolDesk,
        settings: Policy,
        lane: Lane,
        sheet: Sheet,
        tray: Tray,
    ) -> None:
        self._account = account
        self._name = name
        self._desk = desk
        self._lane = lane
        self._sheet = sheet
        self._tray = tray
        self._ambiguous = settings.ambiguous
        self._lock = threading.Lock()  # so that clones are queued in the order in which they are counted
        # In two queues, since the collector of garbage counts a tuple as an object that lives on, and neither of these.
        self._queue: deque[bytes] = deque()
        self._stamps: deque[int] = deque()
        self._batch: list[Record] = []  # what is written next, for the thread that writes
        self._losing = 0  # clones that were dropped since the first of a row
        self._lost_from = self._lost_to = 0
        self._look: Callable[[], bool] = lambda: False
        tray.serve(self)

    @property
    def settling(self) -> bool:
        """Whether clones that come are to wait for the last ones in the spool."""
        return self._desk.settling

    def watch(self, look: Callable[[], bool]) -> None:
        """Call `look` many times a second from now on, in a thread, as long as it returns True."""
        self._look = look

    def call(self) -> None:
        """Have that thread run."""
        self._tray.call()

    def look(self) -> bool:
        """Let clones go on that wait for the last ones in the spool. Whether any wait. For one thread."""
        return self._look()

    @property
    def backlog(self) -> bool:
        """Whether B has clones in the spool, and those that come do not wait for the last of them."""
        return self._desk.backlog and not self._desk.settling

    @property
    def waiting(self) -> int:
        """Clones that are not written yet."""
        return len(self._queue) + len(self._batch)

    def repeats(self, method: str, reason: str, status: int) -> bool:
        """Whether a clone is sent again that failed for this `reason`, or that B answered with this `status`."""
        return sent_again(self._ambiguous, method, reason, status)

    def take(self, exchange: Exchange, reason: str, *, opened: bool, answer: Answer | None = None) -> str:
        """Count a clone and queue it, or drop it as `spool_full`. Returns a drop reason if it was not counted. If B has
        given an `answer`, the clone is not sent before the time that it names."""
        try:
            wait = 0.0 if answer is None else retry_after(answer.status, answer.headers)
            data = self._as_bytes(exchange, time_ns() + int(wait * 1e9) if wait else 0, late=opened)
        except Exception:  # whatever it is, the clone is counted
            return "unreadable"
        fits = bool(data) and self._tray.reserve(_HELD + len(data))
        arrived = exchange.came
        with self._lock:
            counted = self._account.spool(opened=opened)
            if counted:
                self._desk.put(1, arrived if fits else 0)  # the drainer waits until it is stored
                if fits:
                    self._stamps.append(arrived)
                    self._queue.append(data)
        if not counted:
            if fits:
                self._tray.free(_HELD + len(data))
            return "closing"
        if fits:
            self._tray.call()
        else:
            self._lose(1, arrived, arrived)
        if exchange.follower is not None:
            exchange.follower.settled(self._name, "spooled", reason)
        return ""

    def write(self, most: int) -> int:
        """Write up to `most` clones that wait; return how many were written. For one thread."""
        self._report_end_of_loss()
        batch, queue = self._batch, self._queue
        size = sum(len(data) for _, data in batch)
        while queue and len(batch) < most and size < _MOST_BYTES:
            data = queue.popleft()
            batch.append((self._stamps.popleft(), data))
            size += len(data)
        if not batch or not self._sheet.append(batch):
            return 0
        self._batch = []
        with self._lock:
            self._desk.stored(batch[-1][0], everything=not queue)
        self._tray.free(size + _HELD * len(batch))
        return len(batch)

    def sync(self) -> None:
        """Have the disk hold what it is to hold by now. For one thread."""
        self._sheet.sync_due()

    def rest(self) -> None:
        """Nothing is to be written: have the disk hold all, and close the file, so that it can be removed."""
        if not self.waiting:
            self._sheet.rest()

    def close(self, deadline: float) -> None:
        """Write what waits until the deadline of the monotonic clock, drop the rest, and close the file."""
        while self.waiting and monotonic() < deadline:
            if not self.write(BATCH):
                sleep(0.05)
        rest = [*self._batch, *zip(self._stamps, self._queue, strict=False)]
        self._batch = []
        self._queue.clear()
        self._stamps.clear()
        if rest:
            self._tray.free(sum(_HELD + len(data) for _, data in rest))
            self._lose(len(rest), rest[0][0], rest[-1][0])
        if self._losing:
            self._say_lost()
        self._sheet.close()

    def abandon(self) -> None:
        """Drop what waits, and leave alone what is being written just now: the disk takes nothing."""
        rest = []
        while True:
            try:
                rest.append((self._stamps.popleft(), self._queue.popleft()))
            except IndexError:
                break
        if rest:
            self._tray.free(sum(_HELD + len(data) for _, data in rest))
            self._lose(len(rest), rest[0][0], rest[-1][0])
            self._say_lost()

    def _as_bytes(self, exchange: Exchange, due: int, *, late: bool) -> bytes:
        """A clone as it is stored. Empty if there is no room for a body that is in a file, or if it cannot be written
        as HTTP/1, so that it can never be sent. Raises OSError, ValueError or MemoryError if its body cannot be read.

        A `late` one was sent before and has failed: others that came after it may be in the spool already.
        """
        body = exchange.request.body
        if not isinstance(body, FileBody):
            return self._encoded(exchange, due, late)
        if not self._tray.reserve(len(body)):
            return b""
        try:
            exchange.load()
            return self._encoded(exchange, due, late)
        finally:
            self._tray.free(len(body))

    def _encoded(self, exchange: Exchange, due: int, late: bool) -> bytes:
        # Numbers of connections are unique in one process only.
        connection = exchange.port or f"{os.getpid()}.{exchange.connection}"
        try:
            return encode(exchange.request, self._lane(exchange.request, connection), due, late=late)
        except ValueError:
            return b""

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
