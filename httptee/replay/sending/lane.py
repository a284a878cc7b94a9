"""One connection of a replay: it sends one request after the other and reads the answers, without ever waiting."""

from __future__ import annotations

import hashlib
import ssl
from collections import deque
from typing import Any

from httptee.errors import UpstreamError, UpstreamReset, error_of_open, upstream_error
from httptee.http import end_to_end
from httptee.replay.sending.item import Answer as AnswerTuple
from httptee.replay.sending.item import Item
from httptee.transport import IDEMPOTENT, Answer

_RECEIVE = 65_536
_ROOM = 16 * 1024  # bytes that B's body may have more than A's, until it is only hashed
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Body(list[bytes]):
    """The body of an answer as it arrives: kept up to `most` bytes, and beyond that only its length and digest."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._digest: Any = None
        self.length = 0

    def append(self, piece: bytes) -> None:
        """Add a piece."""
        self.length += len(piece)
        if self._digest is not None:
            self._digest.update(piece)
            return
        super().append(piece)
        if self.length > self._most:
            self._digest = hashlib.sha256(b"".join(self))  # as in a recording
            super().clear()

    def clear(self) -> None:
        """Keep all pieces."""

    @property
    def content(self) -> bytes | None:
        """The body, or None if it is longer than `most`."""
        return b"".join(self) if self._digest is None else None

    @property
    def digest(self) -> bytes:
        """The SHA-256 of a body that is not kept, or b""."""
        return b"" if self._digest is None else self._digest.digest()


class Unread(list[bytes]):
    """The body of an answer that is not compared."""

    def append(self, piece: bytes) -> None:
        """Discard a piece."""


class Lane:
    """One connection, or the place for one. `queue` holds the items that wait for it, each with its lateness if it was
    on the wire before. `free_at` is when the last exchange ended, or 0.0.

    While `item` is set, an exchange is in flight: `sent_at` is when its request went out, and `head_at` when the head
    of its answer was read, or 0.0. `ahead` items are known that are not due yet. `opening`: a connection is on its way.
    """

    __slots__ = (
        *("_answer", "_body", "_fresh", "_rest", "_silent"),
        *("ahead", "free_at", "head_at", "idle_since", "item", "key", "late", "opening", "queue", "sent_at", "sock"),
    )

    def __init__(self, key: int, queue: deque[tuple[Item, float | None]]) -> None:
        self.key = key
        self.queue = queue
        self.sock: Any = None
        self.item: Item | None = None
        self.late = self.sent_at = self.head_at = self.free_at = self.idle_since = 0.0
        self.ahead = 0
        self.opening = False
        self._rest: memoryview | None = None
        self._fresh = self._silent = True

    @property
    def wants_to_write(self) -> bool:
        """Whether a part of the request is not sent yet."""
        return self._rest is not None

    @property
    def outcome(self) -> tuple[int, AnswerTuple | None]:
        """The status of a whole answer, and the answer if it is to be compared."""
        answer, body = self._answer, self._body
        if not isinstance(body, Body):
            return answer.status, None
        fields = end_to_end(answer.headers)
        return answer.status, (answer.status, fields, body.content, body.length, body.digest)

    def connected(self, sock: Any) -> None:
        """Take a new connection."""
        sock.setblocking(False)
        self.sock = sock
        self._fresh = True
        self._rest = None

    def send(self, item: Item, late: float, now: float) -> None:
        """Send a request on the idle connection. Raises UpstreamError."""
        self.item, self.late, self.sent_at, self.head_at = item, late, now, 0.0
        expected = item.expected
        kept: Body | Unread = Unread()
        if expected is not None:
            _, _, content, length, _ = expected
            kept = Body(length + _ROOM if content is not None else length - 1)
        self._body = kept
        self._answer = Answer(item.method, kept=kept)  # type: ignore[arg-type]
        self._silent = True
        self._rest = memoryview(item.data)
        self.write()

    def write(self) -> None:
        """Send as much of the request as the kernel takes. Raises UpstreamError."""
        while self._rest is not None:
            try:
                size = self.sock.send(self._rest)
            except _NOT_NOW:
                return
            except OSError as error:
                self._rest = None  # an answer may have come before the connection was closed
                if self._silent:
                    raise error_of_open(error) from error
                return
            self._rest = self._rest[size:] if size < len(self._rest) else None

    def read(self, clock: Any) -> bool:
        """Read what has arrived. Returns whether the answer is whole. Raises UpstreamError."""
        answer = self._answer
        while True:
            try:
                data = self.sock.recv(_RECEIVE)
            except _NOT_NOW:
                return False
            except ssl.SSLEOFError:
                raise UpstreamReset("the TLS connection ended without close_notify") from None
            except OSError as error:
                raise error_of_open(error) from error
            if data:
                self._silent = False
                answer.feed(data)
            else:
                answer.eof()
            if not self.head_at and answer.headers_complete:
                self.head_at = clock()
            if answer.complete:
                return True
            if not isinstance(self.sock, ssl.SSLSocket) and len(data) < _RECEIVE:
                return False

    def may_repeat(self, error: Exception) -> bool:
        """Whether the request may be sent again: the server had closed the idle connection before it saw anything of
        it, as far as can be known, and the method is idempotent (RFC 9110 §9.2.2)."""
        item = self.item
        stale = isinstance(error, UpstreamReset) and self._silent and not self._fresh
        return stale and item is not None and item.method in IDEMPOTENT

    def end(self) -> bool:
        """The exchange has ended. Returns whether the connection can carry the next one; if not, it is closed."""
        self.item = None
        self._fresh = False
        if self.sock is not None and self._answer.keep_alive and self._rest is None:
            return True
        self.close()
        return False

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self.sock is not None:
            self.sock.close()
            self.sock = None
        self._rest = None


def reason_of(error: object) -> str:
    """The reason slug of an error."""
    return (error if isinstance(error, UpstreamError) else upstream_error(error)).reason  # type: ignore[arg-type]
