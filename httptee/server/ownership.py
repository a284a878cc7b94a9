"""The ownership of a connection: waitress's channel, owned by one thread at a time.

The connection stays armed in epoll while it is served (edge-triggered, so no system call is needed to arm it again).
So epoll may return it to a second thread. That thread sets a flag, `_note`, and leaves; the owner then looks again.
The main thread also becomes the owner for a moment: it reads when all serving threads are busy, and it ends slow
requests and answers. It never waits for the ownership.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import struct
import sys
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

from waitress.buffers import OverflowableBuffer
from waitress.channel import HTTPChannel

from httptee.errors import Overloaded, TeeError
from httptee.http import Cancellation
from httptee.server.parser import RequestParser
from httptee.server.roles import Host
from httptee.server.uploads import Stretch

logger = logging.getLogger(__name__)

READY = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
"""The epoll events of every connection. EPOLLOUT is added while an answer waits for the client."""
HUNG_UP = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
"""After one of these events, only an empty read marks the end of the client's data."""

# In struct tcp_info: tcpi_unacked, tcpi_last_data_sent in milliseconds, and tcpi_notsent_bytes (since Linux 4.6).
_UNACKED, _LAST_DATA_SENT, _NOT_SENT = slice(24, 28), slice(44, 48), slice(144, 148)


class OwnedChannel(HTTPChannel):
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
    unframed = ""
    """`begun` or `whole` for an answer that ends with the connection, and empty for other answers."""
    stretch: Stretch | None = None
    """The period for the transfer that the client has not finished, if any. Only the main thread uses it."""
    armed = READY  # its events in the epoll set of the crew
    active_at: float
    """When the client last sent or took bytes, on the monotonic clock. waitress's `last_activity` is not used."""

    def __init__(self, server: Host, sock: socket.socket, addr: Any, adj: Any, map: dict[int, Any]) -> None:
        self._owner = threading.Lock()
        self._note = False  # there is something new since the owner last looked
        self._unread = False  # the kernel may hold more data from the client
        self._lingers_until = 0.0
        # Same fields as in HTTPChannel and its dispatcher, without their system call for the size of the send buffer.
        self.server, self.adj, self.addr = server, adj, addr
        self.outbufs = [OverflowableBuffer(adj.outbuf_overflow)]
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
        self.server.on_count(len(self.server.active_channels))

    def _flush_some(self, do_close: bool = True) -> bool:
        """Send from the buffer; return whether the client took any of it."""
        sent: bool = super()._flush_some(do_close)
        if sent:
            self.active_at = monotonic()
        return sent

    @property
    def idle(self) -> bool:
        """Whether no request has begun to arrive and no answer is left to send."""
        request = self.request
        return not self.requests and (request is None or not request.begun) and not self.total_outbufs_len

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

    def tcp_state(self) -> tuple[int, float]:
        """The state of TCP (`tcpi_state`), and the seconds for which nothing was sent: 0.0 while data waits for the
        client to take it. (0, 0.0) after the close. Safe from any thread."""
        try:
            info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _NOT_SENT.stop)
        except (OSError, AttributeError):  # the owner may have closed it just now
            return 0, 0.0
        if any(info[_UNACKED]) or any(info[_NOT_SENT]):
            return info[0], 0.0
        return info[0], int.from_bytes(info[_LAST_DATA_SENT], sys.byteorder) / 1000

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

    def hang_up(self) -> None:
        """Make the next thread that serves this connection close it, behind what the client sent. For any thread."""
        with contextlib.suppress(OSError, AttributeError):  # the owner may have closed it just now
            self.socket.shutdown(socket.SHUT_RD)

    def cut_off(self) -> None:
        """Reset the connection in the middle of an answer: a close may look like the end of its body (RFC 9112 §8)."""
        if self._fileno is not None:
            self.unframed = ""
            self.reset_when_closed()
            self.handle_close()

    def reset_when_closed(self, reset: bool = True) -> None:
        """Make every close of this connection a reset, even a close by the end of the process: a partial answer must
        not look whole. With `reset` false, a close is normal again."""
        with contextlib.suppress(OSError, AttributeError):  # the owner may have closed it just now
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", reset, 0))

    def begin_unframed(self) -> None:
        """Begin an answer that ends with the connection. Until it is whole, every close is a reset, even if the process
        is killed."""
        self.unframed = "begun"
        self.reset_when_closed()

    def _arm(self, events: int) -> None:
        self.armed = events
        self.server.arm(self._fileno, events)

    def take_in(self, request: RequestParser, data: bytes) -> None:
        """Parse data of a request that is served already, and what comes behind it."""
        self.active_at = monotonic()
        used = request.received(data)
        if request.completed:
            self._arm(READY)
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
            self._arm(READY)
            self.requests_refused = self._unread = True

    def _advance(self, events: int) -> None:
        raise NotImplementedError

    def _read(self, whole: bool) -> None:
        raise NotImplementedError
