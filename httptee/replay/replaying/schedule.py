"""When each request is due. Pure: no I/O, no clock.

Every due time is computed from the recording's own stamps in whole nanoseconds, and never as a sum of waits. So an
error in one does not move the others, and a replay of an hour ends as exactly as it begins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Schedule:
    """How the requests follow each other.

    `rate` requests a second if it is set, else the spacing of the recording, `speed` times as fast, with no gap between
    two requests over `max_gap` seconds (before the speed). With `closed`, a request is due when a connection is free.
    `origin` is the arrival that is due at 0, in nanoseconds; by default the first one.
    """

    speed: float = 1.0
    rate: float | None = None
    max_gap: float | None = None
    closed: bool = False
    origin: int | None = None

    def clock(self) -> Callable[[int], float]:
        """What gives, for the arrival of one request after the other in nanoseconds, when each is due: in seconds from
        the start of the replay."""
        if self.closed:
            return lambda arrived: 0.0
        if self.rate is not None:
            return _Even(self.rate)
        return _Spaced(self.speed, None if self.max_gap is None else int(self.max_gap * _SECOND), self.origin)


class _Even:
    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._number = -1

    def __call__(self, arrived: int) -> float:
        self._number += 1
        return self._number / self._rate


class _Spaced:
    """The spacing of the recording. `_origin` is the arrival that is due at 0; it moves where a gap is cut."""

    def __init__(self, speed: float, max_gap: int | None, origin: int | None = None) -> None:
        self._speed = speed
        self._max_gap = max_gap
        self._origin = origin
        self._last = origin or 0

    def __call__(self, arrived: int) -> float:
        if self._origin is None:
            self._origin = self._last = arrived
        gap = arrived - self._last
        if self._max_gap is not None and gap > self._max_gap:
            self._origin += gap - self._max_gap
        self._last = arrived
        return (arrived - self._origin) / _SECOND / self._speed


def round_length(first: int, last: int, count: int) -> int:
    """Nanoseconds from one round through a recording to the next: its length, and a gap as long as its mean one."""
    length = last - first
    return length + (max(1, length // (count - 1)) if count > 1 else _SECOND)
