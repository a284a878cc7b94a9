"""The body of an answer while it arrives: the object that requests calls `raw`, and what keeps a copy of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf
from time import monotonic

from httptee.errors import UpstreamError, UpstreamProtocolError, UpstreamReset
from httptee.http import Cancellation, Headers, Pieces, Response
from httptee.transport.connection import NO_TIMEOUT, Connection
from httptee.transport.pool import Pool
from httptee.transport.wire import Answer

PIECE = 65_536
"""Bytes of a body to read at once. Four times as many took more than twice the time, because such a large piece of
memory is mapped and unmapped for each read."""


class Fields:
    """Header fields in wire order, with `items()` for code that expects a mapping."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Headers) -> None:
        self._pairs = pairs

    def items(self) -> Headers:
        """The fields themselves, duplicates included."""
        return self._pairs


class WireStream:
    """The body of an answer and its connection. For one thread at a time.

    `whole` is the body if it has arrived to its end, otherwise None. In that case `stream`, `read` and `discard` wait
    for the rest. They raise UpstreamReset, UpstreamTimeout or UpstreamProtocolError if it breaks off. `pairs` are the
    header fields in wire order. `length` is the Content-Length, or None. `head_seconds` is that of the answer. `close`
    frees the connection and may be called twice. The connection is detached from `cancellation` before it is freed.
    """

    __slots__ = (
        "_cancellation",
        "_connection",
        "_deadline",
        "_idle",
        "_pool",
        "_reusable",
        "answer",
        "head_seconds",
        "length",
        "pairs",
        "reason",
        "status",
        "whole",
    )

    def __init__(
        self,
        answer: Answer,
        connection: Connection,
        pool: Pool,
        reusable: bool,
        idle: float,
        deadline: float,
        cancellation: Cancellation | None = None,
    ) -> None:
        self.status = answer.status
        self.reason = answer.reason
        self.pairs = answer.headers
        self.length = answer.length
        self.head_seconds = answer.head_seconds
        self.whole: bytes | None = None
        self.answer = answer
        self._connection: Connection | None = connection
        self._cancellation = cancellation
        self._pool = pool
        self._reusable = reusable
        self._idle = idle
        self._deadline = deadline
        if answer.complete:
            self.whole = answer.take()
            self.close()

    def allow(self, seconds: float) -> None:
        """Give the rest of the body this time from now on, in place of the limits that it had."""
        self._idle = min(seconds, NO_TIMEOUT)
        self._deadline = inf if seconds == inf else monotonic() + seconds

    def abort(self) -> None:
        """End the wait of the thread that reads the body: it gets an UpstreamReset. For any other thread."""
        connection = self._connection
        if connection is not None:
            connection.shut_down()

    @property
    def headers(self) -> Fields:
        """The header fields, for `headers.items()`."""
        return Fields(self.pairs)

    def stream(self, amt: int | None = None, decode_content: bool | None = None) -> Iterator[bytes]:
        """The body in pieces as they arrive, first what has arrived. The arguments are for requests, without effect.

        The connection is free before the last piece is returned. A whole body is one piece, in every call. If nothing
        of the body has arrived, the first piece is empty, so that the head can go to the client at once.
        """
        if self.whole is not None:
            if self.whole:
                yield self.whole
            return
        answer = self.answer
        piece = answer.take()
        if not piece:
            self._read(wait=False)  # head and body are often sent one after the other: to join them saves a send
            piece = answer.take()
            if not piece and not answer.complete:
                yield b""
        while True:
            if answer.complete:
                self.close()
            if piece:
                yield piece
            if answer.complete:
                return
            self._read(wait=True)
            piece = answer.take()

    def read(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        """The body, or the rest of it. The arguments have no effect."""
        return b"".join(self.stream())

    def discard(self) -> None:
        """Wait for the end of the body and discard it. The connection is free afterwards."""
        answer = self.answer
        answer.discard()
        while not answer.complete:
            self._read(wait=True)
            answer.discard()
        self.close()

    def close(self) -> None:
        """Return the connection to the pool if the answer has ended and allows it, otherwise close it."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        usable = self._reusable and self.answer.keep_alive
        if self._cancellation is not None:
            self._cancellation.detach()
            usable = usable and self._cancellation.reason is None  # it may have been shut down
        if usable:
            connection.idle_limit = self.answer.idle_limit
            self._pool.release(connection)
        else:
            connection.close()

    def give_up_connection(self) -> tuple[Connection, bytes]:
        """The connection of a 101, which then belongs to the caller, and what has arrived behind the head.

        Raises UpstreamReset if the exchange was canceled, and UpstreamProtocolError if the request was not sent whole:
        only after its end may another protocol begin (RFC 9110 §7.8).
        """
        connection, self._connection = self._connection, None
        canceled = self._cancellation
        if canceled is not None:
            canceled.detach()
        if connection is None or (canceled is not None and canceled.reason is not None):
            if connection is not None:
                connection.close()
            raise UpstreamReset("the exchange was canceled")
        if not self._reusable:
            connection.close()
            raise UpstreamProtocolError("the protocol was switched before the end of the request")
        return connection, self.answer.take()

    def _read(self, *, wait: bool) -> None:
        connection = self._connection
        if connection is None:
            raise UpstreamReset("the answer was closed before its end")
        try:
            if wait:
                connection.read_on(self.answer, PIECE, self._idle, self._deadline)
            else:
                connection.receive_now(self.answer)
        except BaseException:
            self.close()
            raise


GONE = None
"""The failure of an answer whose client has gone before its end."""


def followed(response: Response, pieces: Pieces, ended: Callable[[Pieces, str | None], object]) -> Response:
    """The same answer, which streams, with the pieces of its body copied into `pieces` as they pass.

    `ended` is called once, when the answer is closed: the client then has all of it, whatever the call takes. It gets
    the pieces, and why the body broke off: empty if it is whole, the reason of an `UpstreamError`, or `GONE`. It must
    not raise.
    """
    body = response.body
    if isinstance(body, bytes):
        body = iter((body,))
    following = _Following(response, pieces, ended)
    return replace(response, body=following.passed(body), close=following.close)


class _Following:
    def __init__(self, response: Response, pieces: Pieces, ended: Callable[[Pieces, str | None], object]) -> None:
        self._response = response
        self._pieces = pieces
        self._ended: Callable[[Pieces, str | None], object] | None = ended
        self._failure: str | None = GONE

    def passed(self, body: Iterator[bytes]) -> Iterator[bytes]:
        """The body, unchanged."""
        keep = self._pieces.append
        try:
            for piece in body:
                keep(piece)
                yield piece
        except UpstreamError as error:
            self._failure = error.reason
            raise
        self._failure = ""

    def close(self) -> None:
        """Close the answer, then hand on what was kept. May be called twice."""
        self._response.close()
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(self._pieces, self._failure)
