"""Which of several processes accepts the next connection: the one that has fewest, more or less.

They share one listening socket, and the kernel wakes whichever waits. Left to itself that gave one of two processes
all of 32 connections as often as not, and the core of the other had nothing to do: connections stay for long. So each
process looks at how many the others have, and steps aside for a moment where it has more. Nobody waits for long: if
the others do not come, being held up, it accepts all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

_AHEAD = 1  # connections that one may have more than another and still accept
_PATIENCE = 0.01  # seconds for the others to come
_ALONE = 0.25  # seconds in which this process accepts whatever comes, when they have not


class Turns:
    """One process's turns. `fewest` is what the process with fewest connections has."""

    def __init__(self, fewest: Callable[[], int], clock: Callable[[], float] = monotonic) -> None:
        self._fewest = fewest
        self._clock = clock
        self._aside_until = 0.0
        self._alone_until = 0.0

    @property
    def aside(self) -> bool:
        """Whether this process has stepped aside and not been called back since."""
        return self._aside_until > 0.0

    def mine(self, present: int) -> bool:
        """Whether to accept the next connection with `present` there already; otherwise step aside."""
        if present <= self._fewest() + _AHEAD:
            self._aside_until = 0.0
            return True
        now = self._clock()
        if now >= self._alone_until:
            if not self._aside_until:
                self._aside_until = now + _PATIENCE
            if now < self._aside_until:
                return False
            self._alone_until = now + _ALONE  # one that is held up must not cost each connection that time
        self._aside_until = 0.0
        return True


def alone() -> int:
    """What the process with fewest connections has where there is only one: never less than it has itself."""
    return 1 << 62
