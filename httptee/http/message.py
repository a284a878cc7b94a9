"""The values that the tee passes on: a request, its body, a response, and both together as an exchange.

All text is latin-1, one character for each byte, so bytes are sent exactly as they were received."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from email.utils import formatdate
from itertools import count
from time import time_ns
from typing import TYPE_CHECKING, BinaryIO, Protocol

from httptee.errors import ClientGone, MaxForwards, TeeError
from httptee.http.phrases import PHRASES
from httptee.http.uploads import StreamedBody

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from typing_extensions import dataclass_transform

    @dataclass_transform(frozen_default=True)
    def value(cls: type) -> type:
        """A frozen dataclass. Several of them are made for each request."""
else:
    # Frozen for the type checker, which reports every assignment to a field. To freeze at run time as well would cost
    # one microsecond for each object, and there are three for each request.
    value = dataclass(slots=True)

ERROR_FIELD = "X-Httptee-Error"
"""The field of every answer of the tee's own, with its reason slug."""

Headers = list[tuple[str, str]]
"""Header fields in wire order: case, order and duplicates as received. A list that was passed on is never changed."""


@dataclass(frozen=True, slots=True)
class FileBody:
    """A request body too large to hold in memory: `length` bytes of `file` from its current position."""

    file: BinaryIO
    length: int

    def __len__(self) -> int:
        return self.length

    def read(self) -> bytes:
        """All bytes of the body. The position of the file stays. Raises OSError or ValueError if that is impossible."""
        file = self.file
        start = file.tell()
        try:
            descriptor = file.fileno()
        except OSError:  # a file in memory
            data = file.read(self.length)
            file.seek(start)
        else:
            file.flush()
            data = _from_descriptor(descriptor, self.length, start)
        if len(data) < self.length:
            raise ValueError(f"the request body ends {self.length - len(data)} bytes early")
        return data


Body = bytes | FileBody | StreamedBody


@value
class Request:
    """One request for A and every B. It is never changed: an upstream applies its prefix and Host when it sends.

    `target` is the request target byte for byte (RFC 9112 §3.2). `headers` are the fields to forward. `client` is the
    client's address, and `port` its port, or empty. `number` is unique in this process. `upgrade`: the protocols that
    it asks to switch to. `shared_head`: the head as bytes once it is built, for all upstreams that send it unchanged.
    """

    method: str
    target: str
    headers: Headers
    body: Body
    client: str
    scheme: str
    number: int = field(default_factory=count(1).__next__, compare=False)
    upgrade: tuple[str, ...] = ()
    port: str = field(default="", compare=False)
    shared_head: list[bytes] = field(default_factory=list, init=False, compare=False, repr=False)


class WrittenRequest(Request):
    """A request of which only the head as bytes is held: a list of header fields takes several times the memory.

    The `shared_head` of the given request must be built. `headers` makes the list anew at each access.
    """

    __slots__ = ()

    def __init__(self, request: Request) -> None:
        for name in _KEPT:
            setattr(self, name, getattr(request, name))

    @property
    def headers(self) -> Headers:
        """The fields to forward, read from the head."""
        lines = self.shared_head[0].decode("latin-1")[:-4].split("\r\n")
        return [(name, value) for name, _, value in (line.partition(": ") for line in lines[1:])]


_KEPT = tuple(one.name for one in fields(Request) if one.name != "headers")


def _no_close() -> None:
    """Do nothing: an answer of the tee's own, or one that has arrived whole, has no connection to free."""


@value
class Response:
    """An answer for the client: from A, or from the tee if A gave none.

    `body` is the whole body if it has arrived, or else an iterator over its pieces as they arrive. The iterator raises
    `UpstreamError` if the body breaks off. `close` frees the connection and may be called twice. `error` is the reason
    slug of the tee's own answer, or empty. `unsent`: A certainly got nothing of the request. `head_seconds`: from the
    request on the wire to the head of the answer in the kernel, or 0.0 if it was not measured. `switch`, after a 101,
    takes the environ, the answer and its follower, and returns the answer to send. `head`: the bytes of A's head that
    `headers` are of, or empty.
    """

    status: int
    reason: str
    headers: Headers
    body: bytes | Iterator[bytes]
    close: Callable[[], None] = _no_close
    error: str = ""
    unsent: bool = False
    head_seconds: float = 0.0
    switch: Callable[[WSGIEnvironment, Response, Follower | None], Response] | None = None
    head: bytes = b""

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

    def tunnelled(self, end: str, received: int, sent: int) -> None:
        """The upgraded connection has ended, after these bytes from the client and to it. As `client_gone`."""


class Kept(Protocol):
    """A's answer, kept to be compared with those of the Bs."""

    size: int
    """Bytes that it holds, with the room for the answers of the Bs."""
    room: int
    """Bytes up to which the body of a B's answer is kept."""


@dataclass(slots=True)
class Exchange:
    """A request with the result of its answer, as it is offered to each B.

    `status` is the status that the client got, or 499 if it has gone before A's header fields. `seconds` is the time
    until A's header fields arrived, or until A failed. `follower.settled` is called once for each B. `unsent`: A
    certainly got nothing of the request. `port` is the client's, or empty, and `connection` the number of its
    connection in this process, or 0 if it is unknown. With `kept`, the answers of the Bs are compared with A's.
    `withheld` is the drop reason for every B where the request cannot be sent, or empty.

    `request` is replaced when its body is read into memory, and when its head is kept as bytes only. The clones that
    hold the exchange are counted in `holders`, and what they hold together in `size`, in bytes. `came` is when A's
    header fields arrived, in nanoseconds since the epoch: before the client has the answer, and asks the next.
    """

    request: Request
    status: int
    seconds: float
    follower: Follower | None = None
    unsent: bool = False
    kept: Kept | None = None
    port: str = ""
    connection: int = 0
    withheld: str = ""
    holders: int = field(default=0, init=False, compare=False, repr=False)
    came: int = field(default_factory=time_ns, init=False, compare=False, repr=False)
    size: int = field(default=0, init=False, compare=False, repr=False)

    def with_request(self, request: Request, withheld: str) -> Exchange:
        """The same exchange with another form of its request, for one B. What its clones hold is counted on its own."""
        own = (self.status, self.seconds, self.follower, self.unsent, self.kept, self.port, self.connection)
        made = Exchange(request, *own, withheld)
        made.came = self.came
        return made

    def load(self) -> None:
        """Read a body that is in a file into memory. Raises OSError or ValueError if that is impossible."""
        request = self.request
        if isinstance(request.body, FileBody):
            self.request = loaded = replace(request, body=request.body.read())
            loaded.shared_head.extend(request.shared_head)


def tee_answer(error: TeeError, reason: str | None = None) -> Response:
    """The tee's own answer to an error: one line of text, with the reason slug in `X-Httptee-Error`.

    The answer to Max-Forwards has its own content. Each answer has a Date, as one of an origin server must (RFC 9110
    §6.6.1), so it is made when it is sent.
    """
    slug = reason or error.reason
    phrase = PHRASES[error.status]
    if isinstance(error, MaxForwards):
        body, kind = error.content, "message/http"
    else:
        body, kind = f"{error.status} {phrase}: {slug}\n".encode(), "text/plain; charset=utf-8"
    headers = [
        ("Date", formatdate(usegmt=True)),
        *([("Content-Type", kind)] if body else []),
        ("Content-Length", str(len(body))),
        (ERROR_FIELD, slug),
    ]
    if error.retry_after:
        headers.append(("Retry-After", str(error.retry_after)))
    return Response(error.status, phrase, headers, body, _no_close, slug)


def no_answer(reason: type[TeeError] = ClientGone) -> Response:
    """Stands for the answer to a request that was canceled. It is logged and never sent."""
    return Response(reason.status, PHRASES[reason.status], [], b"", _no_close, reason.reason)


def _from_descriptor(descriptor: int, length: int, offset: int) -> bytes:
    pieces = []
    while length > 0 and (piece := os.pread(descriptor, length, offset)):
        pieces.append(piece)  # mostly the only one: the kernel reads up to 2 GiB at once
        length -= len(piece)
        offset += len(piece)
    return b"".join(pieces)
