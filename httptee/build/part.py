"""One worker process's part of the limits of the tee."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One worker process, number `row` of `processes`, and its part of each limit of the whole tee."""

    row: int = 0
    processes: int = 1

    def of(self, total: int, least: int = 0) -> int:
        """The part of `total` for this worker process, at least `least`. The first processes share the remainder."""
        return max(least, total // self.processes + (self.row < total % self.processes))


WHOLE = Part()
"""The part of a single process: all of each limit."""
