"""The order of the clones of one B (`order=connection`): those of one client's connection go out one after another.

Without it, a clone goes out as soon as a connection to B is free, so a later one may reach B first. With it, a clone
waits until the one before it has ended: answered to its end, failed or dropped. Each of these is bound to happen, since
an exchange has its limits of time. An answer that may stream without a limit ends the wait with its head.

What waits here has its slot and its part of the budget, so it is bounded as the queue is, and counts in it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from math import inf

from httptee.http import Exchange

Key = int | tuple[str, str]


class _Lane:
    """The clones of one connection: the one that is out, and those that wait behind it."""

    __slots__ = ("out", "waiting")

    def __init__(self, out: Exchange) -> None:
        self.out = out
        self.waiting: deque[Exchange] = deque()


class _Own(threading.local):
    """What one thread still has to send."""

    def __init__(self) -> None:
        self.ready: deque[Exchange] = deque()
        self.sends = False


class Order:
    """Sends each clone with `send`, those of one connection one after another. For any number of threads.

    `ended` must be called once for each clone that was sent, and may be called for others. `stream_timeout` is the
    limit of an answer that streams, in seconds. `spooling` is held while the clones of a connection go into the spool.
    """

    def __init__(self, send: Callable[[Exchange], object], stream_timeout: float) -> None:
        self._send = send
        self._heads_end = stream_timeout == inf
        self._lock = threading.Lock()  # guards the lanes; held for a few instructions
        self._lanes: dict[Key, _Lane] = {}
        self._own = _Own()
        self.spooling = threading.RLock()
        self.waiting = 0
        """The number of clones that wait for one before them."""

    def take(self, exchange: Exchange) -> None:
        """Send a clone, or let it wait for the one before it. Never waits."""
        key = _key(exchange)
        with self._lock:
            lane = self._lanes.get(key)
            if lane is not None:
                lane.waiting.append(exchange)
                self.waiting += 1
                return
            self._lanes[key] = _Lane(exchange)
        self._send(exchange)

    def answered(self, exchange: Exchange) -> None:
        """The head of an answer has arrived, and its body streams."""
        if self._heads_end:
            self.ended(exchange)

    def ended(self, exchange: Exchange) -> None:
        """A clone has ended, in whatever way: send the next one of its connection."""
        following = self._next(exchange)
        if following is None:
            return
        own = self._own
        own.ready.append(following)
        if own.sends:  # `send` below has ended a clone at once: no call inside a call, however many wait
            return
        own.sends = True
        try:
            while own.ready:
                self._send(own.ready.popleft())
        finally:
            own.sends = False

    def waiting_behind(self, exchange: Exchange) -> list[Exchange]:
        """Take out the clones of a connection that wait, in their order. For the thread that serves the connection, or
        has ended one of its clones: what it has added itself is in `waiting`."""
        if not self.waiting:
            return []
        with self._lock:
            lane = self._lanes.get(_key(exchange))
            return [] if lane is None else self._emptied(lane)

    def all_waiting(self, spared: Exchange | None = None) -> list[Exchange]:
        """Take out all clones that wait, except one that is `spared`."""
        found: list[Exchange] = []
        with self._lock:
            for lane in self._lanes.values():
                for one in self._emptied(lane):
                    if one is spared:
                        lane.waiting.append(one)
                        self.waiting += 1
                    else:
                        found.append(one)
        return found

    def _emptied(self, lane: _Lane) -> list[Exchange]:
        found = list(lane.waiting)
        lane.waiting.clear()
        self.waiting -= len(found)
        return found

    def _next(self, exchange: Exchange) -> Exchange | None:
        """The clone that may go out, if `exchange` was the one that is out on its connection."""
        key = _key(exchange)
        with self._lock:
            lane = self._lanes.get(key)
            if lane is None or lane.out is not exchange:
                return None
            if not lane.waiting:
                del self._lanes[key]
                return None
            self.waiting -= 1
            lane.out = lane.waiting.popleft()
            return lane.out


def _key(exchange: Exchange) -> Key:
    """The client's connection: its number in this process, or under another server the client's address and port."""
    return exchange.connection or (exchange.request.client, exchange.port)
