"""One connection to an upstream, used as a bare socket.

Each call that may block releases the GIL and has to acquire it again. An exchange needs two such calls, a send and a
recv. A Python socket with a timeout makes four, because it polls before each. So a plain connection is a blocking
socket with the kernel's timeouts (SO_RCVTIMEO, SO_SNDTIMEO); setting them does not release the GIL. They are set anew
only if the wanted one is longer, or shorter by more than SLACK. TLS uses Python's timeout.

An idle connection is checked before each use: a readable one was closed or has unexpected bytes. poll releases the GIL,
TCP_INFO does not. It shows the state and how many bytes have come in; if not all of them were read, poll decides.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
from math import inf
from time import monotonic, perf_counter

from httptee.errors import UpstreamReset, UpstreamTimeout, error_of_open
from httptee.http import Body
from httptee.quick import receive_now, send_now
from httptee.transport.names import Address
from httptee.transport.pressure import MOST_DISCARDED, TCP_INFO, Arrival, discard
from httptee.transport.timeouts import Timeouts
from httptee.transport.tls import RECORD, remember
from httptee.transport.upload import upload
from httptee.transport.wire import Answer

SLACK = 0.05
"""Seconds by which a wait may exceed its deadline, so that not every wait sets the kernel's timeout anew."""
MAX_JOINED = 131_072
"""Bytes of a body up to which head and body are sent in one call: to copy them costs less than a second call."""
ALWAYS_BUFFERED = 16_384
"""Bytes that the kernel buffers at least for an idle connection (tcp_wmem), its bookkeeping for small ones included."""
RECEIVE_SIZE = 65_536
"""Bytes to read at once until the head of an answer has arrived. Most answers are not longer than this."""
NO_TIMEOUT = 1e8  # seconds that stand for no timeout
SHORTEST = 1e-6  # seconds to the head of an answer, if the clock of the stamps was set meanwhile

_BROKEN = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
_ESTABLISHED = 1
_state_and_received = struct.Struct("=B127xQ").unpack  # tcpi_state, and tcpi_bytes_received (since Linux 4.1)


class Connection:
    """A connection that one thread uses, or that is idle in a pool. The code that finds it broken closes it.

    `opened` and `idle_since` are in seconds of the monotonic clock. `watched` is for a thread that waits for many
    connections: it notes that this one is in its epoll set. `sent` counts the bytes of this exchange's request that the
    kernel took. `received` counts all bytes read from the connection. `arrival` reads from it if answers are timed.
    `address` is the peer's. `owner` is the client that a preamble has named, or empty. `idle_limit` is the one that the
    upstream announced, in seconds.
    """

    __slots__ = (
        *("_timeout_set", "_new_tls", "_poll", "_recv", "_send", "_tcp", "_tls", "_was_shut_down"),
        *("address", "arrival", "idle_limit", "idle_since", "opened", "owner", "received", "sent", "sock", "watched"),
    )

    def __init__(self, sock: socket.socket, address: Address | None = None) -> None:
        self.sock, self.address = sock, address
        self.owner, self.idle_limit = "", inf
        self._tcp = sock.family != socket.AF_UNIX
        self._tls = sock if isinstance(sock, ssl.SSLSocket) else None
        if self._tls is not None:
            # An end without close_notify is an error: anybody on the path may have cut the connection (RFC 9112 §9.8).
            self._tls.suppress_ragged_eofs = False  # type: ignore[attr-defined]
        else:
            sock.settimeout(None)
        self._new_tls = self._tls
        self._timeout_set = -1.0
        self._recv = sock.recv
        self._send = sock.send
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self.opened = self.idle_since = monotonic()
        self.received = self.sent = 0
        self.watched = False
        self.arrival: Arrival | None = None
        self._was_shut_down = False

    def exchange(self, head: bytes, body: Body, answer: Answer, timeouts: Timeouts, deadline: float) -> bool:
        """Send a request and read up to the end of the answer's head. True if the whole request was sent.

        An upstream may answer, and close, before it has read the request. The answer is then passed on, and the
        connection must not be used again. Raises UpstreamError.
        """
        self.sent, sent_all, limit = 0, True, timeouts.headers
        sent_at = 0.0 if self.arrival is None else perf_counter()
        try:
            if not body:
                self._send_all(head, limit, deadline)
            elif isinstance(body, bytes) and len(body) <= MAX_JOINED:
                self._send_all(head + body, limit, deadline)
            else:
                self._timeout_set = -1.0  # upload changes the blocking mode, so the next wait must set its timeout
                sent_all = upload(self, head, body, answer, limit, deadline)
        except _BROKEN:
            sent_all = False
            limit = min(limit, 1.0)  # an answer sent before the close has already arrived
        except OSError as error:
            raise error_of_open(error) from error
        now = monotonic()
        until = min(deadline, now + limit)
        while not answer.headers_complete:
            self._feed(answer, RECEIVE_SIZE, until - now)
            if not answer.headers_complete:
                now = monotonic()
        if self.arrival is not None:
            answer.head_seconds = max(self.arrival.at - sent_at, SHORTEST)
        if self._new_tls is not None:
            remember(self._new_tls)
            self._new_tls = None
        return sent_all

    def read_on(self, answer: Answer, size: int, idle: float, deadline: float) -> None:
        """Wait for more of an answer's body: at most `size` bytes and `idle` seconds. Raises as `exchange` does."""
        self._feed(answer, size, idle if deadline == inf else min(idle, deadline - monotonic()))

    def is_reusable(self) -> bool:
        """Whether an idle connection can carry a request: the peer has not closed it and has sent nothing."""
        try:
            if self._tls is not None:
                return not self._tls.pending() and not self._poll.poll(0)
            if TCP_INFO is not None and self._tcp:
                info = self.sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 136)
                if len(info) == 136 and _state_and_received(info) == (_ESTABLISHED, self.received):
                    return True
            return not self._poll.poll(0)
        except OSError:
            return False

    def shut_down(self) -> None:
        """Make every call that blocks on this connection return, and every later one fail. Safe from any thread.

        The descriptor stays open. `SSLSocket.shutdown` would discard the TLS state, which another thread uses.
        """
        self._was_shut_down = True  # before the end of the stream can be read
        with contextlib.suppress(OSError):  # the upstream may have reset the connection
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket. May be called twice."""
        self.sock.close()

    def has_room(self, size: int) -> bool:
        """Whether the kernel's buffer takes `size` bytes at once on an idle plain connection."""
        # The kernel's bookkeeping counts against the buffer too, for at most as much as the data.
        return size <= ALWAYS_BUFFERED or 2 * size <= self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)

    def send_now(self, data: bytes) -> bool:
        """Send a request on a plain connection. True if the kernel took all of it at once. Never waits."""
        try:
            return self._tls is None and send_now(self.sock, data) == len(data)
        except OSError:
            return False

    def receive_now(self, answer: Answer) -> bool:
        """Read what has arrived of an answer; with TLS nothing. Never waits. True if there may be more."""
        if self._tls is not None:
            return False
        try:
            if answer.headers_complete and (size := self._discards(answer, socket.MSG_DONTWAIT)):
                return size >= MOST_DISCARDED
            timed = self.arrival
            data = timed.receive(RECEIVE_SIZE, socket.MSG_DONTWAIT) if timed else receive_now(self.sock, RECEIVE_SIZE)
        except BlockingIOError:
            return False
        except OSError as error:
            raise error_of_open(error) from error
        self._take(answer, data)
        return len(data) == RECEIVE_SIZE

    def read_early_answer(self, answer: Answer) -> None:
        """Read what has arrived of an answer while the request is still being sent. Never waits."""
        try:
            data = self._recv(RECEIVE_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        self._take(answer, data)

    def _feed(self, answer: Answer, size: int, wait: float) -> None:
        if not 0.0 <= self._timeout_set - wait <= SLACK:
            self._set_timeout(wait)
        try:
            if answer.headers_complete and self._discards(answer):
                return
            data = self._recv(size) if self.arrival is None else self.arrival.receive(size)
        except BlockingIOError:
            raise UpstreamTimeout(f"nothing was received for {wait:.3g} s") from None
        except ssl.SSLEOFError:
            raise UpstreamReset("the TLS connection ended without close_notify") from None
        except OSError as error:
            raise error_of_open(error) from error
        self._take(answer, data)

    def _take(self, answer: Answer, data: bytes) -> None:
        if data:
            self.received += len(data)
            answer.feed(data)
        else:
            self._end(answer)

    def _discards(self, answer: Answer, flags: int = 0) -> int:
        """Discard what has arrived of a body that nobody needs, and return its size in bytes."""
        if not answer.unneeded or self._tls is not None:
            return 0
        size = discard(self.sock, answer.unneeded, flags)
        self.received += size
        answer.pass_over(size)
        return size

    def _end(self, answer: Answer) -> None:
        """The upstream has closed. An end that `shut_down` has caused is not the end of the answer."""
        if self._was_shut_down:
            raise UpstreamReset("the tee has ended the exchange")
        answer.eof()

    def _set_timeout(self, wait: float) -> None:
        """Set the timeout of the next blocking call to `wait` seconds."""
        if wait <= 0.0:
            raise UpstreamTimeout("the exchange took longer than its limit")
        if self._tls is not None:
            self._tls.settimeout(min(wait, NO_TIMEOUT))
        else:
            # A timeval of zero means no timeout.
            microseconds = max(int(min(wait, NO_TIMEOUT) * 1e6), 1)
            timeval = struct.pack("@ll", *divmod(microseconds, 1_000_000))
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)
        self._timeout_set = wait

    def _send_all(self, data: bytes, limit: float, deadline: float) -> None:
        rest: bytes | memoryview = data
        while rest:
            wait = limit if deadline == inf else min(limit, deadline - monotonic())
            if not 0.0 <= self._timeout_set - wait <= SLACK:
                self._set_timeout(wait)
            try:
                count = self._send(rest if self.sent or self._tls is None else rest[:RECORD])
            except BlockingIOError:
                raise UpstreamTimeout(f"the request could not be sent for {wait:.3g} s") from None
            self.sent += count
            if count == len(rest):
                return
            rest = memoryview(rest)[count:]
