"""Measures whether this process is short of CPU time, by how long A's answers lie unread in the kernel.

The number of serving threads depends on it. A tee that waits for A needs many threads. A tee that is short of CPU time
is faster with few, since threads take CPU time and the GIL from each other. A slow A has no effect on this measure: its
answers do not lie unread.

The kernel counts the time in ticks of some milliseconds. An answer that lay for a tenth of a tick shows zero nine times
in ten, and a whole tick the tenth time. So only the mean has a meaning.
"""

from __future__ import annotations

_HIGH = 0.0005  # seconds that answers lie unread, as a mean; above this the process is short of CPU time
_SAMPLE_EVERY = 4  # one answer of this many is measured
_WEIGHT = 1 / 16  # of one measurement in the mean


class Pressure:
    """The pressure of one process. Any thread that has read an answer writes it. The limit of threads depends on it."""

    __slots__ = ("_answers", "mean")

    def __init__(self) -> None:
        self.mean = 0.0
        self._answers = 0

    def sample(self) -> bool:
        """Count an answer, and return whether to measure it. One of `_SAMPLE_EVERY` is enough for a mean."""
        self._answers += 1
        return not self._answers % _SAMPLE_EVERY

    def record(self, unread_for: float) -> None:
        """Record that an answer lay unread in the kernel for `unread_for` seconds."""
        self.mean += (unread_for - self.mean) * _WEIGHT

    @property
    def high(self) -> bool:
        """Whether the process was short of CPU time in the recent mean."""
        return self.mean > _HIGH
