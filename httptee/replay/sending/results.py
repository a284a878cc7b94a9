"""The results of a sender on their way back: put together, so that each costs little."""

from __future__ import annotations

import select

from httptee.compare import Outcome, equal
from httptee.replay.sending.item import STOPPED, Answer, Channel, Item, Sent
from httptee.replay.sending.lane import Lane

_FLUSH = 0.02  # seconds that a result may wait
_BATCH = 64  # results
_BACKLOG = 64 << 20  # bytes of results that wait; beyond that, answers that differ are not sent along


class Results:
    """Sends results over `channel`, which is registered in `epoll`: while the other end takes nothing, they wait.

    `closed`: the requests have no due times.
    """

    def __init__(self, channel: Channel, epoll: select.epoll, closed: bool = False) -> None:
        self._closed = closed
        self._channel = channel
        self._epoll = epoll
        self._watched = select.EPOLLIN
        self._waiting: list[tuple[object, ...]] = []
        self._flushed = 0.0
        epoll.register(channel, self._watched)

    def __len__(self) -> int:
        return len(self._waiting)

    def ended(self, lane: Lane, now: float, start: float, failure: str = "") -> None:
        """The exchange on a lane has ended: compare its answer, and add its result."""
        item, sent = lane.item, lane.sent_at
        assert item is not None
        status, answer = (0, None) if failure else lane.outcome
        same: bool | None = None
        if answer is not None and item.expected is not None:
            same = equal(_outcome(item.expected), _outcome(answer))
            if same or self._channel.unsent > _BACKLOG:
                answer = None
        head = lane.head_at - sent if lane.head_at else 0.0
        waited = 0.0 if self._closed else sent - start - item.due
        self.add(Sent(item.number, failure, status, lane.late, waited, now - sent, head, same, answer))

    def add(self, sent: Sent) -> None:
        """Add a result."""
        self._waiting.append(tuple(sent))
        if len(self._waiting) >= _BATCH:
            self._flush()

    def drop(self, item: Item) -> None:
        """An item is not sent, because the replay was stopped."""
        self.add(Sent(item.number, STOPPED, 0, 0.0, -1.0, 0.0, 0.0, None, None))

    def unsent(self, item: Item, reason: str) -> None:
        """An item could not be sent."""
        self.add(Sent(item.number, reason, 0, 0.0, -1.0, 0.0, 0.0, None, None))

    def flush(self, now: float) -> None:
        """Send what has waited for its time."""
        if now - self._flushed >= _FLUSH:
            self._flushed = now
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._channel.put(self._waiting)
            self._waiting = []
        self._channel.flush()
        watched = select.EPOLLIN | (select.EPOLLOUT if self._channel.unsent else 0)
        if watched != self._watched and not self._channel.ended:
            self._epoll.modify(self._channel, watched)
            self._watched = watched


def _outcome(answer: Answer) -> Outcome:
    status, headers, body, length, digest = answer
    return Outcome(status, headers, body, length, digest)
