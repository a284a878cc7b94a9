"""Sends a request with a large body, and reads the head of an early answer meanwhile.

An upstream may answer before it has read the request (RFC 9112 §9.3), and then close, go on reading, or do neither. So
the socket does not wait here: if it takes no more, `upload` waits for room and for an answer. An error answer ends the
upload. The rest of any other answer is left in the kernel until the body is sent.

A file on a disk is sent by sendfile, or by pread for TLS. Both leave its position: several threads can send it at once.

A body that still comes from the client is passed on piece by piece. Each is read when the one before is sent, so a slow
upstream slows the client down. Before each piece, `upload` looks for an early answer.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import ssl
from time import monotonic
from typing import Protocol

from httptee.errors import UpstreamTimeout
from httptee.http import Body, FileBody, not_stored
from httptee.http.uploads import StreamedBody
from httptee.transport.tls import first_pieces
from httptee.transport.wire import Answer

_PIECE = 262_144  # bytes in memory at once if sendfile cannot be used
_SENDFILE = 1_048_576  # bytes at once by sendfile
_REDIRECTED = 300  # an early answer with this status or a higher one ends an upload that streams
# After this start of a huge body, the upstream gets so many seconds to refuse it, before megabytes are on their way.
_HUGE, _START, _MOMENT = 16 * 1024 * 1024, 256 * 1024, 0.005
_CONTINUE_AFTER = 1.0  # seconds for the upstream's answer to `Expect: 100-continue`; then the tee sends 100 itself
_BLOCKED = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Uploading(Protocol):
    """The part of a connection that an upload uses. `sent` counts the bytes of the request that the kernel took."""

    sock: socket.socket
    sent: int

    def read_early_answer(self, answer: Answer) -> None:
        """Read what has arrived of an answer. Never waits."""

    def is_reusable(self) -> bool:
        """Whether the upstream has sent nothing that was not read, and has not closed."""


def upload(connection: Uploading, head: bytes, body: Body, answer: Answer, limit: float, deadline: float) -> bool:
    """Send a request. False if an error answer, or for a body that streams a redirect, has arrived before its end.

    `limit` is the time in seconds for which the upstream may take nothing. `deadline` is a time of the monotonic clock.
    Raises UpstreamTimeout, the socket's error if the upstream has closed, the errors of `answer`, ValueError for a file
    that is too short, BodyStorage for one that cannot be read, and the errors of a `StreamedBody`.
    """
    sock = connection.sock
    if isinstance(body, StreamedBody):
        return _Stream(connection, head, body, answer).send(limit, deadline)
    outgoing = _Outgoing(sock, head, body)
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLOUT)
    sock.setblocking(False)
    try:
        while outgoing:
            wait = min(limit, deadline - monotonic())
            if wait <= 0.0:
                raise UpstreamTimeout("the exchange took longer than its limit")
            try:
                connection.sent += outgoing.send()
                continue
            except _BLOCKED:
                events = poll.poll(min(wait, 1e6) * 1e3)
            if not events:
                raise UpstreamTimeout(f"the request could not be sent for {wait:.3g} s")
            if events[0][1] & select.POLLIN:
                connection.read_early_answer(answer)
                if answer.headers_complete:
                    if answer.status >= 400:
                        return False
                    poll.modify(sock, select.POLLOUT)
    finally:
        outgoing.rewind()
        sock.setblocking(True)
    return True


def _ready(sock: socket.socket, events: int, wait: float) -> bool:
    """Wait up to so many seconds for one of the events."""
    poll = select.poll()
    poll.register(sock, events)
    return bool(poll.poll(min(wait, 1e6) * 1e3))


def _send_pieces(sock: socket.socket, pieces: list[memoryview], tls: bool, more: int = 0) -> int:
    """Send as many bytes of the pieces as the socket takes at once, remove them, and return their number."""
    count = left = sock.send(pieces[0]) if tls else sock.sendmsg(pieces, (), more)
    while left:
        size = min(left, len(pieces[0]))
        pieces[0] = pieces[0][size:]
        left -= size
        if not pieces[0]:
            del pieces[0]
    return count


class _Stream:
    """Passes a body on as it comes from the client."""

    def __init__(self, connection: Uploading, head: bytes, body: StreamedBody, answer: Answer) -> None:
        self._connection = connection
        self._body = body
        self._answer = answer
        self._tls = isinstance(connection.sock, ssl.SSLSocket)
        self._pending = first_pieces(head, self._tls)
        self._chunked = body.length is None
        self._ended = False  # nothing more comes from the client
        self._moment = len(body) > _HUGE  # whether the upstream is still to get its moment
        answer.expected = body.expects

    def send(self, limit: float, deadline: float) -> bool:
        """Send the request, as `upload` does."""
        sock = self._connection.sock
        sock.setblocking(False)
        try:
            while not self._is_refused():
                if self._pending:
                    self._send_pending(limit, deadline)
                elif self._ended:
                    return True
                elif self._moment and self._body.read_so_far >= _START:
                    self._moment = False
                    _ready(sock, select.POLLIN, _MOMENT)
                elif not self._take():
                    self._wait()
            return False
        finally:
            sock.setblocking(True)

    def _is_refused(self) -> bool:
        """Read what the upstream has sent meanwhile; whether that is an answer that ends the upload."""
        answer, connection = self._answer, self._connection
        if not answer.headers_complete and not connection.is_reusable():
            connection.read_early_answer(answer)
        return answer.headers_complete and answer.status >= _REDIRECTED

    def _take(self) -> bool:
        """Take the next piece from the client. False if none has arrived."""
        piece = self._body.read()
        self._ended = self._body.whole
        framed = (b"%x\r\n" % len(piece), piece, b"\r\n") if self._chunked else (piece,)
        self._pending += map(memoryview, framed if piece else ())
        if self._ended and self._chunked:
            self._pending.append(memoryview(b"0\r\n\r\n"))
        return bool(piece) or self._ended

    def _send_pending(self, limit: float, deadline: float) -> None:
        sock = self._connection.sock
        try:
            self._connection.sent += _send_pieces(sock, self._pending, self._tls)
        except _BLOCKED:
            wait = min(limit, deadline - monotonic())
            events = select.POLLOUT | (0 if self._answer.headers_complete else select.POLLIN)
            if wait <= 0.0 or not _ready(sock, events, wait):
                raise UpstreamTimeout(f"the request could not be sent for {wait:.3g} s") from None

    def _wait(self) -> None:
        """Wait for the client, or for the upstream."""
        answer, began, ready = self._answer, monotonic(), select.poll()
        ready.register(self._body.fileno(), select.POLLIN)
        if not answer.headers_complete:
            ready.register(self._connection.sock, select.POLLIN)
        if not ready.poll(_CONTINUE_AFTER * 1e3) and answer.expected and answer.on_interim is not None:
            answer.expected = False
            answer.on_interim(100, "Continue", [])
        self._body.waited(monotonic() - began)


class _Outgoing:
    """The bytes still to be sent: pieces in memory, the head first, then the unread rest of a file."""

    __slots__ = ("_descriptor", "_file", "_offset", "_pending", "_sock", "_start", "_tls", "_unread")

    def __init__(self, sock: socket.socket, head: bytes, body: bytes | FileBody) -> None:
        self._sock, self._tls = sock, isinstance(sock, ssl.SSLSocket)
        self._pending = first_pieces(head, self._tls)
        self._unread = 0
        self._start: int | None = None
        self._descriptor: int | None = None
        if isinstance(body, bytes):
            self._pending.append(memoryview(body))
            return
        self._file = file = body.file
        self._unread = body.length
        if file.seekable():
            self._start = self._offset = file.tell()
            try:
                file.flush()
                self._descriptor = file.fileno()
            except (AttributeError, OSError):
                pass  # a file in memory has no descriptor

    def __bool__(self) -> bool:
        """Whether any bytes are left."""
        return bool(self._pending) or self._unread > 0

    def send(self) -> int:
        """Send as many bytes as the socket takes at once, and return their number. Raises as the socket does."""
        if self._pending:
            return self._send_pending()
        if self._descriptor is None or self._tls:
            self._pending.append(memoryview(self._read()))
            return self._send_pending()
        size = min(self._unread, _SENDFILE)
        try:
            return self._advance(os.sendfile(self._sock.fileno(), self._descriptor, self._offset, size))
        except OSError as error:
            if error.errno == errno.EIO:  # an error of the file: no socket reports it
                raise not_stored(error) from None
            raise

    def rewind(self) -> None:
        """Restore the file's position, so that the same body can be sent again."""
        if self._start is not None and self._descriptor is None:
            self._file.seek(self._start)

    def _send_pending(self) -> int:
        more = socket.MSG_MORE if self._unread else 0  # the head in one packet with the start of the file
        return _send_pieces(self._sock, self._pending, self._tls, more)

    def _read(self) -> bytes:
        size = min(self._unread, _PIECE)
        try:
            if self._descriptor is not None:
                piece = os.pread(self._descriptor, size, self._offset)
            else:
                piece = self._file.read(size)
        except OSError as error:
            raise not_stored(error) from None
        self._advance(len(piece))
        return piece

    def _advance(self, count: int) -> int:
        if not count:
            raise ValueError(f"the request body ends {self._unread} bytes early")
        self._unread -= count
        if self._start is not None:
            self._offset += count
        return count
