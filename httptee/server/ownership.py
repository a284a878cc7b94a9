"""Whose turn it is at a connection: waitress's channel, owned by one thread at a time.

The connection stays armed while it is served (epoll, edge-triggered: no system call to arm it anew), so another thread
may be handed it too; that one leaves a note to the owner and goes. The main thread, too, may become the owner for a
moment: to read for the others when all of them are held up, and to end what a slow client draws out. It never waits.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Callable
from time import monotonic, time
from typing import Any

from waitress.buffers import OverflowableBuffer
from waitress.channel import HTTPChannel

from httptee.errors import Overloaded, TeeError
from httptee.server.parser import RequestParser
from httptee.server.roles import Host

HUNG_UP = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
"""The events after which only an empty read is the end of what the client has sent."""


LEAST_RATE = 500
"""Bytes a second that a client has to send or take at least."""


class Stretch:
    """A stretch of time in which something (`what`, told by identity) has to get on."""

    def __init__(self, what: object, reached: int, now: float) -> None:
        self.what = what
        self._since = now
        self._reached = reached

    def too_slow(self, reached: int, now: float, timeout: float) -> bool:
        """Whether the stretch is over and `reached` shows too little headway; begins the next one if it is enough."""
        if now - self._since < timeout:
            return False
        if reached - self._reached < LEAST_RATE * timeout:
            return True
        self._since, self._reached = now, reached
        return False


class OwnedChannel(HTTPChannel):
    """A connection that only the thread that holds `_owner` touches; the rest may `hang_up`."""

    server: Host
    requests: list[RequestParser]
    request: RequestParser | None
    sendbuf_len = 64 * 1024
    """Bytes of what waits for a slow client that are sent at a time."""
    waits = False
    """Whether a request in hand waits for a thread, none having been free to read it."""
    buffered = 0
    """Bytes of answers that have gone, or are to go, by way of the buffer: what is held less than that was taken."""
    unframed = ""
    """Of an answer that ends with the connection: `begun` or `whole`."""
    stretch: Stretch | None = None
    """What the client is being slow at, if anything; the main thread's own."""

    def __init__(self, server: Host, sock: socket.socket, addr: Any, adj: Any, map: dict[int, Any]) -> None:
        self._owner = threading.Lock()
        self._note = False  # something has happened since the owner last looked
        self._unread = False  # the kernel may hold more from the client
        self._lingers_until = 0.0
        # What HTTPChannel and its dispatcher would set up, short of asking the kernel for the size of its buffer.
        self.server, self.adj, self.addr = server, adj, addr
        self.outbufs = [OverflowableBuffer(adj.outbuf_overflow)]
        self.creation_time = self.last_activity = time()
        self.requests_lock = threading.Lock()
        self.outbuf_lock = threading.Condition()
        self.requests = []
        self.connected = True
        sock.setblocking(False)
        # The main thread's, before anybody can come to it: who was told of this descriptor's last connection might.
        self._owner.acquire()
        self._map = map
        self.set_socket(sock, map)

    def del_channel(self, map: dict[int, Any] | None = None) -> None:
        """Be no longer among the connections of the server."""
        super().del_channel(map)
        self.server.on_count(len(self.server.active_channels))

    @property
    def idle(self) -> bool:
        """Whether no request has begun to arrive and no answer is on its way."""
        return not self.requests and self.request is None and not self.total_outbufs_len

    @property
    def has_lingered(self) -> bool:
        """Whether a refused client has had its time to read the refusal."""
        return bool(self._lingers_until) and monotonic() > self._lingers_until

    def step(self, events: int) -> None:
        """Do all that is to be done now. Called by whichever thread the connection was handed to."""
        self._note = True
        while self._note and self._owner.acquire(False):
            self._note = False
            try:
                self._advance(events)
            finally:
                self._owner.release()
            events = HUNG_UP  # what another thread was told is not known here: look for everything

    def look(self, events: int, room: bool) -> bool:
        """Read once without answering; whether a thread is wanted. For the main thread, when all others are held up.

        Without `room` for one more request to wait, a request that has arrived is answered with 503 here and now.
        """
        if self.waits:
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
        """Take up what `look` has left to a thread."""
        self.waits = False
        self.step(HUNG_UP)

    def owned(self, act: Callable[[], object]) -> None:
        """Do something to a connection from the main thread, unless a thread is at it: then there is no need to."""
        if self._owner.acquire(False):
            try:
                act()
            finally:
                self.disown()

    def disown(self) -> None:
        """Leave a connection to the crew, which may have come for it meanwhile. A new one is the main thread's."""
        self._owner.release()
        if self._note:
            self.server.hand_over(self)

    def refuse(self, error: TeeError) -> None:
        """Answer the request in hand, or what has arrived of one, with an error, and end the connection."""
        if self.request is not None and not self.requests:
            self.requests, self.request = [self.request], None
        if self.requests and self._fileno is not None:
            self.requests[0].error = error
            self.service()
            if self.writable() and self.connected:
                self.handle_write()

    def hang_up(self) -> None:
        """Ask whoever is handed this connection next to close it; safe from any thread. What the client has sent
        before is still read and answered."""
        with contextlib.suppress(OSError, AttributeError):  # its owner may have closed it a moment ago
            self.socket.shutdown(socket.SHUT_RD)

    def cut_off(self) -> None:
        """Give the connection up in mid-answer. A reset, since to some clients a plain end would look like the end
        of the body (RFC 9112 §8)."""
        if self._fileno is not None:
            self.unframed = ""
            self.reset_when_closed()
            self.handle_close()

    def reset_when_closed(self, reset: bool = True) -> None:
        """Whenever this connection is closed from here on, and be it by the end of the process, reset it: an answer
        that is not whole must not look whole."""
        with contextlib.suppress(OSError, AttributeError):  # its owner may have closed it a moment ago
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", reset, 0))

    def begin_unframed(self) -> None:
        """An answer begins whose end is that of the connection. It is not the end before the tee says so, not even
        where the process is killed."""
        self.unframed = "begun"
        self.reset_when_closed()

    def _advance(self, events: int) -> None:
        """Write, read and answer until the client has to do something."""
        raise NotImplementedError

    def _read(self, whole: bool) -> None:
        """Read once; whole requests come to stand in `requests`. With `whole`, only an empty read is the end."""
        raise NotImplementedError
