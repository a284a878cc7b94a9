"""Counts times in buckets that are 1 % wide, so that a percentile costs no list of all times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any

_SHORTEST, _STEP = 1e-6, 1.01
_PER_LOG = 1 / log(_STEP)
_BUCKETS = int(log(1e9) * _PER_LOG) + 2  # up to 1,000 seconds


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Times in seconds that 50, 90, 99 and 99.9 % of all times do not exceed, within 1 %; and the longest, exactly."""

    count: int
    p50: float
    p90: float
    p99: float
    p999: float
    longest: float


class Histogram:
    """Times in seconds. One shorter than a microsecond counts as one."""

    __slots__ = ("_counts", "count", "longest", "total")

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self.count = 0
        self.total = 0.0
        self.longest = 0.0

    def add(self, seconds: float) -> None:
        """Count one time."""
        self.count += 1
        self.total += seconds
        if seconds > self.longest:
            self.longest = seconds
        if seconds <= _SHORTEST:
            self._counts[0] += 1
        else:
            number = int(log(seconds * 1e6) * _PER_LOG) + 1
            self._counts[number if number < _BUCKETS else _BUCKETS - 1] += 1

    def merge(self, other: Histogram) -> None:
        """Add the times of another one."""
        self._counts = [one + two for one, two in zip(self._counts, other._counts, strict=True)]
        self.count += other.count
        self.total += other.total
        self.longest = max(self.longest, other.longest)

    def state(self) -> list[Any]:
        """The times as values of JSON: their sum, the longest, and pairs of a bucket and its count."""
        return [self.total, self.longest, *([number, count] for number, count in enumerate(self._counts) if count)]

    @classmethod
    def restored(cls, state: Sequence[Any]) -> Histogram:
        """The reverse of `state`. Raises TypeError, ValueError or IndexError if it is none."""
        made = cls()
        made.total, made.longest = float(state[0]), float(state[1])
        for number, count in state[2:]:
            made._counts[number] = int(count)
        made.count = sum(made._counts)
        return made

    def quantile(self, share: float) -> float:
        """The time that this share (0 to 1) of all times does not exceed: the upper end of its bucket, or 0."""
        wanted, seen = share * self.count, 0
        for number, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return min(self.longest, _SHORTEST * exp(number / _PER_LOG))
        return self.longest

    def percentiles(self) -> Percentiles:
        """The percentiles of a report."""
        p50, p90, p99, p999 = (self.quantile(share) for share in (0.5, 0.9, 0.99, 0.999))
        return Percentiles(self.count, p50, p90, p99, p999, self.longest)
