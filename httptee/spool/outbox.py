"""The side of the worker process: clones that B cannot take now go into a bounded queue, and from there to the disk.

The threads that serve clients only append to the queue. Each B has a queue, a part of the memory and a thread that
writes: a disk that takes nothing from one B stops no other. What waits for the disk stays in the queue up to its limit;
what comes then is dropped as `spool_full`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic, sleep
from typing import Protocol

logger = logging.getLogger(__name__)

MOST_HELD = 16 * 1024 * 1024
"""Bytes of clones that all processes may hold before they are written."""

BATCH = 256
"""Clones that are written at once."""
_PAUSE = 0.01  # seconds from one write to the next
_IDLE = 1.1  # seconds without a clone after which the thread waits to be woken: until then, all is on the disk
_LONG_IDLE = 5.0  # seconds more, after which the file is closed
_LAST_CLOSE = 0.5  # seconds until files are closed that are to be closed
_BLOCKED = 0.2  # seconds until a disk that takes nothing is tried again


class Writes(Protocol):
    """The queue of one B, which a thread writes."""

    @property
    def waiting(self) -> int:
        """Clones that are not written yet."""

    def write(self, most: int) -> int:
        """Write up to `most` clones that wait; return how many were written."""

    def look(self) -> bool:
        """Let clones go on that wait for the last ones in the spool. Whether any wait."""

    def sync(self) -> None:
        """Have the disk hold what it is to hold by now."""

    def rest(self) -> None:
        """Nothing is to be written."""

    def close(self, deadline: float) -> None:
        """Write what waits until the deadline of the monotonic clock, and end."""

    def abandon(self) -> None:
        """Drop what waits, and leave alone what is being written just now."""


Start = Callable[[Callable[[], object]], object]
"""Starts a thread. Raises RuntimeError or MemoryError."""


class Outbox:
    """The queues of one process: a tray for each of `parts` Bs. `limit` is in bytes for all of them.

    A clone may be larger than the part of its B. One of them at a time is held beside what is in the parts, so all
    together hold less than twice the limit.
    """

    def __init__(self, limit: int, parts: int = 1, start: Start | None = None) -> None:
        self._limit = limit
        self._part = limit // max(1, parts)
        self._start = start or _start
        self._large = threading.Lock()  # whoever has it holds a clone that is larger than its part; nobody waits for it
        self._trays: list[Tray] = []

    def tray(self) -> Tray:
        """The one of a further B."""
        self._trays.append(Tray(self._part, self._limit, self._large, self._start))
        return self._trays[-1]

    def call_again(self) -> None:
        """Call it once a second: a thread may wait for a disk, or it could not be started and no clone comes."""
        for tray in self._trays:
            tray.call_again()

    def close(self, timeout: float) -> None:
        """Write what waits, within `timeout` seconds. What is left is dropped. A disk that takes nothing holds only a
        thread. May be called twice."""
        deadline = monotonic() + timeout
        for tray in self._trays:
            tray.end()
        writing, closers = list(self._trays), []
        while True:
            closers += [tray.closer(deadline) for tray in writing if not tray.running]
            writing = [tray for tray in writing if tray.running]
            if not writing or monotonic() >= deadline:
                break
            sleep(0.005)
        for tray in writing:
            tray.abandon()
        for closer in filter(None, closers):
            closer.join(max(0.0, deadline - monotonic()) + _LAST_CLOSE)


class Tray:
    """The queue of one B, and the thread that writes it. It holds up to `limit` bytes, or one clone of up to `most` if
    no other queue does: then it has `large`."""

    def __init__(self, limit: int, most: int, large: threading.Lock, start: Start) -> None:
        self._limit = limit
        self._most = most
        self._large = large
        self._has_large = False
        self._start = start
        self._door: Writes | None = None
        self._lock = threading.Lock()  # held for a few instructions
        self._held = 0
        self.running = False
        """Whether its thread runs."""
        self._asleep = False
        self._closing = False
        self._wake = threading.Event()

    def serve(self, door: Writes) -> None:
        """Write what this door takes."""
        self._door = door

    def reserve(self, size: int) -> bool:
        """Make room for a clone; False if there is none."""
        with self._lock:
            if self._closing:
                return False
            if self._held + size > self._limit:
                if self._held or size > self._most or not self._large.acquire(blocking=False):
                    return False
                self._has_large = True
            self._held += size
            return True

    def free(self, size: int) -> None:
        """Give room back."""
        with self._lock:
            self._held -= size
            if self._has_large and self._held <= self._limit:
                self._has_large = False
                self._large.release()

    def call(self) -> None:
        """A clone waits: have the thread run."""
        if self._asleep:
            self._wake.set()
        elif not self.running:
            self._run()

    def call_again(self) -> None:
        """Call it once a second."""
        door = self._door
        if door is not None:
            held = door.look()
            if not self.running and (held or door.waiting):
                self._run()

    def end(self) -> None:
        """Take no more, and have the thread end after what it does."""
        with self._lock:
            self._closing = True
        self._wake.set()

    def closer(self, deadline: float) -> threading.Thread | None:
        """Close the door, after the end of the thread: in another one, which is returned, if the system has one."""
        door = self._door
        if door is None:
            return None
        closer = threading.Thread(target=door.close, args=(deadline,), name="spool", daemon=True)
        try:
            closer.start()
        except (RuntimeError, MemoryError):
            door.close(deadline)
            return None
        return closer

    def abandon(self) -> None:
        """Drop what waits: the thread waits for a disk."""
        if self._door is not None:
            self._door.abandon()

    def _run(self) -> None:
        with self._lock:
            if self.running or self._closing or self._door is None:
                return
            self.running = True
        try:
            self._start(self._write)
        except (RuntimeError, MemoryError):  # no thread can be started now: the next clone tries again
            self.running = False

    def _write(self) -> None:
        """The thread."""
        door, idle_since = self._door, monotonic()
        try:
            while door is not None and not self._closing:
                held, written = door.look(), door.write(BATCH)
                door.sync()
                if held or written:
                    idle_since = monotonic()
                    sleep(0.0 if written >= BATCH and not held else _PAUSE)
                elif door.waiting:
                    sleep(_BLOCKED)
                elif monotonic() - idle_since > _IDLE:
                    self._sleep(door)
                    idle_since = monotonic()
                else:
                    sleep(_PAUSE)
        except Exception:
            logger.exception("the spool could not be written; another attempt follows")
        finally:
            self.running = False

    def _sleep(self, door: Writes) -> None:
        self._wake.clear()
        self._asleep = True
        if not door.waiting and not self._closing:
            self._wake.wait(_LONG_IDLE)
        self._asleep = False
        door.rest()


def _start(task: Callable[[], object]) -> None:
    threading.Thread(target=task, name="spool", daemon=True).start()
