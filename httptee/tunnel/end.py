"""One end of a tunnel: the connection of the client or of A, with TLS or without, for the thread of the tunnels.

As long as the tunnel is open, every close of it is a reset, even by the end of the process: what was cut off must not
look like the end of a stream.

TLS has a state of its own. What OpenSSL has decrypted and nobody has read is not seen by epoll: `receive` is called
until nothing is left, or again soon. To end one's own side of TLS, OpenSSL also reads, and loses data that it finds; so
that waits until there is none.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
from typing import Any

_BLOCKED = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class End:
    """The nonblocking socket of one peer: a plain one, an SSLSocket, or the TLS socket of the tee's server."""

    __slots__ = ("_closed_by_peer", "_sock", "_tls", "descriptor")

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._tls = sock if isinstance(sock, ssl.SSLSocket) else None
        self._closed_by_peer = False
        self.descriptor: int = sock.fileno()
        sock.setblocking(False)
        self._reset_when_closed(True)

    def receive(self, size: int) -> bytes | None:
        """What has arrived, about `size` bytes at most; b"" at the end, None if nothing has arrived. Raises OSError or
        an error of TLS for a connection that is broken."""
        if self._closed_by_peer:
            return b""
        try:
            data: bytes = self._sock.recv(size)
        except _BLOCKED:
            return None
        except ssl.SSLZeroReturnError:
            return b""
        if not data and not getattr(self._sock, "ended", True):
            raise ConnectionResetError("the TLS connection ended without close_notify")
        return data

    def send(self, data: bytes | memoryview) -> int:
        """Send some of `data`; return how many bytes count as sent, 0 if none can be now. Then the next call begins
        with the rest. Raises as `receive` does."""
        try:
            sent: int = self._sock.send(data)
        except _BLOCKED:
            return 0
        return sent

    def end_sending(self) -> bool:
        """Tell the peer that nothing more comes. False if it must be tried again after the next `receive`."""
        tls = self._tls
        if tls is not None and not self._closed_by_peer:
            if tls.pending() or self._readable():
                return False
            with contextlib.suppress(OSError, ValueError):  # mostly SSLWantReadError: the peer has not ended its side
                tls.unwrap()
                self._closed_by_peer = True
        self._reset_when_closed(False)  # else the server's TLS socket sends no close_notify
        with contextlib.suppress(OSError):
            if tls is not None:
                socket.socket.shutdown(tls, socket.SHUT_WR)  # the method of SSLSocket would discard its state
            else:
                self._sock.shutdown(socket.SHUT_WR)
        self._reset_when_closed(True)
        return True

    def close(self, *, reset: bool) -> None:
        """Close the connection. With `reset`, the peer gets a reset and not an end."""
        if not reset:
            self._reset_when_closed(False)
        with contextlib.suppress(OSError):
            self._sock.close()

    def _readable(self) -> bool:
        ready = select.poll()
        ready.register(self.descriptor, select.POLLIN)
        return bool(ready.poll(0))

    def _reset_when_closed(self, reset: bool) -> None:
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", reset, 0))
