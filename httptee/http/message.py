"""The values that travel through the tee: a request, its body, A's answer, and both together as an exchange.

Text is latin-1 throughout, one character a byte, so what came in over the wire goes out over the wire unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, BinaryIO, Protocol

from httptee.errors import TeeError
from httptee.http.phrases import PHRASES

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform

    @dataclass_transform(frozen_default=True)
    def value(cls: type) -> type:
        """A frozen dataclass of which several are made for each request."""
else:
    # Frozen for the type checker, which sees every line that could change one. To be frozen at run time as well would
    # cost a microsecond each, for three of them a request.
    value = dataclass(slots=True)

Headers = list[tuple[str, str]]
"""Header fields in wire order: case, order and duplicates as received. Nobody changes a list it was handed."""


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
    """One request on its way to A and every B, which add no more than their own prefix and Host. It is never changed.

    `target` is the request target byte for byte (RFC 9112 §3.2), `headers` are the fields that travel on, `client` is
    the peer's address without a port. `number` tells it from all others of this process. `written` gets the head as
    it goes out to every upstream that changes nothing about it, once that has been written down.
    """

    method: str
    target: str
    headers: Headers
    body: Body
    client: str
    scheme: str
    number: int = field(default_factory=count(1).__next__, compare=False)
    written: list[bytes] = field(default_factory=list, init=False, compare=False, repr=False)


@value
class Response:
    """An answer for the client: A's own, or the tee's in place of one that did not come.

    `body` is the whole body where it has arrived, or an iterator over the pieces of one that still streams; the
    iterator raises `UpstreamError` where the body breaks off. `close` frees the connection and may be called twice.
    `error` is the reason slug where the answer is the tee's.
    """

    status: int
    reason: str
    headers: Headers
    body: bytes | Iterator[bytes]
    close: Callable[[], None]
    error: str = ""

    @property
    def whole(self) -> bool:
        """Whether the body has arrived to its last byte."""
        return isinstance(self.body, bytes)


class Follower(Protocol):
    """Somebody who wants to know what becomes of every clone of one exchange."""

    def settled(self, backend: str, outcome: str, detail: str | int, seconds: float = 0.0) -> None:
        """One B's clone was `delivered` (`detail` is the status), `failed` or `dropped` (the reason). Never waits."""


@value
class Exchange:
    """A request with what A made of it: what a B is offered, and has to measure itself by.

    `status` is what the client got and `seconds` the time A took to its headers. `follower` is told, once for each B,
    what became of the clone.
    """

    request: Request
    status: int
    seconds: float
    follower: Follower | None = None


def tee_answer(error: TeeError, reason: str | None = None) -> Response:
    """The tee's own answer to an error: one line of text, the reason slug in `X-Httptee-Error`."""
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
    return Response(error.status, phrase, headers, body, _nothing, slug)


def _nothing() -> None:
    """There is no connection behind the tee's own answer."""
