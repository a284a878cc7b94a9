"""How slow a client may be that sends a body or reads an answer."""

from __future__ import annotations

LEAST_RATE = 500
"""The lowest rate, in bytes a second, at which a client may send a body or read an answer."""


class Stretch:
    """A period of time in which `what`, compared by identity, must make progress."""

    def __init__(self, what: object, reached: int, now: float) -> None:
        self.what = what
        self._since = now
        self._reached = reached

    def too_slow(self, reached: int, now: float, timeout: float) -> bool:
        """Whether the period is over and `reached` shows too little progress. With enough, the next period begins."""
        if now - self._since < timeout:
            return False
        if reached - self._reached < LEAST_RATE * timeout:
            return True
        self._since, self._reached = now, reached
        return False
