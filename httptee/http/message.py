"""The values that the tee passes on: a request, its body, a response, and both together as an exchange.

All text is latin-1, one character for each byte, so bytes are sent exactly as they were received.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, BinaryIO, Protocol

from httptee.errors import ClientGone, TeeError
from httptee.http.phrases import PHRASES

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform

    @dataclass_transform(frozen_default=True)
    def value(cls: type) -> type:
        """A frozen dataclass. Several of them are made for each request."""
else:
    # Frozen for the type checker, which reports every assignment to a field. To freeze at run time as well would cost
    # one microsecond for each object, and there are three for each request.
    value = dataclass(slots=True)

Headers = list[tuple[str, str]]
"""Header fields in wire order: case, order and duplicates as received. A list that was passed on is never changed."""


@dataclass(frozen=True, slots=True)
class FileBody:
    """A request body too large to hold in memory: `length` bytes of `file` from its current position."""

    file: BinaryIO
    length: int

    def __len__(self) -> int:
        return self.length


Body = bytes | FileBody


@value
class Request:
    """One request for A and every B. It is never changed: an upstream applies its prefix and Host when it sends.

    `target` is the request target byte for byte (RFC 9112 §3.2). `headers` are the fields to forward. `client` is the
    peer's address without a port. `number` is unique in this process. `shared_head` holds the head as bytes once it is
    built, for all upstreams that send the request unchanged.
    """

    method: str
    target: str
    headers: Headers
    body: Body
    client: str
    scheme: str
    number: int = field(default_factory=count(1).__next__, compare=False)
    shared_head: list[bytes] = field(default_factory=list, init=False, compare=False, repr=False)


@value
class Response:
    """An answer for the client: from A, or from the tee if A gave none.

    `body` is the whole body if it has arrived, or else an iterator over its pieces as they arrive. The iterator raises
    `UpstreamError` if the body breaks off. `close` frees the connection and may be called twice. `error` is the reason
    slug of the tee's own answer, or empty.
    """

    status: int
    reason: str
    headers: Headers
    body: bytes | Iterator[bytes]
    close: Callable[[], None]
    error: str = ""

    @property
    def whole(self) -> bool:
        """Whether the whole body has arrived."""
        return isinstance(self.body, bytes)


class Follower(Protocol):
    """Receives the outcome of each clone of one exchange, and whether its client has gone."""

    def settled(self, backend: str, outcome: str, detail: str | int, seconds: float = 0.0) -> None:
        """One B's clone was `delivered` (`detail` is the status), `failed` or `dropped` (a reason). Never waits."""

    def client_gone(self) -> None:
        """The client has gone before its answer was whole. Called before the answer is closed. Never waits."""


@value
class Exchange:
    """A request with the result of its answer, as it is offered to each B.

    `status` is the status that the client got, or 499 if it has gone before A's header fields. `seconds` is the time
    until A's header fields arrived, or until A failed. `follower.settled` is called once for each B.
    """

    request: Request
    status: int
    seconds: float
    follower: Follower | None = None


def tee_answer(error: TeeError, reason: str | None = None) -> Response:
    """The tee's own answer to an error: one line of text, with the reason slug in `X-Httptee-Error`."""
    slug = reason or error.reason
    phrase = PHRASES[error.status]
    body = f"{error.status} {phrase}: {slug}\n".encode()
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("X-Httptee-Error", slug),
    ]
    if error.retry_after:
        headers.append(("Retry-After", str(error.retry_after)))
    return Response(error.status, phrase, headers, body, _no_close, slug)


def no_answer(reason: type[TeeError] = ClientGone) -> Response:
    """Stands for the answer to a request that was canceled. It is logged and never sent."""
    return Response(reason.status, PHRASES[reason.status], [], b"", _no_close, reason.reason)


def _no_close() -> None:
    """Do nothing: the tee's own answer has no connection to free."""
