"""Looks at the statement of a tee once a second: whether it adds up at every moment."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ...errors import NotStartedError

EACH = 1.0  # seconds
PARTS = ("delivered", "failed", "dropped", "in_flight", "spooled")


def exact(counts: dict[str, int]) -> bool:
    """Whether what was seen is what became of it. The tee prints as `in_flight` what the other counts leave of `seen`:
    it is negative if a clone is counted twice."""
    return counts["seen"] == sum(counts[part] for part in PARTS) and min(counts.values()) >= 0


def unaccounted(last: Sequence[dict[str, int]], a: int, b: int) -> int:
    """How far the last statements of tees, one after another, are from the own counts of A and of a B that has answered
    everything that it got. Without those, a clone that nobody counts would be in no statement."""
    seen = sum(one["seen"] - one["recovered"] for one in last)
    return abs(seen - a) + abs(sum(one["delivered"] for one in last) - b) + sum(one["in_flight"] for one in last)


@dataclass
class Looks:
    """How many looks there were, and in how many the statement did not add up."""

    looks: int = 0
    wrong: int = 0


@contextlib.contextmanager
def looking(counts: Callable[[], dict[str, int]]) -> Iterator[Looks]:
    """Look meanwhile. A tee that is just killed or started has no statement: that is no look."""
    found, over = Looks(), threading.Event()

    def look() -> None:
        while not over.wait(EACH):
            with contextlib.suppress(NotStartedError, ProcessLookupError, IndexError):
                now = counts()
                found.looks += 1
                found.wrong += not exact(now)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()
