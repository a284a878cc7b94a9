"""A B's rate limit: one token bucket for all worker processes, without a lock between them.

The bucket is one number in memory that is mapped before the fork: a time on the monotonic clock (the generic cell rate
algorithm, ITU-T I.371). Taking a token moves it forward by the interval between two tokens. If it is further ahead of
the clock than the depth of the bucket, there is no token.

A process writes the eight bytes at once, so a reader never gets half a number. Two processes that take a token in the
same microsecond may write the same time: B then gets one request more than its rate. In return, no process waits for
another.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

_BURST = 1.0  # seconds' worth of tokens that a bucket holds, and one token at least
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Rate:
    """A number of requests per second, and the text that it was read from."""

    text: str
    per_second: float

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read `200/s`, `30/m` or `5/h`. Raises ValueError."""
        parts = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)/([smh])", text)
        if parts is None or not float(parts[1]):
            raise ValueError(f"must be a number and a unit such as 200/s, 30/m or 5/h: {text!r}")
        return cls(text, float(parts[1]) / _SECONDS[parts[2]])


class TokenBucket:
    """Tokens that come at a rate, for all threads of all processes that share `clock`.

    `part` returns how much of the rate is for this tee now, above 0.0 and up to 1.0: several tees may share it.
    """

    def __init__(
        self,
        rate: Rate,
        clock: memoryview[float],
        now: Callable[[], float] = monotonic,
        part: Callable[[], float] = lambda: 1.0,
    ) -> None:
        self._clock = clock
        self._now = now  # the system's monotonic clock is the same in all processes
        self._part = part
        self._interval = 1.0 / rate.per_second
        self._lock = threading.Lock()  # for the threads of this process; held for a few instructions

    def take(self) -> bool:
        """Take a token; False if there is none."""
        now, token = self._now(), self._interval / self._part()
        depth = max(0.0, _BURST - token)
        with self._lock:
            earned: float = self._clock[0]
            # Without the 1e-9 s, the rounding of a sum would cost the last token of a full bucket.
            if earned - now > depth + 1e-9:
                return False
            self._clock[0] = max(earned, now) + token
            return True


def part_of(own: float, demands: Sequence[float], per_second: float) -> float:
    """The part of a common rate for a tee that has `own` requests a second for it, one of the `demands` of all tees.

    What all ask for is granted if it fits, and what is left is divided evenly. Otherwise each gets in proportion to its
    demand. Every tee counts with one request a second at least, so one that is idle can begin. The parts of all tees
    make 1.0.
    """
    asked = [max(1.0, demand) for demand in demands]
    every = sum(asked)
    if every <= per_second:
        return (max(1.0, own) + (per_second - every) / len(asked)) / per_second
    return max(1.0, own) / every
