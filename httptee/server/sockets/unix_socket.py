"""A client's connection over a Unix socket. The channel uses it in place of a TCP socket, and finds all that it needs.

A Unix socket has no reset and no state of TCP. But the kernel reports an error to the peer of a socket that is closed
over unread bytes, after what was sent (`unix_release_sock`). So the last byte of a request stays unread in the kernel
while the request is answered: a close then cuts the answer off so that the client notices, even if this process is
killed. Without it, an answer without a length (HTTP/1.0) that breaks off would look whole. The byte is read before a
close that is a normal end.
"""

from __future__ import annotations

import contextlib
import select
import socket
from typing import Any

_PEEK = socket.MSG_PEEK
_HUNG_UP = select.POLLHUP | select.POLLERR
_ENDED = select.POLLRDHUP | _HUNG_UP
_ESTABLISHED, _CLOSED = 1, 7  # tcpi_state


class UnixSocket:
    """A nonblocking Unix socket, for one thread at a time; `shutdown(SHUT_RD)` and `getsockopt` are for any thread.

    What is not here is as for the socket.
    """

    __slots__ = ("_cuts", "_kept", "raw")

    def __init__(self, raw: socket.socket) -> None:
        self.raw = raw
        self._kept = 0  # bytes that were returned and are still in the kernel: 0 or 1
        self._cuts = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)

    def recv(self, size: int) -> bytes:
        """The next bytes, or b"" at the end. Raises BlockingIOError when the kernel has no more, and OSError."""
        raw, kept = self.raw, self._kept
        data = raw.recv(size + kept, _PEEK)
        count = len(data)
        if count <= kept:
            if count and not _told(raw, _ENDED):
                raise BlockingIOError
            return b""
        left = count - 1
        while left:
            left -= len(raw.recv(left))
        self._kept = 1
        return data[kept:]

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        """As for the socket. SO_LINGER says whether a close cuts off."""
        if (level, option) == (socket.SOL_SOCKET, socket.SO_LINGER):
            self._cuts = any(value[:4])  # l_onoff
        else:
            self.raw.setsockopt(level, option, value)

    def getsockopt(self, level: int, option: int, *size: int) -> Any:
        """As for the socket. In place of the state of TCP: whether the client has closed the connection. One that has
        closed its sending side only still waits for its answer."""
        if (level, option) != (socket.IPPROTO_TCP, socket.TCP_INFO):
            return self.raw.getsockopt(level, option, *size)
        return bytes((_CLOSED if _told(self.raw, _HUNG_UP) else _ESTABLISHED,)).ljust(size[0], b"\0")

    def close(self) -> None:
        """Close it: a normal end, or a cut if SO_LINGER said so."""
        if self._kept and not self._cuts:
            self._kept = 0
            with contextlib.suppress(OSError):
                self.raw.recv(1)
        self.raw.close()


def _told(raw: socket.socket, events: int) -> bool:
    """Whether the kernel reports one of these events. Raises OSError for a socket that is closed."""
    descriptor = raw.fileno()
    if descriptor < 0:
        raise OSError("the socket is closed")
    waiting = select.poll()
    waiting.register(descriptor, select.POLLRDHUP)
    return any(told & events for _, told in waiting.poll(0))
