"""Sets of numbers as ranges: most of what is settled lies side by side. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Ranges:
    """`<Ranges 3-5, 9-9>`: numbers, each range with its first and its last one."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._ranges = sorted(ranges)

    def __repr__(self) -> str:
        return f"<Ranges {', '.join(f'{first}-{last}' for first, last in self._ranges)}>"

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._ranges)

    def __contains__(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self._ranges)

    def add(self, first: int, last: int) -> None:
        """Put numbers in. What touches another range becomes one with it."""
        kept = []
        for low, high in self._ranges:
            if high + 1 < first or low > last + 1:
                kept.append((low, high))
            else:
                first, last = min(first, low), max(last, high)
        self._ranges = sorted([*kept, (first, last)])

    def drop_up_to(self, number: int) -> None:
        """Take out everything up to a number."""
        self._ranges = [(max(first, number + 1), last) for first, last in self._ranges if last > number]

    def lacking(self, first: int, last: int) -> list[tuple[int, int]]:
        """What of these numbers is not in it, as ranges."""
        found = []
        for low, high in self._ranges:
            if high < first or low > last:
                continue
            if low > first:
                found.append((first, low - 1))
            first = high + 1
        return [*found, (first, last)] if first <= last else found
