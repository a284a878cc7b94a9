"""The idle connections of one endpoint.

The connection that became idle last is used first. So few connections are in use, and the others reach their age limit.
There is no lock: to add to a deque and to take from it are atomic. A connection is with one thread or in the deque.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from math import inf
from time import monotonic

from httptee.transport.connection import Connection
from httptee.transport.head import MARGIN
from httptee.transport.names import Name


class KeepAlive:
    """For how many seconds a connection of one upstream may be idle and be used again; `most` is the configured limit.

    A request that goes out while the upstream closes the connection is lost, and a POST must not be repeated. A
    connection found closed after an idle time shows that the upstream's limit is at most that. One found open after a
    longer time shows that the other was closed for another reason, such as a restart: what was learned is discarded.

    For any number of threads: each write is one assignment, and a lost one only delays what is learned.
    """

    __slots__ = ("_shortest_closed", "limit", "longest_alive", "most")

    def __init__(self, most: float) -> None:
        self.most = most
        self.limit = most
        self._shortest_closed = inf
        self.longest_alive = 0.0

    def found_closed(self, idle: float) -> None:
        """A connection was closed by the upstream at some time within these idle seconds."""
        self._shortest_closed = min(self._shortest_closed, idle)
        self._learn()

    def found_alive(self, idle: float) -> None:
        """A connection was still open after these idle seconds."""
        if idle > self.longest_alive:
            self.longest_alive = idle
            self._learn()

    def _learn(self) -> None:
        if self.longest_alive >= self._shortest_closed:
            self._shortest_closed, self.longest_alive = inf, 0.0
        self.limit = min(self.most, self._shortest_closed * MARGIN)


class Pool:
    """At most `max_idle` idle connections. One that was idle for longer than `keep_alive` allows is not used again.

    Nor is one to an address that `name` has lost. `url` is for the repr only: `<Pool http://a:8001 [idle 3/16]>`.
    """

    def __init__(self, url: str, name: Name, *, max_idle: int, keep_alive: float) -> None:
        self._url = url
        self._name = name
        self._max_idle = max_idle
        self._keep_alive = KeepAlive(keep_alive)
        self.idle: deque[Connection] = deque()
        """The idle connections in the order of their release, the latest on the right. To look at, for others."""
        self._closed = False

    def __repr__(self) -> str:
        """The endpoint and how many connections are idle."""
        return f"<Pool {self._url} [{'closed' if self._closed else f'idle {len(self.idle)}/{self._max_idle}'}]>"

    def acquire(self, owner: str = "") -> Connection | None:
        """The most recently used connection that can carry a request, or None if a new one is needed. With an `owner`,
        only one of its own: the upstream takes all that comes on it for this client's.

        Closes each connection that it finds too old, closed by the upstream or readable.
        """
        idle = self.idle
        while idle:
            try:
                connection = self._take_of(owner) if owner else idle.pop()
            except IndexError:  # there is none, or another thread has taken the last one
                break
            if self._serves(connection):
                return connection
            connection.close()
        return None

    def _take_of(self, owner: str) -> Connection:
        """Take the latest connection of an owner. Raises IndexError if there is none."""
        for connection in reversed(list(self.idle)):
            if connection.owner == owner:
                with suppress(ValueError):  # another thread has taken it
                    self.idle.remove(connection)
                    return connection
        raise IndexError

    def _serves(self, connection: Connection) -> bool:
        """Whether an idle connection can carry a request."""
        now = monotonic()
        idle = now - connection.idle_since
        limit, name, address = self._keep_alive, self._name, connection.address
        if now >= name.valid_until:
            name.refresh()
        if idle > limit.most or idle > connection.idle_limit or not (address is None or name.holds(address)):
            return False
        if not connection.is_reusable():
            limit.found_closed(idle)
            return False
        if idle > limit.longest_alive:
            limit.found_alive(idle)
        return idle <= limit.limit

    def release(self, connection: Connection) -> None:
        """Take back a connection that can carry the next exchange. Close connections that are over a limit."""
        if not self._max_idle:
            connection.close()
            return
        connection.idle_since = now = monotonic()
        idle = self.idle
        idle.append(connection)
        try:
            surplus = len(idle) > self._max_idle or now - idle[0].idle_since > self._keep_alive.most
        except IndexError:  # another thread has taken it already
            return
        if surplus:
            self._trim(now)

    def _trim(self, now: float) -> None:
        """Close the connections that are over a limit, the oldest first."""
        idle = self.idle
        with suppress(IndexError):  # other threads take connections meanwhile
            while len(idle) > self._max_idle or now - idle[0].idle_since > self._keep_alive.most:
                idle.popleft().close()

    def close(self) -> None:
        """Close every idle connection, and later each one when it is released. May be called twice."""
        self._closed = True
        self._max_idle = 0  # before the next line: a connection that is released meanwhile is found by one of the two
        self._trim(monotonic())
