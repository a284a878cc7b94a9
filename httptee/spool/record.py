"""One clone as it is stored: the request as it came, before the changes of B's line. They are made when it is sent, so
a corrected configuration applies to what is spooled already. Pure."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import count
from struct import Struct
from urllib.parse import parse_qsl

from httptee.http import Request, WrittenRequest, value, values
from httptee.transport import request_head

_HEAD = Struct("<BBqHHII")  # the format, the flags, due, and the lengths of what follows
_FORMAT = 1
_HTTPS, _LATE = 1, 2  # flags
ID_FIELD = "X-Httptee-Spool-Id"
"""The field of each request from a spool. It is the same at each repeat, so a server can tell that it has it."""


_ID = b"\r\n" + ID_FIELD.lower().encode() + b":"


class MalformedClone(ValueError):
    """Bytes that are no stored clone."""


@value
class StoredClone:
    """A clone that was read. `lane` is what it must keep the order with. It must not be sent before `due`, in
    nanoseconds since the epoch. `late`: it was sent before, and clones that came after it may be stored before it."""

    lane: str
    client: str
    scheme: str
    due: int
    head: bytes
    body: bytes
    late: bool = False

    @property
    def method(self) -> str:
        """The request method."""
        return self.head.split(b" ", 1)[0].decode("latin-1")

    @property
    def target(self) -> str:
        """The request target."""
        return self.head.split(b" ", 2)[1].decode("latin-1")

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The header fields in their order."""
        lines = self.head.decode("latin-1")[:-4].split("\r\n")[1:]
        return [(name, value) for name, _, value in (line.partition(": ") for line in lines)]

    @property
    def size(self) -> int:
        """About how many bytes it takes, in memory and on the disk."""
        return 200 + len(self.lane) + len(self.head) + len(self.body)

    def packed(self) -> bytes:
        """The bytes of which `decode` makes it again."""
        flags = _HTTPS * (self.scheme == "https") + _LATE * self.late
        return _packed(flags, self.due, self.lane, self.client, self.head, self.body)

    def request(self, spool_id: str) -> Request:
        """The request to send, with its id."""
        head, written = self.head, f"{ID_FIELD}: {spool_id}\r\n\r\n".encode("latin-1")
        if _ID in head.lower():
            headers = [pair for pair in self.headers if pair[0].lower() != ID_FIELD.lower()]
            head = request_head(self.method, self.target, headers)
        return _Repeated(self, head[:-2] + written)


def encode(request: Request, lane: str, due: int = 0, *, late: bool = False) -> bytes:
    """A request as bytes. Raises ValueError if it is not valid HTTP/1, or its body is still in a file."""
    if not isinstance(request.body, bytes):
        raise ValueError("the body is in a file")
    written = request.shared_head
    if not written:
        written.append(request_head(request.method, request.target, request.headers))  # another B may need it
    head = written[0]
    return _packed(_HTTPS * (request.scheme == "https") + _LATE * late, due, lane, request.client, head, request.body)


def _packed(flags: int, due: int, lane: str, client: str, head: bytes, body: bytes) -> bytes:
    key, peer = lane.encode("latin-1", "replace")[:0xFFFF], client.encode("latin-1", "replace")[:0xFFFF]
    numbers = _HEAD.pack(_FORMAT, flags, due, len(key), len(peer), len(head), len(body))
    return b"".join((numbers, key, peer, head, body))


def decode(data: bytes) -> StoredClone:
    """The clone that `encode` made these bytes of. Raises MalformedClone."""
    try:
        form, flags, due, key, peer, size, rest = _HEAD.unpack_from(data)
    except struct.error:
        raise MalformedClone("the record is too short") from None
    after_lane = _HEAD.size + key
    after_client = after_lane + peer
    after_head = after_client + size
    if form != _FORMAT or after_head + rest != len(data):
        raise MalformedClone("the lengths do not agree")
    lane, client = data[_HEAD.size : after_lane], data[after_lane:after_client]
    head, body = data[after_client:after_head], data[after_head:]
    if head.count(b" ", 0, head.find(b"\r\n")) != 2 or not head.endswith(b"\r\n\r\n"):
        raise MalformedClone("the head is no request")
    scheme = "https" if flags & _HTTPS else "http"
    return StoredClone(lane.decode("latin-1"), client.decode("latin-1"), scheme, due, head, body, bool(flags & _LATE))


class _Repeated(WrittenRequest):
    """A stored clone with its id. If B's line changes nothing, its head is sent as it is."""

    __slots__ = ()

    def __init__(self, clone: StoredClone, head: bytes) -> None:
        method, target, _ = head.split(b" ", 2)
        given = (method.decode("latin-1"), target.decode("latin-1"), clone.body, clone.client, clone.scheme)
        for name, each in zip(_SET, (*given, next(_numbers), (), "", [head]), strict=True):
            setattr(self, name, each)  # to make a Request and copy it would take several times as long


_SET = ("method", "target", "body", "client", "scheme", "number", "upgrade", "port", "shared_head")
_numbers = count(1)
Lane = Callable[[Request, str], str]
"""What a request must keep the order with, by the request and a name of its client's connection."""


def lane_of(text: str) -> Lane:
    """The lane by its name in the settings: `connection`, `client`, `header:NAME`, `query:NAME` or `all`."""
    kind, _, name = text.partition(":")
    if kind == "connection":
        return lambda request, connection: f"{request.client}:{connection}"
    if kind == "client":
        return lambda request, connection: request.client
    if kind == "header":
        return lambda request, connection: next(iter(values(request.headers, name.lower())), "")
    if kind == "query":
        return lambda request, connection: _parameter(request, name)
    return lambda request, connection: ""


def _parameter(request: Request, name: str) -> str:
    query = request.target.partition("?")[2]
    return dict(reversed(parse_qsl(query, encoding="latin-1"))).get(name, "")
