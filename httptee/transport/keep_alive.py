"""For how long an idle connection may be used again, which depends on when the upstream closes it.

The facts. A request that goes out while the upstream closes its idle connection is lost, and one that is not idempotent
must not be repeated. Some upstreams announce their limit (`Keep-Alive: timeout=5`), most do not.

Hence the limit is the shortest of three: the configured one, the announced one less a margin, and a learned one. A
connection that was found closed after an idle time says that the upstream's limit is at most that; one that was alive
after a longer time says that it was closed for another reason, such as a restart, and what was learned is discarded.
"""

from __future__ import annotations

import re
from math import inf

_MARGIN = 0.8  # of what is announced or learned: the rest is for the way there, and for timers that are not exact
_ANNOUNCED = re.compile(r"(?:^|[,;])[ \t]*timeout[ \t]*=[ \t]*\"?([0-9]{1,6})", re.IGNORECASE)


def announced(value: str) -> float:
    """The seconds of `timeout` in a Keep-Alive field (RFC 2068 §19.7.1.1); infinite where it does not say."""
    found = _ANNOUNCED.search(value)
    return int(found[1]) * _MARGIN if found else inf


class KeepAlive:
    """The idle limit of one upstream's connections, in seconds; `most` is the configured one.

    For any number of threads: each write is one assignment, and a lost one only delays what is learned.
    """

    __slots__ = ("_longest_alive", "_shortest_closed", "limit", "most")

    def __init__(self, most: float) -> None:
        self.most = most
        self.limit = most
        self._shortest_closed = inf
        self._longest_alive = 0.0

    def found_closed(self, idle: float) -> None:
        """A connection was closed by the upstream at some time within these idle seconds."""
        self._shortest_closed = min(self._shortest_closed, idle)
        self._learn()

    def found_alive(self, idle: float) -> None:
        """A connection was still open after these idle seconds."""
        if idle > self._longest_alive:
            self._longest_alive = idle
            self._learn()

    def _learn(self) -> None:
        if self._longest_alive >= self._shortest_closed:
            self._shortest_closed, self._longest_alive = inf, 0.0
        self.limit = min(self.most, self._shortest_closed * _MARGIN)
