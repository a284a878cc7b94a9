"""The ownership of a connection: waitress's channel, owned by one thread at a time.

The connection stays armed in epoll while it is served (edge-triggered, so no system call is needed to arm it again).
So epoll may return it to a second thread. That thread sets a flag, `_note`, and leaves; the owner then looks again.
The main thread also becomes the owner for a moment: it reads when all serving threads are busy, and it ends slow
requests and answers. It never waits for the ownership.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

from httptee.errors import Overloaded, TeeError
from httptee.http import Cancellation
from httptee.server.endings import EndingChannel
from httptee.server.parser import RequestParser
from httptee.server.roles import Host
from httptee.server.sockets import Unsent
from httptee.server.uploads import Stretch

logger = logging.getLogger(__name__)

READY = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
"""The epoll events of every connection. EPOLLOUT is added while an answer waits for the client."""
HUNG_UP = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
"""After one of these events, only an empty read marks the end of the client's data."""


class OwnedChannel(EndingChannel):
    """A connection that only the thread holding `_owner` may use. Any other thread may call `hang_up`."""

    server: Host
    socket: Any
    requests: list[RequestParser]
    request: RequestParser | None
    requests_refused = False
    """Whether the client may still send what nobody reads."""
    sendbuf_len = 64 * 1024
    """Bytes of a buffered answer that are sent to a slow client in one call."""
    queued: Callable[[], None] | None = None
    """The entry of this connection in the queue for a free thread, if it waits there."""
    buffered = 0
    """Bytes of answers that the kernel did not take at once. Minus those still held, the bytes that the client took."""
    early = b""
    """What the client has sent behind a request that may ask for another protocol."""
    asleep = False
    """Whether it is counted as one that has carried nothing for a second."""
    waits_to_write = False
    """Whether epoll reports when the client takes more."""
    stretch: Stretch | None = None
    """The period for the transfer that the client has not finished, if any. Only the main thread uses it."""
    active_at: float
    """When the client last sent or took bytes, on the monotonic clock. waitress's `last_activity` is not used."""

    def __init__(self, server: Host, sock: socket.socket, addr: Any, adj: Any, map: dict[int, Any]) -> None:
        self._owner = threading.Lock()
        self._note = False  # there is something new since the owner last looked
        self._unread = False  # the kernel may hold more data from the client
        self._lingers_until = 0.0
        # Same fields as in HTTPChannel and its dispatcher, without their system call for the size of the send buffer.
        self.server, self.adj, self.addr = server, adj, addr
        self.outbufs = [Unsent()]
        self.creation_time = self.active_at = monotonic()
        self.cancellation = Cancellation()
        self.requests_lock = threading.Lock()
        self.outbuf_lock = threading.Condition()
        self.requests = []
        self.connected = True
        sock.setblocking(False)
        # The main thread owns it first: another thread may still hold an old event with the same descriptor number.
        self._owner.acquire()
        self._map = map
        self.set_socket(sock, map)

    def del_channel(self, map: dict[int, Any] | None = None) -> None:
        """Remove this connection from those of the server, and report the new number."""
        super().del_channel(map)
        self.fall_asleep(False)
        self.server.on_count(len(self.server.active_channels))

    def _flush_some(self, do_close: bool = True) -> bool:
        """Send from the buffer; return whether the client took any of it."""
        sent: bool = super()._flush_some(do_close)
        if sent:
            self.active_at = monotonic()
        return sent

    def fall_asleep(self, asleep: bool) -> None:
        """Count this connection among those that carry nothing, or no more."""
        self.server.asleep += asleep - self.asleep
        self.asleep = asleep

    @property
    def idle(self) -> bool:
        """Whether no request has begun to arrive and no answer is left to send."""
        request = self.request
        return not self.requests and (request is None or not request.begun) and not self.total_outbufs_len

    @property
    def at_work(self) -> bool:
        """Whether a request is in service, or an answer waits for a thread: neither waits for the client. For any
        thread."""
        waits = self.suspended is not None or (self.total_outbufs_len and not self._owner.locked())
        return bool(self.requests) and (self.queued is not None or not waits)

    @property
    def has_lingered(self) -> bool:
        """Whether a refused client has had its time to read the refusal."""
        return bool(self._lingers_until) and monotonic() > self._lingers_until

    def step(self, events: int) -> None:
        """Do all pending work. Called by the thread to which epoll returned this connection."""
        self._note = True
        while self._note and self._owner.acquire(False):
            self._note = False
            try:
                self._advance(events)
            finally:
                self._owner.release()
            events = HUNG_UP  # the events of the other thread are unknown here: expect all

    def look(self, events: int, room: bool) -> bool:
        """Read once without answering; return whether a thread is needed. For the main thread, when all others are
        busy.

        If the queue has no `room` for one more request, a request that has arrived is answered with 503 at once.
        """
        if self.queued is not None:
            return False
        self._note = True
        if not self._owner.acquire(False):
            return False
        self._note = False
        wanted = True
        try:
            if not self.writable():
                self._read(whole=bool(events & HUNG_UP))
                if self.requests and not room:
                    self.refuse(Overloaded("too many requests wait for a thread"))
                wanted = self._fileno is not None and (self._unread or bool(self.requests))
        finally:
            self._owner.release()
        return wanted or self._note

    def resume(self) -> None:
        """Continue, in a serving thread, after `look`."""
        self.queued = None
        self.step(HUNG_UP)

    def discard(self) -> None:
        """Close the connection of a client that has gone, without an answer to its requests. For the owner."""
        if self.suspended is not None:
            self.cut_off()
            return
        if not self.requests:
            self._read(whole=True)  # a connection may be queued before its request is read
        for request in self.requests:
            try:
                if request.error is None:
                    self.server.on_discard(self.task_class(self, request).environ())
            except Exception:
                logger.exception("a request could not be logged")
        self.requests_refused = False
        self.cut_off()

    def owned(self, act: Callable[[], object]) -> None:
        """Call `act` in the main thread, unless another thread owns the connection: then `act` is not needed."""
        if self._owner.acquire(False):
            try:
                act()
            finally:
                self.disown()

    def disown(self) -> None:
        """Leave the connection to the serving threads. If one of them came for it meanwhile, queue it for a thread."""
        self._owner.release()
        if self._note:
            self.server.hand_over(self)

    def refuse(self, error: TeeError) -> None:
        """Answer the first request, or the incomplete one, with an error, and end the connection."""
        if self.request is not None and not self.requests:
            self.requests, self.request = [self.request], None
        if self.requests and self._fileno is not None:
            self.requests[0].error = error
            self.service()
            if self.writable() and self.connected:
                self.handle_write()

    def listen(self, events: int) -> None:
        """Set the epoll events of this connection."""
        self.waits_to_write = bool(events & select.EPOLLOUT)
        self.server.arm(self._fileno, events)

    def take_in(self, request: RequestParser, data: bytes) -> None:
        """Parse data of a request that is served already, and what comes behind it."""
        self.active_at = monotonic()
        used = request.received(data)
        if request.completed:
            self.listen(READY)
            self.received(data[used:])

    def _pass_on(self, waits: bool) -> bool:
        """Begin to serve the incomplete request, if its body is to be passed on. `waits`: nothing more has arrived."""
        if self.request is None or self.requests or not self.server.uploads.begins(self.request, waits):
            return False
        self.requests, self.request = [self.request], None
        return True

    def end_upload(self, request: RequestParser) -> None:
        """The request is answered. If its body was not read to the end, the client may still send."""
        if self._fileno is not None and (request.error is not None or not request.completed):
            self.listen(READY)
            self.requests_refused = self._unread = True

    def _advance(self, events: int) -> None:
        raise NotImplementedError

    def _read(self, whole: bool) -> None:
        raise NotImplementedError
