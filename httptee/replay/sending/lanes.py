"""Which connection carries which request: one for each connection of the recording, or any of a pool."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Protocol

from httptee.replay.sending.item import Item
from httptee.replay.sending.lane import Lane

_SPARE = 2  # connections that are kept open beyond those in use
_IDLE = 30.0  # seconds after which a connection of the recording that has nothing to do is closed


class Lanes(Protocol):
    """The connections of one sender. `opening` of them are on their way; the sender counts them."""

    opening: int

    @property
    def waiting(self) -> bool:
        """Whether an item waits for a connection."""

    @property
    def has_free(self) -> bool:
        """Whether an item could be sent at once, or a connection be opened for it."""

    def announce(self, item: Item) -> Lane | None:
        """An item will be due. Returns the lane for which a connection is to be opened beforehand."""

    def queue(self, item: Item) -> Lane | None:
        """An item is due. Returns the lane that has something to do now: to send it or to open a connection."""

    def sendable(self, lane: Lane, due: float) -> float:
        """From when on a request of this lane could be sent that is due at this time: what it waits longer is the
        sender's own. To open a connection is, and to wait for one of a full pool."""

    def idle(self, lane: Lane, now: float) -> None:
        """A lane has nothing to send."""

    def lost(self, lane: Lane) -> None:
        """The server has closed an idle connection."""

    def expired(self, now: float) -> list[Lane]:
        """The lanes that are not needed any more, to be closed."""

    def drop(self) -> Iterator[Item]:
        """Take out every item that waits."""


class RecordedLanes:
    """A connection for each of the recording, so each client's requests stay in their order.

    A request waits for the answer to the one before it, as it did for the client.
    """

    has_free = True

    def __init__(self) -> None:
        self.opening = 0
        self._lanes: dict[int, Lane] = {}

    @property
    def waiting(self) -> bool:
        """Whether an item waits for a connection."""
        return any(lane.queue for lane in self._lanes.values())

    def announce(self, item: Item) -> Lane | None:
        """An item will be due: its connection is opened before that, as its client did."""
        lane = self._lanes.get(item.lane)
        if lane is None:
            lane = self._lanes[item.lane] = Lane(item.lane, deque())
        lane.ahead += 1
        return lane if lane.sock is None and lane.item is None else None

    def queue(self, item: Item) -> Lane | None:
        """An item is due. Returns its lane, unless that is busy."""
        lane = self._lanes[item.lane]
        lane.ahead -= 1
        lane.queue.append((item, None))
        return lane if lane.item is None else None

    def sendable(self, lane: Lane, due: float) -> float:
        """When it is due, or when the answer before it has come: its client waited for that too."""
        return max(due, lane.free_at)

    def idle(self, lane: Lane, now: float) -> None:
        """A lane has nothing to send."""
        lane.idle_since = now

    def lost(self, lane: Lane) -> None:
        """The server has closed an idle connection: it is opened again for the next item."""

    def expired(self, now: float) -> list[Lane]:
        """The lanes that have had nothing to do for some time."""
        found = [
            lane
            for lane in self._lanes.values()
            if not (lane.ahead or lane.queue or lane.item or lane.opening) and now - lane.idle_since > _IDLE
        ]
        for lane in found:
            del self._lanes[lane.key]
        return found

    def drop(self) -> Iterator[Item]:
        """Take out every item that waits."""
        for lane in self._lanes.values():
            lane.ahead = 0
            while lane.queue:
                yield lane.queue.popleft()[0]


class PooledLanes:
    """At most `most` connections, and any of them for any request."""

    def __init__(self, most: int) -> None:
        self.opening = 0
        self._most = most
        self._queue: deque[tuple[Item, float | None]] = deque()
        self._free: list[Lane] = []
        self._count = 0

    @property
    def waiting(self) -> bool:
        """Whether an item waits for a connection."""
        return bool(self._queue)

    @property
    def has_free(self) -> bool:
        """Whether an item could be sent at once, or a connection be opened for it."""
        return len(self._free) + (self._most - self._count) > 0 and len(self._queue) < self._most

    def announce(self, item: Item) -> Lane | None:
        """An item will be due. Returns a new lane where fewer than some are spare."""
        if len(self._free) + self.opening < _SPARE and self._count < self._most:
            return self._new()
        return None

    def queue(self, item: Item) -> Lane | None:
        """An item is due. Returns a free lane, or a new one if there may be more."""
        self._queue.append((item, None))
        if self._free:
            return self._free.pop()
        if self._count < self._most and self.opening < len(self._queue):
            return self._new()
        return None

    def sendable(self, lane: Lane, due: float) -> float:
        """When it is due."""
        return due

    def idle(self, lane: Lane, now: float) -> None:
        """A lane has nothing to send: it is free, or gone if it has no connection."""
        if lane.sock is None:
            self._count -= 1
        elif lane not in self._free:
            self._free.append(lane)

    def lost(self, lane: Lane) -> None:
        """The server has closed an idle connection."""
        if lane in self._free:
            self._free.remove(lane)
        self._count -= 1

    def expired(self, now: float) -> list[Lane]:
        """None: they stay open until the end."""
        return []

    def drop(self) -> Iterator[Item]:
        """Take out every item that waits."""
        while self._queue:
            yield self._queue.popleft()[0]

    def _new(self) -> Lane:
        self._count += 1
        return Lane(self._count, self._queue)
