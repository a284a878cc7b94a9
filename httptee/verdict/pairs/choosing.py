"""Decides which pairs are compared: rare routes first, and no more than a rate.

The choice is made before B's answer is known, at random among equals. So the pairs that are compared stand for all. If
the judge cannot take all unequal pairs, fewer pairs are chosen: to lose only the unequal ones would flatter B.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from time import monotonic

from httptee.verdict.court import sample_share

RARE = 1000
"""Pairs of a route that are chosen before those of routes with more."""

_LEAST = 10.0  # pairs a second below which losses do not lower the rate
_STEP = 1.1  # by which the rate grows each second after it was lowered


class Chooser:
    """Chooses up to `rate` pairs a second of one worker process. Safe from any thread: a race only shifts the rate."""

    def __init__(self, rate: float, random: Random, clock: Callable[[], float] = monotonic) -> None:
        self._most = self._rate = rate
        self._least = min(rate, _LEAST)
        self._random = random.random
        self._clock = clock
        self._second = clock()
        self._arrived = 0  # in this second
        self._chosen = 0
        self._share = 1.0  # of the pairs of routes that are not rare
        self._losses = 0

    def chooses(self, seen: int) -> bool:
        """Whether to compare the next pair of a route of which `seen` pairs were chosen."""
        now = self._clock()
        if now - self._second >= 1.0:
            self._next_second(now)
        self._arrived += 1
        if self._chosen >= self._rate or (seen >= RARE and self._random() >= self._share):
            return False
        self._chosen += 1
        return True

    def wants_extra(self, seen: int) -> bool:
        """Whether a chosen pair goes to the judge even if it is equal: a part of the unconditional sample."""
        return self._random() < sample_share(seen)

    def lost(self) -> None:
        """Note that an unequal pair did not reach the judge."""
        self._losses += 1

    def _next_second(self, now: float) -> None:
        elapsed = now - self._second
        self._rate = max(self._least, self._rate / 2) if self._losses else min(self._most, self._rate * _STEP)
        # Half of the rate is for the rare routes.
        self._share = min(1.0, self._rate * elapsed / 2 / max(1, self._arrived))
        self._second, self._arrived, self._chosen, self._losses = now, 0, 0, 0
