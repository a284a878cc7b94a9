"""A limit on the memory that all clones of one process hold together, for all Bs.

A clone counts whole: its head as bytes, its body, and the objects around them. What several Bs share counts once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Protocol

from httptee.http import Exchange, Request
from httptee.http.uploads import StreamedBody

BOOKKEEPING = 620
"""Bytes of the objects of one waiting clone beside its head, target and body: about 580 by tracemalloc, with GETs in
the queue. A test measures it again."""

RECORD = 640
"""The same for a record of the access log that waits for the outcome (measured: 556 and 607). It also holds up to as
much text as the head."""

SMALL = 4096
"""Clones up to this size in bytes are what a B is assured of: some of them fit even if the limit is reached."""


class Budget:
    """Counts the bytes that the clones in flight hold. `lock` also guards the slots of every B, so a clone needs one
    lock for both. Every method is called with the lock held."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.lock = threading.Lock()  # held for a few instructions
        self.held = 0

    def take(self, exchange: Exchange, assured: bool = False) -> bool:
        """Count one more clone that holds an exchange; False if it would exceed the limit.

        With `assured`, a clone that is small fits in any case.
        """
        if not exchange.holders:
            size = held_by(exchange)
            if exchange.kept is not None and 2 * (self.held + size) > self._limit:
                exchange.kept = None  # the clones matter more than the comparisons: half of the limit is for them alone
                size = held_by(exchange)
            if self.held + size > self._limit and not (assured and size <= SMALL):
                return False
            exchange.size = size
            self.held += size
        exchange.holders += 1
        return True

    def reserve(self, size: int) -> bool:
        """Count `size` bytes that may become a clone; False if they would exceed the limit."""
        if self.held + size > self._limit:
            return False
        self.held += size
        return True

    def give_back(self, size: int) -> None:
        """Count `size` reserved bytes less."""
        self.held -= size

    def release(self, exchange: Exchange) -> None:
        """Count one clone less. The last one gives back what `take` has counted."""
        exchange.holders -= 1
        if not exchange.holders:
            self.held -= exchange.size


class _Room:
    """The room of a budget for a body that arrives."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def reserve(self, size: int) -> bool:
        with self._budget.lock:
            return self._budget.reserve(size)

    def give_back(self, size: int) -> None:
        with self._budget.lock:
            self._budget.give_back(size)


class Recording(Protocol):
    """A recording. `most_body` is the size of the largest body of which it keeps more than the length, in bytes."""

    most_body: int


class Getting(Protocol):
    """A B. `room` returns the size of the largest body with which it may get a request, in bytes."""

    room: Callable[[Request], int]


def keep_for(request: Request, shadows: Iterable[Getting], budget: Budget | None, recording: Recording | None) -> None:
    """Have a body that streams to A kept for the Bs that may get it, and for the recording, if there is one."""
    body = request.body
    if isinstance(body, StreamedBody):
        most = max(0 if recording is None else recording.most_body, 0, *(shadow.room(request) for shadow in shadows))
        body.keep(most, budget and _Room(budget), digest=recording is not None)


def held_by(exchange: Exchange) -> int:
    """The bytes that a waiting clone of an exchange holds: the target is held beside the head."""
    request = exchange.request
    written = request.shared_head
    head = len(written[0]) if written else head_size(request)
    size = BOOKKEEPING + head + len(request.target) + len(request.body)
    if exchange.kept is not None:
        size += exchange.kept.size
    return size if exchange.follower is None else size + RECORD + head


def head_size(request: Request) -> int:
    """The length of a request's head, which is not built yet."""
    headers = request.headers
    fields = sum(map(len, chain.from_iterable(headers))) + 4 * len(headers)
    return len(request.method) + len(request.target) + fields + len("  HTTP/1.1\r\n\r\n")
