"""Protects A: while A or the tee is slow, a smaller share of the clones is sent.

Clones can make A slow where A and a B share a disk, a network or the tee's cores. So once a second the share of clones
that are sent is halved if more than 1 in 100 of A's answers took longer than the threshold, or if requests wait for a
thread. Otherwise a tenth of the whole is added.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from time import monotonic

logger = logging.getLogger(__name__)

_WINDOW = 1.0  # seconds
_ALLOWED_OVER = 0.01
_LEAST_ANSWERS = 20  # in a window; fewer are too few for a percentile
_SMALLEST = 1 / 64  # below this, the share is 0
_STEP_BACK = 0.1


class Cutoff:
    """The share of clones that are sent, from 0.0 to 1.0, in one process. `changes` counts how often it changed.

    `threshold` is in seconds. `queueing` returns whether requests wait for a serving thread.
    """

    def __init__(
        self,
        threshold: float,
        clock: Callable[[], float] = monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.share = 1.0
        self.changes = 0
        self.queueing: Callable[[], bool] = lambda: False
        self._threshold = threshold
        self._clock = clock
        self._draw = draw
        self._ends = clock() + _WINDOW
        self._answers = self._over = 0

    def observe(self, seconds: float) -> None:
        """Count one answer of A, which took `seconds`. Threads may lose counts; an estimate is enough."""
        self._answers += 1
        self._over += seconds > self._threshold
        if self._clock() >= self._ends:
            self._close_window()

    def cuts(self) -> bool:
        """Whether the next clone is to be dropped as `cut_off`."""
        return self.share < 1.0 and self._draw() >= self.share

    def _close_window(self) -> None:
        answers, over = self._answers, self._over
        self._answers = self._over = 0
        self._ends = self._clock() + _WINDOW
        slow = answers >= _LEAST_ANSWERS and over > answers * _ALLOWED_OVER
        queueing = self.queueing()
        before = self.share
        if slow or queueing:
            halved = before / 2
            self.share = halved if halved >= _SMALLEST else 0.0
        else:
            self.share = min(1.0, before + _STEP_BACK)
        if self.share != before:
            self.changes += 1
            why = "A is slow" if slow else "requests wait for a thread" if queueing else "A answers in time"
            logger.warning("%s: sending %.0f %% of the clones", why, self.share * 100)
