"""Sends a request with a large body, and reads the head of an early answer meanwhile.

An upstream may answer before it has read the request (RFC 9112 §9.3). It may then close, go on reading, or do neither.
So the socket is nonblocking here: if it takes no more, `upload` waits for room and for an answer at the same time. An
error answer ends the upload. The rest of any other answer is left in the kernel until the body is sent.

A file on a disk is sent by sendfile, or by pread for TLS. Both leave the file's position, so that several threads can
send the same body at once, and the body can be sent again.
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
from httptee.http import Body, not_stored
from httptee.transport.wire import Answer

_PIECE = 262_144  # bytes in memory at once if sendfile cannot be used
_SENDFILE = 1_048_576  # bytes at once by sendfile
_BLOCKED = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Uploading(Protocol):
    """The part of a connection that an upload uses. `sent` counts the bytes of the request that the kernel took."""

    sock: socket.socket
    sent: int

    def read_early_answer(self, answer: Answer) -> None:
        """Read what has arrived of an answer. Never waits."""


def upload(connection: Uploading, head: bytes, body: Body, answer: Answer, limit: float, deadline: float) -> bool:
    """Send a request. False if an error answer has arrived before its end.

    `limit` is the time in seconds for which the upstream may take nothing. `deadline` is a time of the monotonic clock.
    Raises UpstreamTimeout, the socket's error if the upstream has closed, the errors of `answer`, ValueError for a file
    that is too short, and BodyStorage for one that cannot be read.
    """
    sock = connection.sock
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


class _Outgoing:
    """The bytes still to be sent: pieces in memory, the head first, then the unread rest of a file."""

    __slots__ = ("_descriptor", "_file", "_offset", "_pending", "_sock", "_start", "_tls", "_unread")

    def __init__(self, sock: socket.socket, head: bytes, body: Body) -> None:
        self._sock = sock
        self._tls = isinstance(sock, ssl.SSLSocket)
        self._pending = [memoryview(head)]
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
        pending = self._pending
        if self._tls:
            count = self._sock.send(pending[0])
        else:
            more = socket.MSG_MORE if self._unread else 0  # the head in one packet with the start of the file
            count = self._sock.sendmsg(pending, (), more)
        left = count
        while left:
            size = min(left, len(pending[0]))
            pending[0] = pending[0][size:]
            left -= size
            if not pending[0]:
                del pending[0]
        return count

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
