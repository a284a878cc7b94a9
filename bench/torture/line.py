"""A client's connection, with a record of its last whole answer."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
from time import monotonic
from types import TracebackType

from tests.support.wire import Answer, BrokenMessageError, Reader

TIMEOUT = 30.0
"""Seconds after which a client's wait fails."""
_STALE = 0.5  # seconds without traffic after which a client makes a new connection; a tee that drains closes after 1 s


class Line:
    """One connection.

    `quiet_since` is the time of its start or of its last whole answer. `ending` is "close", or "reset" for an RST.
    """

    def __init__(self, port: int, ending: str = "close") -> None:
        self.quiet_since = monotonic()
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
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
        """Whether the connection can take another request."""
        return monotonic() - self.quiet_since < _STALE and not select.select([self.sock], [], [], 0)[0]

    def send(self, data: bytes) -> None:
        """Send. A peer that closes during it may have answered, so this is no error."""
        with contextlib.suppress(ConnectionError):
            self.sock.sendall(data)

    def answer(self, method: str) -> Answer | None:
        """The next answer, or None where the connection ends before the answer does."""
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
