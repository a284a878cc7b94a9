"""A limit on the bytes of request bodies that all clones of one process hold together, for all Bs."""

from __future__ import annotations

import threading

from httptee.http import Exchange


class Budget:
    """Counts the body bytes of the clones in flight. A body that several Bs share counts once."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._holders: dict[int, int] = {}
        self.held = 0

    def take(self, exchange: Exchange) -> bool:
        """Count an exchange's body; False if it would exceed the limit. Only for an exchange with a body."""
        key = id(exchange)  # unique as long as the exchange exists
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
        """Give back a body that `take` has counted."""
        key = id(exchange)
        with self._lock:
            holders = self._holders[key] - 1
            if holders:
                self._holders[key] = holders
            else:
                del self._holders[key]
                self.held -= len(exchange.request.body)
