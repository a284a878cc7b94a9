"""A bound on the bytes that all clones of one process hold together, for whatever B they wait."""

from __future__ import annotations

import threading

from httptee.http import Exchange


class Budget:
    """Counts the bodies of the clones in hand; one that several B share counts once."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._holders: dict[int, int] = {}
        self.held = 0

    def take(self, exchange: Exchange) -> bool:
        """Hold an exchange's body; False where that would be too much. To be called only for one with a body."""
        key = id(exchange)  # unique for as long as somebody holds it
        with self._lock:
            holders = self._holders.get(key, 0)
            if not holders:
                size = len(exchange.request.body)
                if self.held + size > self._limit:
                    return False
                self.held += size
            self._holders[key] = holders + 1
            return True

    def release(self, exchange: Exchange) -> None:
        """Let go of a body that `take` has held."""
        key = id(exchange)
        with self._lock:
            holders = self._holders[key] - 1
            if holders:
                self._holders[key] = holders
            else:
                del self._holders[key]
                self.held -= len(exchange.request.body)
