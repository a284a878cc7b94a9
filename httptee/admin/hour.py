"""The last hour of A and of every B: a point for every ten seconds, in memory that the processes share.

A reload replaces the admin process, and so does its death. The memory is mapped before its fork and stays with the
supervisor, so the hour goes on. Its size is fixed when it is made.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Sequence
from dataclasses import dataclass

from httptee.admin.history import Counts, Snapshot, since
from httptee.ledger import Ledger, distinct

EVERY = 10.0
"""Seconds from one point to the next."""

POINTS = 360

_VALUES = 3  # of an upstream in a point: rate, p50, p99
_NOTHING = math.nan


@dataclass(frozen=True, slots=True)
class Point:
    """Ten seconds of one upstream, which ended at `at` (CLOCK_MONOTONIC): answers per second, and the times within
    which half and 99 of 100 answers came, in seconds; not a number where no answer came."""

    at: float
    rate: float
    p50: float
    p99: float


class Hour:
    """The points of A and of the Bs with these names. One process writes, any reads. An hour that follows an `earlier`
    one begins with the points of all upstreams that are still there."""

    def __init__(self, backends: Sequence[str], earlier: Hour | None = None) -> None:
        self.names = ("", *distinct(backends))
        """A, which is the empty name, then every B under a different name."""
        self._width = 1 + _VALUES * len(self.names)
        self._cells: memoryview[float] = memoryview(mmap.mmap(-1, 8 * (1 + POINTS * self._width))).cast("d")
        self._last: Snapshot | None = None
        if earlier is not None:
            self._continue(earlier)

    @classmethod
    def of(cls, ledger: Ledger, earlier: Hour | None = None) -> Hour:
        """The hour of A and of the Bs that have an account."""
        return cls([statement.backend for statement in ledger.statements()], earlier)

    @property
    def count(self) -> int:
        """How many points were ever added: it changes with each point."""
        return int(self._cells[0])

    def add(self, now: Snapshot) -> None:
        """Add a point, if ten seconds have passed since the one before."""
        if self._last is None:
            self._last = now
            return
        elapsed = now.at - self._last.at
        if elapsed < EVERY:
            return
        row = [now.at, *_values(now.primary, self._last.primary, elapsed)]
        for number in range(len(self.names) - 1):
            row += _values(now.of(number), self._last.of(number), elapsed)
        self._last = now
        self._append(row)

    def line(self, number: int) -> list[Point]:
        """The points of an upstream, the oldest first. `number` is its place in `names`."""
        start = 1 + number * _VALUES
        return [Point(row[0], *row[start : start + _VALUES]) for row in self._rows()]

    def _rows(self) -> list[list[float]]:
        count = self.count
        numbers = range(max(0, count - POINTS), count)
        return [list(self._cells[at : at + self._width]) for at in map(self._at, numbers)]

    def _append(self, row: Sequence[float]) -> None:
        count = self.count
        at = self._at(count)
        for index, value in enumerate(row):
            self._cells[at + index] = value
        self._cells[0] = count + 1

    def _at(self, number: int) -> int:
        return 1 + number % POINTS * self._width

    def _continue(self, earlier: Hour) -> None:
        nothing = [0.0, *[_NOTHING] * (_VALUES - 1)]
        places = [earlier.names.index(name) if name in earlier.names else None for name in self.names]
        for row in earlier._rows():
            values = [row[0]]
            for place in places:
                values += nothing if place is None else row[1 + place * _VALUES : 1 + (place + 1) * _VALUES]
            self._append(values)


def _values(now: Counts, before: Counts, elapsed: float) -> tuple[float, float, float]:
    times = since(now.latency, before.latency)
    name = "answered" if "answered" in now.by_name else "delivered"
    rate = max(0, now.by_name[name] - before.by_name.get(name, 0)) / elapsed
    return rate, *((times.quantile(0.5), times.quantile(0.99)) if times.count else (_NOTHING, _NOTHING))
