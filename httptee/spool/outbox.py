"""The side of the worker process: clones that B cannot take now go into a bounded queue, and from there to the disk.

The threads that serve clients only append to the queue. One thread of the process writes, a file for each B. What waits
while the disk takes nothing stays in the queue up to its limit; what comes then is dropped as `spool_full`.
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
_IDLE = 1.0  # seconds without a clone after which the thread waits to be woken
_LAST_CLOSE = 0.5  # seconds until files are closed that are to be closed
_BLOCKED = 0.2  # seconds until a disk that takes nothing is tried again


class Writes(Protocol):
    """The queue of one B, which the thread writes."""

    @property
    def waiting(self) -> int:
        """Clones that are not written yet."""

    def write(self, most: int) -> int:
        """Write up to `most` clones that wait; return how many were written."""

    def look(self) -> bool:
        """Let clones go on that wait for the last ones in the spool. Whether any wait."""

    def rest(self) -> None:
        """Nothing is to be written."""

    def close(self, deadline: float) -> None:
        """Write what waits until the deadline of the monotonic clock, and end."""

    def abandon(self) -> None:
        """Drop what waits, and leave alone what is being written just now."""


class Outbox:
    """The queues of one process, and the thread that writes. `limit` is in bytes for all of them."""

    def __init__(self, limit: int, start: Callable[[Callable[[], object]], object] | None = None) -> None:
        self._limit = limit
        self._doors: list[Writes] = []
        self._lock = threading.Lock()  # held for a few instructions
        self._held = 0
        self._start = start or _start
        self._running = False
        self._asleep = False
        self._closing = False
        self._wake = threading.Event()

    def add(self, door: Writes) -> None:
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

    def call_again(self) -> None:
        """Call it once a second: the thread may wait for a disk, or it could not be started and no clone comes."""
        held = [door.look() for door in self._doors]
        if not self._running and (any(held) or any(door.waiting for door in self._doors)):
            self._run()

    def close(self, timeout: float) -> None:
        """Write what waits, within `timeout` seconds. What is left is dropped. A disk that takes nothing holds only a
        thread. May be called twice."""
        with self._lock:
            self._closing = True
        deadline = monotonic() + timeout
        self._wake.set()
        while self._running and monotonic() < deadline:
            sleep(0.005)
        if self._running:
            for door in self._doors:
                door.abandon()
            return
        closer = threading.Thread(target=self._close_doors, args=(deadline,), name="spool", daemon=True)
        try:
            closer.start()
        except (RuntimeError, MemoryError):
            self._close_doors(deadline)
        else:
            closer.join(max(0.0, deadline - monotonic()) + _LAST_CLOSE)

    def _close_doors(self, deadline: float) -> None:
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
                held = [door.look() for door in self._doors]
                written = [door.write(BATCH) for door in self._doors]
                if any(held):
                    idle_since = monotonic()
                    sleep(_PAUSE)
                elif any(written):
                    idle_since = monotonic()
                    sleep(0.0 if max(written) >= BATCH else _PAUSE)
                elif any(door.waiting for door in self._doors):
                    sleep(_BLOCKED)
                elif monotonic() - idle_since > _IDLE:
                    self._sleep()
                    idle_since = monotonic()
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


def _start(task: Callable[[], object]) -> None:
    threading.Thread(target=task, name="spool", daemon=True).start()
