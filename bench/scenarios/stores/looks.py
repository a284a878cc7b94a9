"""Looks at the statement of a tee once a second: whether it adds up at every moment."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...errors import NotStartedError

EACH = 1.0  # seconds
PARTS = ("delivered", "failed", "dropped", "in_flight", "spooled")


def exact(counts: dict[str, int]) -> bool:
    """Whether what was seen is what became of it."""
    return counts["seen"] == sum(counts[part] for part in PARTS)


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
