"""Clocks that a test moves, so that no test waits for time to pass."""

from __future__ import annotations

from collections.abc import Callable


class Clock:
    """A clock that stands still until a test changes `now`."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Forward:
    """Sets real clocks forward: what `ahead_of` returns is a clock that shows the real time plus all `move`s."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def move(self, seconds: float) -> None:
        """Let this much time pass at once."""
        self._seconds += seconds

    def ahead_of(self, clock: Callable[[], float]) -> Callable[[], float]:
        """The clock to use in the place of `clock`."""
        return lambda: clock() + self._seconds
