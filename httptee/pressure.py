"""Whether this process is short of processor time: answers of A's or B's lie in the kernel and nobody reads them.

It is what tells a tee that is busy from one that waits. Many threads are of use to one that waits; one that is short
of processor time does better with few, since they only take it, and the GIL, from one another. How slow A or B is does
not show here: of a slow upstream nothing lies unread.
"""

from __future__ import annotations

from time import perf_counter

_UNREAD = 0.002  # seconds that an answer may lie unread
_LASTING = 0.05  # seconds for which one such answer tells


class Pressure:
    """One process's; written by whichever thread has read an answer, asked by those that share out threads."""

    __slots__ = ("until",)

    def __init__(self) -> None:
        self.until = 0.0

    def notice(self, unread_for: float) -> None:
        """An answer was read that had lain in the kernel for so many seconds."""
        if unread_for > _UNREAD:
            self.until = perf_counter() + _LASTING

    @property
    def high(self) -> bool:
        """Whether it was so of late."""
        return perf_counter() < self.until
