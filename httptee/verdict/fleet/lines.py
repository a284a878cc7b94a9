"""The counts of one route as one row of numbers, of which only those are written that are not zero."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from httptee.verdict.court import BUCKETS, RouteSums

COUNTS = tuple(each.name for each in fields(RouteSums) if not each.name.endswith("_times"))
WIDTH = len(COUNTS) + 2 * BUCKETS
"""Numbers of a row: the counts, then the histograms of A's and of B's times."""

Line = Mapping[int, int]
"""The numbers of a row that are not zero, by their place in it."""


def line_of(sums: RouteSums) -> dict[int, int]:
    """The row of these counts."""
    numbers = [getattr(sums, name) for name in COUNTS]
    for times in (sums.a_times, sums.b_times):
        numbers += [*times, *[0] * (BUCKETS - len(times))]
    return {place: number for place, number in enumerate(numbers) if number}


def sums_of(lines: Iterable[Line]) -> RouteSums:
    """The counts of rows that are added up."""
    row = [0] * WIDTH
    for line in lines:
        for place, number in line.items():
            row[place] += number
    start = len(COUNTS)
    counts: Mapping[str, int] = dict(zip(COUNTS, row, strict=False))
    return RouteSums(**counts, a_times=tuple(row[start : start + BUCKETS]), b_times=tuple(row[start + BUCKETS :]))


def written(line: Line) -> list[int]:
    """A row as JSON has it: each place, and the number there."""
    return [each for item in line.items() for each in item]


def read(found: Any) -> dict[int, int]:
    """The reverse of `written`. Raises ValueError for what is none."""
    if not isinstance(found, Sequence) or len(found) % 2 or not all(type(each) is int for each in found):
        raise ValueError("a row of counts is damaged")
    line = dict(zip(found[::2], found[1::2], strict=True))
    if any(not 0 <= place < WIDTH or number < 0 for place, number in line.items()):
        raise ValueError("a row of counts is damaged")
    return line
