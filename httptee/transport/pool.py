"""The idle connections of one endpoint.

Last in, first out: the connections in use stay few and warm, and the rest grow old and go. Whatever is decided under
the lock is decided there and nothing else: sockets are closed after it is released.
"""

from __future__ import annotations

import threading
from collections import deque
from time import monotonic

from httptee.transport.connection import Connection
from httptee.transport.keep_alive import KeepAlive
from httptee.transport.names import Name


class Pool:
    """Idle connections, at most `max_idle`, none idle for longer than `keep_alive` allows.

    `name` is that of the upstream: connections to addresses that it has no more are not used again. `url` is for the
    repr alone, which reads `<Pool http://a:8001 [idle 3/16]>`.
    """

    def __init__(self, url: str, name: Name, *, max_idle: int, keep_alive: float) -> None:
        self._url = url
        self._name = name
        self._max_idle = max_idle
        self._keep_alive = KeepAlive(keep_alive)
        self._idle: deque[Connection] = deque()  # by the time they were released, the latest on the right
        self._lock = threading.Lock()
        self._closed = False

    def __repr__(self) -> str:
        """The endpoint and how many connections are idle."""
        return f"<Pool {self._url} [{'closed' if self._closed else f'idle {len(self._idle)}/{self._max_idle}'}]>"

    @property
    def empty(self) -> bool:
        """Whether no connection is idle."""
        return not self._idle

    def acquire(self) -> Connection | None:
        """The connection used last that can carry a request, None where a new one is needed.

        What turns out to be too old, closed by the upstream or readable on the way is closed.
        """
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            now = monotonic()
            idle = now - connection.idle_since
            if idle <= min(self._keep_alive.limit, connection.idle_limit) and self._leads_there(connection, now):
                if connection.is_quiet():
                    self._keep_alive.found_alive(idle)
                    return connection
                self._keep_alive.found_closed(idle)
            connection.close()

    def _leads_there(self, connection: Connection, now: float) -> bool:
        """Whether the upstream's name still has this connection's address. Starts a lookup where it is time for one."""
        name, address = self._name, connection.address
        if now >= name.valid_until:
            name.refresh()
        return address is None or name.holds(address)

    def release(self, connection: Connection) -> None:
        """Take back a connection that stands at the start of its next answer, and close it or older ones."""
        connection.idle_since = now = monotonic()
        surplus = []
        with self._lock:
            idle = self._idle
            if self._closed:
                surplus.append(connection)
            else:
                idle.append(connection)
            while idle and (len(idle) > self._max_idle or now - idle[0].idle_since > self._keep_alive.limit):
                surplus.append(idle.popleft())
        for connection in surplus:
            connection.close()

    def close(self) -> None:
        """Close every idle connection, and from now on each that is released. May be called twice."""
        with self._lock:
            self._closed = True
            surplus = list(self._idle)
            self._idle.clear()
        for connection in surplus:
            connection.close()
