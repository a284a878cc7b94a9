"""Keeps the judge at a part of one core, and says when it has taken too much memory."""

from __future__ import annotations

import logging
import resource
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

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


class Memory:
    """The memory of this process that is its own, against `most` bytes more than now."""

    def __init__(self, most: int) -> None:
        self._most = most + self._used()

    def short(self) -> bool:
        """Whether it is used up."""
        used = self._used()
        if used > self._most:
            logger.warning("the judge process holds %d MiB: it saves what it knows, and ends", used >> 20)
        return used > self._most

    def _used(self) -> int:
        try:
            with open("/proc/self/statm") as file:
                _, resident, shared, *_ = map(int, file.read().split())
        except (OSError, ValueError):  # not Linux
            return 0
        return (resident - shared) * resource.getpagesize()
