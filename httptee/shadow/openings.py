"""How many new connections to one B may wait for their first answer.

A B that was stopped or has too much to do accepts slowly: nginx accepts one connection in each turn of its loop, and
goes on with the answers on all others in the same turn. Clones on connections that wait to be accepted would miss their
timeout, while those on kept connections are answered. The kernel completes a connection in any case, so only a first
answer shows that B has accepted it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from threading import get_ident

OPENING = 2
"""New connections that may wait for their first answer while clones are in flight on kept ones."""


class Openings:
    """The shadow threads that have opened a connection, or are about to, and have had no answer on it.

    `has_idle`: whether a connection is idle. `carries`: whether kept connections carry clones, so that one of them will
    be idle. Without them a B gets as many connections as there are threads.
    """

    def __init__(self, has_idle: Callable[[], bool] = lambda: True, carries: Callable[[], bool] = lambda: True) -> None:
        self._has_idle = has_idle
        self._carries = carries
        self._lock = threading.Lock()  # taken by shadow threads only
        self._threads: set[int] = set()

    @property
    def allowed(self) -> bool:
        """Whether one more thread may send a clone."""
        return len(self._threads) < OPENING or not self._carries() or self._has_idle()

    def enter(self) -> bool:
        """Whether this thread may send its next clone. If no connection is idle, it counts until `leave`."""
        with self._lock:
            self._threads.discard(get_ident())
            if not self.allowed:
                return False
            if not self._has_idle():
                self._threads.add(get_ident())
            return True

    def leave(self) -> None:
        """No longer count this thread: it has an answer, or no clone."""
        self._threads.discard(get_ident())
