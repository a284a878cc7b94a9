"""The body of one request as it comes from its client's connection, for the thread that serves it."""

from __future__ import annotations

from typing import Any, Protocol

from httptee.errors import ClientGone, RequestTimeout, TeeError
from httptee.http import Cancellation
from httptee.server.uploads.pace import LEAST_RATE
from httptee.server.uploads.passing import PassingBody

_PIECE = 64 * 1024


class Uploading(Protocol):
    """The parts of a client's connection that a body uses."""

    cancellation: Cancellation
    socket: Any

    def take_in(self, request: Any, data: bytes) -> None:
        """Parse data of a request that is served already, and what comes behind it."""


class ClientBody:
    """A `Source`: `httptee.http.uploads` says what its methods do. In each period of `timeout` seconds in which the
    client is waited for, the body must advance at `LEAST_RATE`."""

    def __init__(self, connection: Uploading, request: Any, timeout: float) -> None:
        self._connection = connection
        self._request = request
        self._passing: PassingBody = request.body_rcv
        self.length: int | None = None if request.chunked else request.content_length
        self.expects: bool = request.expect_continue
        self._timeout = timeout
        self._waited = 0.0
        self._reached = 0

    @property
    def whole(self) -> bool:
        """Whether the last byte was read."""
        return bool(self._request.completed)

    def fileno(self) -> int:
        """The descriptor of the connection."""
        return int(self._connection.socket.fileno())

    def read(self) -> bytes:
        """What has arrived. Raises the refusal of the parser, and ClientGone."""
        passing, request = self._passing, self._request
        piece = passing.take()
        if piece or request.completed:
            return piece
        connection = self._connection
        try:
            data = connection.socket.recv(_PIECE)
        except BlockingIOError:
            return b""
        except Exception:  # a reset, or TLS that has failed
            data = b""
        if not data:
            connection.cancellation.cancel()
            raise ClientGone("the client has gone before its request was whole")
        connection.take_in(request, data)
        if request.error is not None:
            raise request.error if isinstance(request.error, TeeError) else TeeError()
        return passing.take()

    def waited(self, seconds: float) -> None:
        """Count the time in which the client was waited for. Raises RequestTimeout."""
        self._waited += seconds
        if self._waited < self._timeout:
            return
        reached = len(self._passing)
        if reached - self._reached < LEAST_RATE * self._timeout:
            raise RequestTimeout("the request did not arrive in time")
        self._waited, self._reached = 0.0, reached
