"""Answers connections over the limit with 503, and gives each client a moment to read that.

These connections do not stay in the kernel's backlog: a client without an answer cannot tell an overloaded tee from a
dead one, and a load balancer would continue to send. The answer takes no thread, no parser and no place in the epoll
set. Nothing is read from the client. The connection is closed `_LINGER` later, since a close over unread bytes sends a
reset, which would overtake the answer (RFC 9112 §9.6).
"""

from __future__ import annotations

import contextlib
import logging
import socket
from collections import deque
from collections.abc import Callable
from time import monotonic

from httptee.errors import Overloaded
from httptee.http import tee_answer

logger = logging.getLogger(__name__)

_LINGER = 1.0  # seconds


def most_leaving(limit: int) -> int:
    """The number of refused connections that may linger at a time beside `limit` others. Above it, the oldest one is
    closed."""
    return min(256, max(16, limit // 4))


class Door:
    """Refuses connections while `limit` connections are open, and calls `turned_away` for each. `plain` is False if
    clients expect TLS: they could not read an answer in plain text, so they get none."""

    def __init__(self, limit: int, turned_away: Callable[[], object], *, plain: bool = True) -> None:
        self._limit = limit
        self._most_leaving = most_leaving(limit)
        self._turned_away = turned_away
        self._plain = plain
        self._leaving: deque[tuple[float, socket.socket]] = deque()
        self._refused = 0  # connections refused since the log reported that the limit is reached

    def admits(self, present: int) -> bool:
        """Whether one more connection is allowed."""
        return present < self._limit

    def refuse(self, connection: socket.socket) -> None:
        """Answer a new connection with 503, and let it linger before it is closed."""
        if not self._refused:
            logger.warning("over the limit of %d connections: further ones are answered with 503", self._limit)
        self._refused += 1
        self._turned_away()
        with contextlib.suppress(OSError):
            connection.setblocking(False)
            if self._plain:
                connection.send(_refusal())
            connection.shutdown(socket.SHUT_WR)
        self._leaving.append((monotonic() + _LINGER, connection))
        if len(self._leaving) > self._most_leaving:
            self.make_room()

    def make_room(self) -> bool:
        """Close the connection that has lingered longest. False if there is none."""
        if not self._leaving:
            return False
        self._leaving.popleft()[1].close()
        return True

    def tick(self, present: int) -> None:
        """Close connections that have lingered long enough. Call it about once a second."""
        now = monotonic()
        while self._leaving and self._leaving[0][0] <= now:
            self._leaving.popleft()[1].close()
        if self._refused and not self._leaving and self.admits(present):
            logger.warning("below the limit of %d connections again; %d were refused", self._limit, self._refused)
            self._refused = 0

    def close(self) -> None:
        """Close all connections that linger."""
        while self._leaving:
            self._leaving.popleft()[1].close()


def _refusal() -> bytes:
    answer = tee_answer(Overloaded("too many connections"))
    fields = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
    head = f"HTTP/1.1 {answer.status} {answer.reason}\r\n{fields}Connection: close\r\n\r\n".encode("latin-1")
    return head + (answer.body if isinstance(answer.body, bytes) else b"")
