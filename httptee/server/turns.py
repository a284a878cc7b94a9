"""Shares new connections out among the worker processes: a process with too many leaves the next one to the others.

The processes share one listening socket, and the kernel wakes any process that waits on it. Without a rule, one of two
processes got all of 32 connections in about half of the runs. The core of the other one stayed idle, since
connections live long. So each process compares its number of connections with the lowest number, and steps aside for a
moment if it has more. That wait is bounded: if the other processes are blocked and do not accept, this one does.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

_AHEAD = 1  # a process accepts with up to this many connections more than the lowest number
_PATIENCE = 0.01  # seconds in which the other processes may accept
_ALONE = 0.25  # seconds in which this process accepts every connection, after the others did not


class Turns:
    """The turns of one process. `fewest` returns the lowest number of connections that any process has."""

    def __init__(self, fewest: Callable[[], int], clock: Callable[[], float] = monotonic) -> None:
        self._fewest = fewest
        self._clock = clock
        self._aside_until = 0.0
        self._alone_until = 0.0

    @property
    def aside(self) -> bool:
        """Whether this process currently leaves new connections to the others."""
        return self._aside_until > 0.0

    def mine(self, present: int) -> bool:
        """Whether to accept the next connection, with `present` connections open. If not, step aside."""
        if present <= self._fewest() + _AHEAD:
            self._aside_until = 0.0
            return True
        now = self._clock()
        if now >= self._alone_until:
            if not self._aside_until:
                self._aside_until = now + _PATIENCE
            if now < self._aside_until:
                return False
            self._alone_until = now + _ALONE  # a blocked process must not delay every connection
        self._aside_until = 0.0
        return True


def alone() -> int:
    """`fewest` for a single process: a number that it never exceeds, so that it always accepts."""
    return 1 << 62
