"""Shares new connections out among the worker processes: a process with too many leaves the next one to the others.

The processes share one listening socket, and the kernel wakes any process that waits on it. Without a rule, one of two
processes got all of 32 connections in about half of the runs. The core of the other one stayed idle, since
connections live long. So each process compares its burden with the lowest one, and steps aside for a moment if it has
more. That wait is bounded: if the other processes are blocked and do not accept, this one does, a few connections at
first and twice as many after each further wait.

The burden is the number of connections, and one that has carried nothing for a second counts little. Where a thousand
connections slept, a few more of them in one process sent every connection that works to the other process.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

AWAKE = 16
"""What a connection counts that carries requests, where one that sleeps counts 1."""
_AHEAD = AWAKE  # a process accepts with a burden that is up to this much above the lowest
_PATIENCE = 0.01  # seconds in which the other processes may accept
_ALONE = 0.25  # seconds in which this process accepts connections of others, after they did not
_AT_FIRST = 4 * AWAKE  # how much it takes on before it waits for them again


class Turns:
    """The turns of one process. `lowest` returns the lowest burden that any process has."""

    def __init__(self, lowest: Callable[[], int], clock: Callable[[], float] = monotonic) -> None:
        self._lowest = lowest
        self._clock = clock
        self._aside_until = 0.0
        self._alone_until = 0.0
        self._most = 0
        self._step = _AT_FIRST

    @property
    def aside(self) -> bool:
        """Whether this process currently leaves new connections to the others."""
        return self._aside_until > 0.0

    def mine(self, burden: int) -> bool:
        """Whether to accept the next connection, with this burden. If not, step aside."""
        if burden <= self._lowest() + _AHEAD:
            self._aside_until = 0.0
            return True
        now = self._clock()
        if now >= self._alone_until or burden > self._most:
            if not self._aside_until:
                self._aside_until = now + _PATIENCE
            if now < self._aside_until:
                return False
            # A blocked process must not delay every connection.
            self._step = 2 * self._step if now < self._alone_until else _AT_FIRST
            self._alone_until, self._most = now + _ALONE, burden + self._step
        self._aside_until = 0.0
        return True


def alone() -> int:
    """`lowest` for a single process: a burden that it never exceeds, so that it always accepts."""
    return 1 << 62
