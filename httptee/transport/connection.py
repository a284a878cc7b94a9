"""One connection to an upstream, used as a bare socket.

The facts. Whatever blocks hands the GIL to another thread and must win it back, so an exchange should make two such
calls, a send and a recv. A Python socket with a timeout makes four: it polls before each. The kernel has a timeout of
its own for a blocking socket (SO_RCVTIMEO, SO_SNDTIMEO), and setting it does not release the GIL.

Hence: a plain connection blocks, and its timeout is the kernel's, set anew only where the wanted one is longer, or
shorter by more than SLACK. TLS has Python's, since one read of plaintext may take several of the socket.

An idle connection that has become readable is closed or confused, and is looked at before every use. poll would
release the GIL; TCP_INFO does not, and tells whether the peer has closed and how many bytes it has sent so far. Where
those are not the bytes received here, poll decides.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import sys
from math import inf
from time import monotonic

from httptee.errors import UpstreamReset, UpstreamTimeout, upstream_error
from httptee.http import Body
from httptee.transport.names import Address
from httptee.transport.timeouts import Timeouts
from httptee.transport.tls import ResumingContext
from httptee.transport.upload import upload
from httptee.transport.wire import Answer

SLACK = 0.05
"""Seconds by which a wait may outlast its deadline, so that not every wait sets the kernel's timeout anew."""
MAX_JOINED = 131_072
"""Bytes of a body up to which head and body go out in one call; copying them is cheaper than a second call."""
SURELY_TAKEN = 16_384
"""Bytes that the kernel buffers at least for an idle connection (tcp_wmem), small ones counted twice."""
RECEIVE_SIZE = 65_536
"""Bytes asked for at once until the head of an answer is there: most answers are whole in these."""

LONGEST = 1e8
"""Seconds: what stands for no timeout."""

_BROKEN = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
_TCP_INFO = socket.TCP_INFO if sys.platform == "linux" else None
_ESTABLISHED = 1  # tcpi_state, the first byte of struct tcp_info
_BYTES_RECEIVED = slice(128, 136)  # tcpi_bytes_received, since Linux 4.1
_LAST_DATA_RECEIVED = slice(52, 56)  # tcpi_last_data_recv, in milliseconds, as exact as the kernel's tick


class Connection:
    """A connection in use by one thread, or idle in a pool. Closed for good by whoever finds it broken.

    `opened` and `idle_since` are in seconds of the monotonic clock; `watched` is for whoever waits for many
    connections at once, to note that this one is known to the kernel's set; `sent` counts the bytes of this exchange's
    request that the kernel took, `received` all bytes that ever came in. `address` is where it leads.
    `idle_limit` is what the upstream has announced as its own limit, in seconds.
    """

    __slots__ = (
        *("_armed", "_new_tls", "_poll", "_recv", "_send", "_tls"),
        *("address", "idle_limit", "idle_since", "opened", "received", "sent", "sock", "watched"),
    )

    def __init__(self, sock: socket.socket, address: Address | None = None) -> None:
        self.sock = sock
        self.address = address
        self.idle_limit = inf
        self._tls = sock if isinstance(sock, ssl.SSLSocket) else None
        if self._tls is not None:
            # Without close_notify an answer may have been cut short by anybody (RFC 9112 §9.8).
            self._tls.suppress_ragged_eofs = False  # type: ignore[attr-defined]
        else:
            sock.settimeout(None)
        self._new_tls = self._tls
        self._armed = -1.0
        self._recv = sock.recv
        self._send = sock.send
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self.opened = self.idle_since = monotonic()
        self.received = 0
        self.sent = 0
        self.watched = False

    def exchange(self, head: bytes, body: Body, answer: Answer, timeouts: Timeouts, deadline: float) -> bool:
        """Send a request and read up to the end of the answer's head. True if the whole request was sent.

        An upstream may answer, and close, before it has read the request: the answer is then passed on, and the
        connection is of no further use. Raises UpstreamReset, UpstreamTimeout or UpstreamProtocolError.
        """
        self.sent = 0
        sent_all = True
        limit = timeouts.headers
        try:
            if not body:
                self._send_all(head, limit, deadline)
            elif isinstance(body, bytes) and len(body) <= MAX_JOINED:
                self._send_all(head + body, limit, deadline)
            else:
                self._armed = -1.0  # the socket leaves blocking mode for a while
                sent_all = upload(self, head, body, answer, limit, deadline)
        except _BROKEN:
            sent_all = False
            limit = min(limit, 1.0)  # what the upstream had to say before it closed is here already
        except OSError as error:
            raise upstream_error(error) from error
        now = monotonic()
        until = min(deadline, now + limit)
        while not answer.headers_complete:
            self._feed(answer, RECEIVE_SIZE, until - now)
            now = monotonic()
        if self._new_tls is not None:
            self._remember(self._new_tls)
        return sent_all

    def read_on(self, answer: Answer, size: int, idle: float, deadline: float) -> None:
        """Wait for more of an answer's body, `size` bytes at most and `idle` seconds at most. Raises as `exchange`."""
        self._feed(answer, size, idle if deadline == inf else min(idle, deadline - monotonic()))

    def is_quiet(self) -> bool:
        """Whether an idle connection can carry a request: the peer has neither closed it nor sent anything."""
        try:
            if self._tls is not None:
                return not self._tls.pending() and not self._poll.poll(0)
            if _TCP_INFO is not None:
                info = self.sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 136)
                if info[0] == _ESTABLISHED and int.from_bytes(info[_BYTES_RECEIVED], sys.byteorder) == self.received:
                    return True
            return not self._poll.poll(0)
        except OSError:
            return False

    def unread_for(self) -> float:
        """Seconds that what was read last had lain in the kernel: how long this process took to get round to it."""
        if _TCP_INFO is None:
            return 0.0
        info = self.sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 56)
        return int.from_bytes(info[_LAST_DATA_RECEIVED], sys.byteorder) / 1000

    def close(self) -> None:
        """Close the socket. May be called twice."""
        self.sock.close()

    def _remember(self, tls: ssl.SSLSocket) -> None:
        """Keep the session for the next connection, now that what it takes has come with the first answer."""
        self._new_tls = None
        if isinstance(tls.context, ResumingContext):
            tls.context.remember(tls)

    def has_room(self, size: int) -> bool:
        """Whether the kernel takes so many bytes at once on an idle plain connection: it buffers that much for it."""
        # Its own bookkeeping counts against the buffer, and for no more than the data does.
        return size <= SURELY_TAKEN or 2 * size <= self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)

    def send_now(self, data: bytes) -> bool:
        """Begin an exchange on a plain connection; whether the kernel took all of the request at once. Never waits."""
        try:
            return self._send(data, socket.MSG_DONTWAIT) == len(data)
        except OSError:
            return False

    def receive_now(self, answer: Answer) -> None:
        """Take in what has come of an answer on a plain connection, without waiting for more. Raises as `exchange`."""
        try:
            data = self._recv(RECEIVE_SIZE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError as error:
            raise upstream_error(error) from error
        self.received += len(data)
        if data:
            answer.feed(data)
        else:
            answer.eof()

    def overhear(self, answer: Answer) -> None:
        """Take in what has come of an answer while the request is still on its way, without waiting for more."""
        try:
            data = self._recv(RECEIVE_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        self.received += len(data)
        if data:
            answer.feed(data)
        else:
            answer.eof()

    def _feed(self, answer: Answer, size: int, wait: float) -> None:
        if not 0.0 <= self._armed - wait <= SLACK:
            self._arm(wait)
        try:
            data = self._recv(size)
        except BlockingIOError:
            raise UpstreamTimeout(f"nothing came for {wait:.3g} s") from None
        except ssl.SSLEOFError:
            raise UpstreamReset("the TLS connection was cut off") from None
        except OSError as error:
            raise upstream_error(error) from error
        if data:
            self.received += len(data)
            answer.feed(data)
        else:
            answer.eof()

    def _arm(self, wait: float) -> None:
        """Have the next call that blocks give up after `wait` seconds."""
        if wait <= 0.0:
            raise UpstreamTimeout("the exchange took longer than it may")
        if self._tls is not None:
            self._tls.settimeout(min(wait, LONGEST))
        else:
            # A timeval of zero would mean no timeout at all.
            microseconds = max(int(min(wait, LONGEST) * 1e6), 1)
            timeval = struct.pack("@ll", *divmod(microseconds, 1_000_000))
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)
        self._armed = wait

    def _send_all(self, data: bytes, limit: float, deadline: float) -> None:
        rest: bytes | memoryview = data
        while rest:
            wait = limit if deadline == inf else min(limit, deadline - monotonic())
            if not 0.0 <= self._armed - wait <= SLACK:
                self._arm(wait)
            try:
                count = self._send(rest)
            except BlockingIOError:
                raise UpstreamTimeout(f"the request could not be sent for {wait:.3g} s") from None
            self.sent += count
            if count == len(rest):
                return
            rest = memoryview(rest)[count:]
