"""Keeps the judge at a part of one core."""

from __future__ import annotations

import time
from collections.abc import Callable

_PIECE = 0.002  # seconds of work between two sleeps: to sleep takes CPU time too


class Pace:
    """Keeps the judge at a `share` of one core: after work, it sleeps in proportion. `spent` is a clock of CPU time."""

    def __init__(
        self,
        share: float,
        spent: Callable[[], float] = time.process_time,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._factor = 1 / share - 1
        self._clock = spent
        self._sleep = sleep
        self._last = spent()
        self._owed = 0.0

    def rest(self) -> float:
        """Return the CPU time since the last call, in seconds; once enough has come together, sleep for it."""
        now = self._clock()
        spent, self._last = max(0.0, now - self._last), now
        self._owed += spent
        if self._owed >= _PIECE:
            self._sleep(self._owed * self._factor)
            self._owed = 0.0
        return spent
