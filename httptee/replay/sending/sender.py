"""One process that sends: an open loop. Each request goes out at its own time, whatever became of the others.

All sockets belong to one thread, which waits in one `select` on the epoll set of all connections: its timeout is in
microseconds, where that of epoll is in milliseconds. So an answer that comes while the next request is not due is read
at once, and its time is right too.
"""

from __future__ import annotations

import gc
import select
import sys
from collections import deque
from collections.abc import Callable
from time import monotonic

from httptee.errors import UpstreamError, UpstreamTimeout
from httptee.replay.sending.item import CUT, DONE, END, START, STOP, Channel, Item
from httptee.replay.sending.lane import Lane, reason_of
from httptee.replay.sending.lanes import Lanes
from httptee.replay.sending.opener import Opener
from httptee.replay.sending.results import Results

_EVENTS = 16  # connections that are read from before the next look at what is due
_WAIT = 0.05  # seconds; the longest wait
_CHECK = 0.1  # seconds between two looks for overdue exchanges
_FLUSH = 0.02  # seconds; the longest wait while results wait
_QUIET = 0.0003  # seconds before a due time in which no message is read
_GRACE = 2.0  # seconds for answers after a stop


class Sender:
    """Sends what comes over `channel` through `lanes`; an answer may take `timeout` seconds."""

    def __init__(
        self,
        channel: Channel,
        lanes: Lanes,
        opener: Opener[Lane],
        timeout: float,
        closed: bool = False,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._channel = channel
        self._lanes = lanes
        self._opener = opener
        self._timeout = timeout
        self._closed = closed
        self._clock = clock
        self._epoll = select.epoll()
        self._by_descriptor: dict[int, Lane] = {}
        self._busy: set[Lane] = set()
        self._upcoming: deque[Item] = deque()
        self._results = Results(channel, self._epoll, closed)
        self._start = 0.0  # none yet
        self._ended = False
        self._stopped = 0.0
        self._checked = 0.0

    def run(self) -> None:
        """Send all, then return."""
        gc.freeze()
        gc.disable()  # nothing here makes circles, and a collection would make requests late
        sys.setswitchinterval(0.0005)
        self._epoll.register(self._opener.wake, select.EPOLLIN)
        while not self._finished:
            wait = self._send_due()
            if wait > 0:
                select.select([self._epoll], [], [], wait)
            for descriptor, events in self._epoll.poll(0, _EVENTS):
                self._on_event(descriptor, events)
                self._send_due()
            self._take_messages()
            self._house_keeping()
        self._channel.put((DONE,))
        while self._channel.unsent and not self._channel.ended:
            self._channel.flush()
            select.select([], [self._channel], [], _WAIT)
        self._opener.close()
        for lane in list(self._by_descriptor.values()):
            lane.close()

    @property
    def _finished(self) -> bool:
        if self._channel.ended:
            return True
        return self._ended and not (self._upcoming or self._busy or self._results or self._lanes.waiting)

    # --- What is due ------------------------------------------------------------------------------------------------

    def _send_due(self) -> float:
        """Take up every item that is due. Returns the seconds until the next one."""
        upcoming = self._upcoming
        while upcoming and self._start:
            now = self._clock()
            early = self._start + upcoming[0].due - now
            if early > 0:
                return min(early, _WAIT)
            if self._closed and not self._lanes.has_free:
                break
            self._take_up(upcoming.popleft())
        return _FLUSH if self._results else _WAIT

    def _take_up(self, item: Item) -> None:
        lane = self._lanes.queue(item)
        if lane is not None:
            self._next(lane)

    def _next(self, lane: Lane) -> None:
        """Send what waits for a connection that is idle, or open one for it."""
        while lane.queue and lane.item is None:
            if lane.sock is None:
                self._open(lane)
                return
            item, late = lane.queue.popleft()
            now = self._clock()
            try:
                lane.send(item, self._lateness(lane, item, now) if late is None else late, now)
            except UpstreamError as error:
                self._failed(lane, error)
                continue
            self._busy.add(lane)
            if lane.wants_to_write:
                self._epoll.modify(lane.sock, select.EPOLLIN | select.EPOLLOUT)
            return
        self._lanes.idle(lane, self._clock())

    def _lateness(self, lane: Lane, item: Item, now: float) -> float:
        """How late a request goes out on this connection."""
        return 0.0 if self._closed else max(0.0, now - self._lanes.sendable(lane, self._start + item.due))

    # --- Connections ------------------------------------------------------------------------------------------------

    def _open(self, lane: Lane) -> None:
        if not lane.opening:
            lane.opening = True
            self._lanes.opening += 1
            self._opener.open(lane)

    def _opened(self, lane: Lane, opened: object) -> None:
        lane.opening = False
        self._lanes.opening -= 1
        if isinstance(opened, UpstreamError):
            if lane.queue:
                self._results.unsent(lane.queue.popleft()[0], reason_of(opened))
        else:
            lane.connected(opened.sock)  # type: ignore[attr-defined]
            self._by_descriptor[lane.sock.fileno()] = lane
            self._epoll.register(lane.sock, select.EPOLLIN)
        self._next(lane)

    def _close(self, lane: Lane) -> None:
        if lane.sock is not None:
            self._by_descriptor.pop(lane.sock.fileno(), None)
            lane.close()

    def _on_event(self, descriptor: int, events: int) -> None:
        if descriptor == self._channel.fileno():
            if events & select.EPOLLIN:
                self._channel.receive()
            self._channel.flush()
        elif descriptor == self._opener.wake:
            self._opener.ready(self._opened)
        elif (lane := self._by_descriptor.get(descriptor)) is not None:
            self._on_lane(lane, events)

    def _on_lane(self, lane: Lane, events: int) -> None:
        if lane.item is None:  # closed by the server while it was idle, or bytes that belong to no answer
            self._close(lane)
            self._lanes.lost(lane)
            if lane.ahead or lane.queue:
                self._open(lane)
            return
        try:
            if events & select.EPOLLOUT:
                lane.write()
                if not lane.wants_to_write:
                    self._epoll.modify(lane.sock, select.EPOLLIN)
            if events & ~select.EPOLLOUT and lane.read(self._clock):
                self._answered(lane)
        except UpstreamError as error:
            self._failed(lane, error)
            self._next(lane)

    # --- What became of them ----------------------------------------------------------------------------------------

    def _answered(self, lane: Lane) -> None:
        lane.free_at = self._clock()
        self._results.ended(lane, lane.free_at, self._start)
        descriptor = lane.sock.fileno()
        self._busy.discard(lane)
        if not lane.end():
            self._by_descriptor.pop(descriptor, None)
            if lane.ahead and not lane.queue:
                self._open(lane)
        self._next(lane)

    def _failed(self, lane: Lane, error: UpstreamError, reason: str = "") -> None:
        """The exchange has failed. Its connection is closed."""
        self._busy.discard(lane)
        if lane.item is not None and lane.may_repeat(error):
            lane.queue.appendleft((lane.item, lane.late))
        else:
            lane.free_at = self._clock()
            self._results.ended(lane, lane.free_at, self._start, reason or error.reason)
        lane.item = None
        self._close(lane)

    # --- Messages and the time --------------------------------------------------------------------------------------

    def _take_messages(self) -> None:
        """Read messages, as long as nothing is due."""
        for message in self._channel.messages():
            kind = message[0]
            if kind == START:
                self._start = message[1]
            elif kind == END:
                self._ended = True
            elif kind == STOP:
                self._stop()
            elif self._stopped:
                self._results.drop(Item(*message))
            else:
                item = Item(*message)
                self._upcoming.append(item)
                if (lane := self._lanes.announce(item)) is not None:
                    self._open(lane)
            if self._upcoming and self._start and self._clock() + _QUIET > self._start + self._upcoming[0].due:
                break

    def _stop(self) -> None:
        self._stopped = self._clock()
        self._ended = True
        while self._upcoming:
            self._results.drop(self._upcoming.popleft())
        for item in self._lanes.drop():
            self._results.drop(item)

    def _house_keeping(self) -> None:
        now = self._clock()
        self._results.flush(now)
        if now - self._checked >= _CHECK:
            self._checked = now
            limit = min(self._timeout, _GRACE) if self._stopped else self._timeout
            for lane in [lane for lane in self._busy if now - lane.sent_at > limit]:
                cut = CUT if now - lane.sent_at <= self._timeout else ""
                self._failed(lane, UpstreamTimeout("the answer took longer than its limit"), cut)
                self._next(lane)
            for lane in self._lanes.expired(now):
                self._close(lane)
