"""Where clones wait for the last ones in the spool of their B.

While B has a backlog, its clones go into the spool, so under a steady load it would never be empty. So when little is
left in it, the clones that come wait here for a moment. If the spool is empty then, they go out, before all that come
later. If it is not, they go into the spool.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from httptee.http import Exchange
from httptee.shadow.partners import BACKLOG, Spooling


class Road(Protocol):
    """Takes exchanges and sends them."""

    @property
    def waiting(self) -> int:
        """The number of exchanges that were not sent yet."""

    def take(self, exchange: Exchange) -> None:
        """Send an exchange, or let it wait. Never waits itself."""

    def drop_waiting(self, reason: str, spared: Exchange | None) -> None:
        """Drop all exchanges that wait, but one that is `spared`."""

    def close(self) -> None:
        """End every exchange."""


class Gate:
    """A road before another one, for a B with a spool. `back` drops an exchange for a reason: it goes into the spool.

    What waits here has its slot and its part of the budget, so it is bounded as the queue is, and counts in it. Only a
    thread of the spool lets it go on. The first one stays at its place until it is sent, so that none overtakes it.
    """

    def __init__(self, road: Road, spooling: Spooling, back: Callable[[Exchange, str], object]) -> None:
        self._road = road
        self._spooling = spooling
        self._back = back
        self._held: deque[Exchange] = deque()
        self._taking_out = threading.Lock()
        self._closed = False
        spooling.watch(self._look)

    @property
    def waiting(self) -> int:
        """The number of exchanges that were not sent yet."""
        return len(self._held) + self._road.waiting

    def take(self, exchange: Exchange) -> None:
        """Send an exchange, let it wait, or give it back to the spool. Never waits itself."""
        if self._held or self._spooling.settling:
            self._held.append(exchange)
            self._spooling.call()
            if self._closed:  # perhaps since the caller's check: nobody lets this one go on
                self._drop_held("closing", None)
        elif self._spooling.backlog:  # the time to wait has ended since the caller's check
            self._back(exchange, BACKLOG)
        else:
            self._road.take(exchange)

    def drop_waiting(self, reason: str, spared: Exchange | None) -> None:
        """Drop all exchanges that wait, but one that is `spared`. Those that are going on do."""
        if self._taking_out.acquire(blocking=False):
            try:
                self._drop_held(reason, spared)
            finally:
                self._taking_out.release()
        self._road.drop_waiting(reason, spared)

    def close(self) -> None:
        """End every exchange."""
        with self._taking_out:
            self._closed = True
            self._drop_held("closing", None)
        self._road.close()

    def _drop_held(self, reason: str, spared: Exchange | None) -> None:
        for _ in range(len(self._held)):
            try:
                exchange = self._held.popleft()
            except IndexError:  # another thread has dropped it
                return
            if exchange is spared:
                self._held.append(exchange)
            else:
                self._back(exchange, reason)

    def _look(self) -> bool:
        """Let those that wait go on if it is time. Whether any wait."""
        held, spooling = self._held, self._spooling
        with self._taking_out:
            while held and not self._closed and not spooling.settling:
                try:
                    if spooling.backlog:
                        self._back(held[0], BACKLOG)
                    else:
                        self._road.take(held[0])
                finally:
                    held.popleft()
        return bool(held)
