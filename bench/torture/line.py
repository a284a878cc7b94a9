"""A client's connection, which notices how it ends."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
from time import monotonic
from types import TracebackType

from tests.support.wire import Answer, BrokenMessageError, Reader

PATIENCE = 30.0
"""Seconds that a client waits for anything."""
_STALE = 0.5  # seconds of silence after which a client opens a new connection; the tee may close after one


class Line:
    """One connection. `quiet_since` is when it last was known to be whole; `ending` says how it is closed: with
    "reset" rudely.
    """

    def __init__(self, port: int, ending: str = "close") -> None:
        self.quiet_since = monotonic()
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = Reader(self.sock)
        self._ending = ending

    def __enter__(self) -> Line:
        """The connection itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    @property
    def usable(self) -> bool:
        """Whether another request may well be sent on it."""
        return monotonic() - self.quiet_since < _STALE and not select.select([self.sock], [], [], 0)[0]

    def send(self, data: bytes) -> None:
        """Send; a peer that closes meanwhile may have answered all the same."""
        with contextlib.suppress(ConnectionError):
            self.sock.sendall(data)

    def answer(self, method: str) -> Answer | None:
        """The next answer, None where the connection is cut before its end."""
        try:
            got = self.reader.answer(method)
        except (BrokenMessageError, ConnectionError):
            return None
        self.quiet_since = monotonic()
        return got

    def close(self) -> None:
        """Close the connection. May be called twice."""
        if self._ending == "reset" and self.sock.fileno() >= 0:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
