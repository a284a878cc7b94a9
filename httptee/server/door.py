"""What becomes of connections beyond the limit: each is told so, and given a moment to read it.

They are taken from the kernel's backlog rather than left there: a client that waits unanswered cannot tell an
overloaded tee from a dead one, and a load balancer would go on sending. The answer takes no thread, no parser and no
room in the epoll set. Nothing the client sends is read; the connection is closed a little later, because closing over
unread bytes sends a reset that would overtake the answer (RFC 9112 §9.6).
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
_MOST_LEAVING = 256  # connections that linger at a time; beyond that the one that has lingered longest is closed


class Door:
    """Turns away who comes while `limit` connections are there, and calls `turned_away` for each. `plain` is false
    where clients expect TLS, who could not read an answer in clear."""

    def __init__(self, limit: int, turned_away: Callable[[], object], *, plain: bool = True) -> None:
        self._limit = limit
        self._turned_away = turned_away
        self._answer = _refusal() if plain else b""
        self._leaving: deque[tuple[float, socket.socket]] = deque()
        self._refused = 0  # since the log last said that the tee is full

    def admits(self, present: int) -> bool:
        """Whether one more may come in."""
        return present < self._limit

    def refuse(self, connection: socket.socket) -> None:
        """Say 503 to a client that has just connected, and see it out."""
        if not self._refused:
            logger.warning("over the limit of %d connections: further ones are answered with 503", self._limit)
        self._refused += 1
        self._turned_away()
        with contextlib.suppress(OSError):
            connection.setblocking(False)
            if self._answer:
                connection.send(self._answer)
            connection.shutdown(socket.SHUT_WR)
        self._leaving.append((monotonic() + _LINGER, connection))
        if len(self._leaving) > _MOST_LEAVING:
            self._leaving.popleft()[1].close()

    def tick(self, present: int) -> None:
        """Close what has lingered long enough; to be called once a second or so."""
        now = monotonic()
        while self._leaving and self._leaving[0][0] <= now:
            self._leaving.popleft()[1].close()
        if self._refused and not self._leaving and self.admits(present):
            logger.warning("below the limit of %d connections again; %d were refused", self._limit, self._refused)
            self._refused = 0

    def close(self) -> None:
        """Close all that lingers."""
        while self._leaving:
            self._leaving.popleft()[1].close()


def _refusal() -> bytes:
    answer = tee_answer(Overloaded("too many connections"))
    fields = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
    head = f"HTTP/1.1 {answer.status} {answer.reason}\r\n{fields}Connection: close\r\n\r\n".encode("latin-1")
    return head + (answer.body if isinstance(answer.body, bytes) else b"")
