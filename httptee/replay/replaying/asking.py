"""Asks a live A, and B, once more for requests of the recording: within a rate, and only where it changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from time import monotonic, sleep

from httptee.verdict.court import Again
from httptee.verdict.judge import Ask, Asker, Asking, unrepeatable

_WAITING = 256
_POLL = 0.01  # seconds
_MOST_BODY = 1 << 20


class Live:
    """Asks through `asker`, at most `rate` times a second. `made` counts it."""

    def __init__(self, asker: Asker, rate: float, clock: Callable[[], float] = monotonic) -> None:
        self.made = 0
        self._asking = Asking(asker, _MOST_BODY, Random())
        self._rate = rate
        self._clock = clock
        self._waiting: list[Ask] = []
        self._next = 0.0

    def offer(self, ask: Ask) -> bool:
        """Take a wish, unless there are too many, or the request may change something."""
        if len(self._waiting) >= _WAITING or unrepeatable(ask.pair.request):
            return False
        self._waiting.append(ask)
        return True

    def turn(self) -> list[tuple[Ask, Again | None]]:
        """Begin what may be asked now, the most important first. Returns what has been answered."""
        now = self._clock()
        while self._waiting and self._asking.free and now >= self._next:
            best = max(self._waiting, key=lambda one: one.priority)
            self._waiting.remove(best)
            self._asking.start(best)
            self.made += 1
            self._next = max(self._next, now) + 1 / self._rate
        return self._asking.done()

    def finish(self, seconds: float, stopped: Callable[[], bool] = lambda: False) -> list[tuple[Ask, Again | None]]:
        """Ask on for at most so many seconds, and not once `stopped` says so. What is left then has no answer."""
        found, until = self.turn(), self._clock() + seconds
        while (self._waiting or not self._asking.idle) and self._clock() < until and not stopped():
            sleep(_POLL)
            found += self.turn()
        found += [(ask, None) for ask in self._waiting]
        self._waiting.clear()
        self._asking.close()
        return found
