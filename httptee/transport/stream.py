"""The body of an answer, as it arrives: what requests calls `raw`."""

from __future__ import annotations

from collections.abc import Iterator

from httptee.errors import UpstreamReset
from httptee.http import Headers
from httptee.transport.connection import Connection
from httptee.transport.pool import Pool
from httptee.transport.wire import Answer

PIECE = 65_536
"""Bytes of a body asked for at once. Four times as many took more than twice the time: so large a piece of memory is
mapped and unmapped each time."""


class Fields:
    """Header fields in wire order, with `items()` for those who expect a mapping."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Headers) -> None:
        self._pairs = pairs

    def items(self) -> Headers:
        """The fields themselves, duplicates included."""
        return self._pairs


class WireStream:
    """The body of an answer and the connection it comes through; for one thread at a time.

    `whole` is the body where it has arrived to its end, otherwise None. Then `stream`, `read` and `discard` wait for
    the rest and raise UpstreamReset, UpstreamTimeout or UpstreamProtocolError where it breaks off. `pairs` are the
    header fields in wire order, `length` is what Content-Length says. `close` frees the connection and may be called
    twice.
    """

    __slots__ = (
        "_answer",
        "_connection",
        "_deadline",
        "_idle",
        "_pool",
        "_reusable",
        "length",
        "pairs",
        "reason",
        "status",
        "whole",
    )

    def __init__(
        self, answer: Answer, connection: Connection, pool: Pool, reusable: bool, idle: float, deadline: float
    ) -> None:
        self.status = answer.status
        self.reason = answer.reason
        self.pairs = answer.headers
        self.length = answer.length
        self.whole: bytes | None = None
        self._answer = answer
        self._connection: Connection | None = connection
        self._pool = pool
        self._reusable = reusable
        self._idle = idle
        self._deadline = deadline
        if answer.complete:
            self.whole = answer.take()
            self.close()

    @property
    def headers(self) -> Fields:
        """The header fields, for `headers.items()`."""
        return Fields(self.pairs)

    def stream(self, amt: int | None = None, decode_content: bool | None = None) -> Iterator[bytes]:
        """The body in pieces as they arrive, the first at once; both arguments are there for requests.

        The connection is free again before the last piece is handed out. A whole body comes in one piece, each time.
        """
        if self.whole is not None:
            if self.whole:
                yield self.whole
            return
        while True:
            piece = self._answer.take()
            if self._answer.complete:
                self.close()
            if piece:
                yield piece
            if self._answer.complete:
                return
            self._wait()

    def read(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        """The body, or the rest of it; the arguments are there for requests."""
        return b"".join(self.stream())

    def discard(self) -> None:
        """Wait for the end of the body and keep nothing of it; the connection is free afterwards."""
        for _ in self.stream():
            pass

    def close(self) -> None:
        """Give the connection back where the answer has come to its end and allows it, close it otherwise."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._reusable and self._answer.keep_alive:
            connection.idle_limit = self._answer.idle_limit
            self._pool.release(connection)
        else:
            connection.close()

    def _wait(self) -> None:
        connection = self._connection
        if connection is None:
            raise UpstreamReset("the answer was closed before its end")
        try:
            connection.read_on(self._answer, PIECE, self._idle, self._deadline)
        except BaseException:
            self.close()
            raise
