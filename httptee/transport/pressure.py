"""Whether this process is short of processor time: answers of A's lie in the kernel and nobody reads them.

It is what tells a tee that is busy from one that waits. Many threads are of use to one that waits; one that is short
of processor time does better with few, since they only take it, and the GIL, from one another. How slow A is does not
show here: of a slow upstream nothing lies unread.

The kernel counts that time in ticks of some milliseconds: an answer that lay for a tenth of a tick shows none nine
times in ten, and a whole one the tenth time. Only the mean says anything.
"""

from __future__ import annotations

_HIGH = 0.0005  # seconds that answers lie unread in the mean
_ASKS = 4  # answers, of which one is looked at
_WEIGHT = 1 / 16  # of that one in the mean


class Pressure:
    """One process's; written by whichever thread has read an answer, asked by those that share out threads."""

    __slots__ = ("_answers", "mean")

    def __init__(self) -> None:
        self.mean = 0.0
        self._answers = 0

    @property
    def asks(self) -> bool:
        """Whether to look how long this answer has lain there; one in some is enough for a mean."""
        self._answers += 1
        return not self._answers % _ASKS

    def notice(self, unread_for: float) -> None:
        """An answer was read that had lain in the kernel for so many seconds."""
        self.mean += (unread_for - self.mean) * _WEIGHT

    @property
    def high(self) -> bool:
        """Whether it is so of late."""
        return self.mean > _HIGH
