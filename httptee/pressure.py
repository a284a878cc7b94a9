"""Whether this process is short of processor time: answers of A's or B's lie in the kernel and nobody reads them.

It is what tells a tee that is busy from one that waits. Many threads are of use to one that waits; one that is short
of processor time does better with few, since they only take it, and the GIL, from one another. How slow A or B is does
not show here: of a slow upstream nothing lies unread.

The kernel counts that time in ticks of some milliseconds: an answer that lay for a tenth of a tick shows none nine
times in ten, and a whole one the tenth time. Only the mean says anything.
"""

from __future__ import annotations

_HIGH = 0.0005  # seconds that answers lie unread in the mean
_WEIGHT = 1 / 32  # of the last answer in the mean


class Pressure:
    """One process's; written by whichever thread has read an answer, asked by those that share out threads."""

    __slots__ = ("mean",)

    def __init__(self) -> None:
        self.mean = 0.0

    def notice(self, unread_for: float) -> None:
        """An answer was read that had lain in the kernel for so many seconds."""
        self.mean += (unread_for - self.mean) * _WEIGHT

    @property
    def high(self) -> bool:
        """Whether it is so of late."""
        return self.mean > _HIGH
