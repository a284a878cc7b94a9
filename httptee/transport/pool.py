"""The idle connections of one endpoint.

Last in, first out: the connections in use stay few and warm, and the others reach their age limit. The pool only
decides under its lock; it closes sockets after it has released the lock.
"""

from __future__ import annotations

import threading
from collections import deque
from time import monotonic

from httptee.transport.connection import Connection


class Pool:
    """At most `max_idle` idle connections. One that was idle for more than `idle_limit` seconds, or open for more than
    `max_age` seconds, is not used again.

    The maximum age makes a changed DNS name take effect. `name` is for the repr only:
    `<Pool http://a:8001 [idle 3/16]>`.
    """

    def __init__(self, name: str, *, max_idle: int, idle_limit: float, max_age: float) -> None:
        self._name = name
        self._max_idle = max_idle
        self._idle_limit = idle_limit
        self._max_age = max_age
        self._idle: deque[Connection] = deque()  # in the order of their release, the latest on the right
        self._lock = threading.Lock()
        self._closed = False

    def __repr__(self) -> str:
        """The endpoint and how many connections are idle."""
        return f"<Pool {self._name} [{'closed' if self._closed else f'idle {len(self._idle)}/{self._max_idle}'}]>"

    @property
    def empty(self) -> bool:
        """Whether no connection is idle."""
        return not self._idle

    def acquire(self) -> Connection | None:
        """The most recently used connection that can carry a request, or None if a new one is needed.

        Closes each connection that it finds too old, closed by the upstream or readable.
        """
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            now = monotonic()
            if (
                now - connection.idle_since <= self._idle_limit
                and now - connection.opened <= self._max_age
                and connection.is_quiet()
            ):
                return connection
            connection.close()

    def release(self, connection: Connection) -> None:
        """Take back a connection that can carry the next exchange. Close connections that are over a limit."""
        connection.idle_since = now = monotonic()
        surplus = []
        with self._lock:
            idle = self._idle
            if self._closed or now - connection.opened > self._max_age:
                surplus.append(connection)
            else:
                idle.append(connection)
            while idle and (len(idle) > self._max_idle or now - idle[0].idle_since > self._idle_limit):
                surplus.append(idle.popleft())
        for connection in surplus:
            connection.close()

    def close(self) -> None:
        """Close every idle connection, and later each one when it is released. May be called twice."""
        with self._lock:
            self._closed = True
            surplus = list(self._idle)
            self._idle.clear()
        for connection in surplus:
            connection.close()
