"""Whether this process itself is what takes the time.

A clone waits for nobody, so a busy tee serves its clients on, while B waits for the processor or its answer for a
thread. Times that are measured then speak of the tee, and make any B look slow.
"""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

_BUSY = 0.5  # of one core: all threads share one GIL
_WINDOW = 0.1  # seconds


class OwnLoad:
    """The CPU time of this process, looked at ten times a second. Safe from any thread: a race only shifts a window."""

    def __init__(self, spent: Callable[[], float] = process_time) -> None:
        self._clock = spent
        self._busy = True  # until it is known
        self._at: float | None = None
        self._spent = 0.0

    def is_busy(self, now: float) -> bool:
        """Whether this process used more than half of a core lately; `now` in seconds of any clock."""
        at = self._at
        if at is None or now - at >= _WINDOW:
            spent = self._clock()
            if at is not None:
                self._busy = spent - self._spent > _BUSY * (now - at)
            self._at, self._spent = now, spent
        return self._busy
