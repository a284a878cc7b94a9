"""A request with a large body on its way out, with an eye on what comes back meanwhile.

An upstream may answer before it has read the request (RFC 9112 §9.3), and then close, go on reading, or do neither.
So the socket does not block here: where it takes no more, this waits for room and for an answer at once. An error
answer ends the upload; any other is left in the kernel until the body is sent.

A file on a disk goes out by sendfile, or by pread where TLS has to see it: neither moves the file's position, so
several may send the same body at once, and again.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
from time import monotonic
from typing import Protocol

from httptee.errors import UpstreamTimeout
from httptee.http import Body
from httptee.transport.wire import Answer

_PIECE = 262_144  # bytes in memory at once, where sendfile cannot be used
_SENDFILE = 1_048_576  # bytes at once by sendfile
_BLOCKED = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Uploading(Protocol):
    """What an upload needs of a connection. `sent` counts the bytes of the request that the kernel has taken."""

    sock: socket.socket
    sent: int

    def overhear(self, answer: Answer) -> None:
        """Read what has arrived of an answer, without waiting."""


def upload(connection: Uploading, head: bytes, body: Body, answer: Answer, limit: float, deadline: float) -> bool:
    """Send a request; False where an error answer has come before the end of it.

    `limit` is how many seconds the upstream may take nothing, `deadline` a time of the monotonic clock. Raises
    UpstreamTimeout, what the socket raises where the upstream has closed, and what `answer` raises.
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
                raise UpstreamTimeout("the exchange took longer than it may")
            try:
                connection.sent += outgoing.send()
                continue
            except _BLOCKED:
                events = poll.poll(min(wait, 1e6) * 1e3)
            if not events:
                raise UpstreamTimeout(f"the request could not be sent for {wait:.3g} s")
            if events[0][1] & select.POLLIN:
                connection.overhear(answer)
                if answer.headers_complete:
                    if answer.status >= 400:
                        return False
                    poll.modify(sock, select.POLLOUT)
    finally:
        outgoing.rewind()
        sock.setblocking(True)
    return True


class _Outgoing:
    """What is still to be sent: pieces in memory, the head first, then the unread rest of a file."""

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
        """Whether anything is left."""
        return bool(self._pending) or self._unread > 0

    def send(self) -> int:
        """Send as much as the socket takes at once; returns how many bytes that was. Raises as the socket does."""
        if self._pending:
            return self._send_pending()
        if self._descriptor is None or self._tls:
            self._pending.append(memoryview(self._read()))
            return self._send_pending()
        size = min(self._unread, _SENDFILE)
        return self._advance(os.sendfile(self._sock.fileno(), self._descriptor, self._offset, size))

    def rewind(self) -> None:
        """Leave the file where it was found, for whoever sends the same body next."""
        if self._start is not None and self._descriptor is None:
            self._file.seek(self._start)

    def _send_pending(self) -> int:
        pending = self._pending
        if self._tls:
            count = self._sock.send(pending[0])
        else:
            more = socket.MSG_MORE if self._unread else 0  # the head and the first of the file in one packet
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
        if self._descriptor is not None:
            piece = os.pread(self._descriptor, size, self._offset)
        else:
            piece = self._file.read(size)
        self._advance(len(piece))
        return piece

    def _advance(self, count: int) -> int:
        if not count:
            raise ValueError(f"the request body ends {self._unread} bytes early")
        self._unread -= count
        if self._start is not None:
            self._offset += count
        return count
