"""One recorded exchange: a request with what A answered, and its form as bytes.

All text is latin-1, one character for each byte, as in a `Request`. There are three formats. `encode` makes the first:
three lengths, the fields as JSON, then the two bodies as they are.

The tee makes rows: numbers, and the bytes of both heads. The thread that answers a client only collects what there is:
the head that was sent to A, and the one that A has sent. Nothing is looked at there, so secrets are still in them. What
waits must hold little, so it is bytes: lists of header fields with all their texts would be missing for the next
request, and each garbage collection would visit them. Where there is no head of A's, its fields are lines in a row
of the second format.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Any

import orjson

from httptee.http import Request, Response
from httptee.quick import ROW, ROW_FORMAT, rows
from httptee.recording.heads import answer_of, answer_text, divided, fields_in, passed_on
from httptee.transport import request_head

_LENGTHS = struct.Struct("<BIII")  # the format, and the bytes of the fields, of the request's body and of the answer's
_FORMAT = 1
_LINES = 2  # the format of a row whose answer's head is lines
_ROWS = frozenset({_LINES, ROW_FORMAT})
_VERSION = " HTTP/1.1"  # behind the target of each request that the tee sends
_ARRIVAL = slice(1, 9)  # of a row
_lengths = struct.Struct("<HIIII").unpack_from
_SIZES = ROW.size - 18  # where the lengths are in a row

Fields = tuple[tuple[str, str], ...]
"""Header fields in wire order: case, order and duplicates as received."""


class MalformedExchange(ValueError):
    """The bytes are no exchange."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A body: the bytes that were kept, and the length of the whole.

    `data` is the whole body, or empty if the body was too long or broke off before it was whole; then `digest` is the
    SHA-256 of the whole, if it is known. Where nothing was cut, `digest` is empty.
    """

    data: bytes = b""
    length: int = 0
    digest: bytes = b""

    @property
    def whole(self) -> bool:
        """Whether `data` is the whole body."""
        return len(self.data) == self.length

    @classmethod
    def of(cls, body: bytes, most: int | None = None) -> Kept:
        """A body kept whole, or by its length and digest if it has more than `most` bytes."""
        if most is None or len(body) <= most:
            return cls(body, len(body))
        return cls(b"", len(body), hashlib.sha256(body).digest())


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as A got it, and A's answer as the client got it.

    `connection` is unique in the recording, and `place` is the number of the request on it, from 1. `arrived` is in
    nanoseconds since the epoch. `first_byte` and `ended` are in nanoseconds after `arrived`: the head of A's answer,
    and the end of its body; -1 where there was none. `target` is the raw request target. `status` is 0 where A gave no
    answer; `error` is then the tee's reason. Where A's answer broke off, or its client has gone, both are set.
    `origin` is empty, or JSON: what a file of another format held besides, see `recording.formats`.
    """

    connection: int
    place: int
    client: str
    arrived: int
    first_byte: int
    ended: int
    method: str
    target: str
    headers: Fields
    body: Kept
    status: int
    reason: str
    answer_headers: Fields
    answer_body: Kept
    error: str = ""
    origin: str = ""


def encode(exchange: Exchange) -> bytes:
    """The exchange as bytes. Raises ValueError if a text is not latin-1 or a number is out of range."""
    one, other = exchange.body, exchange.answer_body
    fields = (
        exchange.connection, exchange.place, exchange.client, exchange.arrived, exchange.first_byte, exchange.ended,
        exchange.method, exchange.target, exchange.headers, exchange.status, exchange.reason, exchange.answer_headers,
        exchange.error, exchange.origin, one.length, one.digest.hex(), other.length, other.digest.hex(),
    )  # fmt: skip
    return packed(fields, one.data, other.data)


def packed(fields: tuple[object, ...], body: bytes, answer_body: bytes) -> bytes:
    """The bytes of an exchange whose fields are in the order of `encode`. To make an `Exchange` first costs as much
    again as this. Raises ValueError."""
    try:
        text = orjson.dumps(fields)
    except TypeError as error:  # orjson's own error is one
        raise ValueError(str(error)) from None
    return b"".join((_LENGTHS.pack(_FORMAT, len(text), len(body), len(answer_body)), text, body, answer_body))


def decode(data: bytes) -> Exchange:
    """The exchange that `encode` or `row_of` made these bytes of. Raises MalformedExchange."""
    try:
        if data and data[0] in _ROWS:
            return _unflattened(data)
        form, fields_size, body_size, answer_size = _LENGTHS.unpack_from(data)
        start = _LENGTHS.size + fields_size
        end = start + body_size
        if form != _FORMAT or end + answer_size != len(data):
            raise MalformedExchange("the lengths do not agree")
        (connection, place, client, arrived, first_byte, ended, method, target, headers, status, reason,
         answer_headers, error, origin, length, digest, answer_length, answer_digest) = orjson.loads(
            data[_LENGTHS.size : start]
        )  # fmt: skip
        return Exchange(
            connection, place, client, arrived, first_byte, ended, method, target,
            tuple(map(tuple, headers)), Kept(data[start:end], length, bytes.fromhex(digest)), status, reason,
            tuple(map(tuple, answer_headers)), Kept(data[end:], answer_length, bytes.fromhex(answer_digest)),
            error, origin,
        )  # fmt: skip
    except (struct.error, ValueError, TypeError) as error_:
        raise MalformedExchange(str(error_)) from None


def connection_of(data: bytes) -> int:
    """The connection of the exchange in these bytes, without reading the rest. Raises MalformedExchange."""
    try:
        if data[0] in _ROWS:
            return int(ROW.unpack_from(data)[3])
        start = _LENGTHS.size + 1
        return int(data[start : data.index(b",", start)])
    except (struct.error, ValueError, IndexError) as error:
        raise MalformedExchange(str(error)) from None


def _unflattened(data: bytes) -> Exchange:
    format_, arrived, now, connection, place, status, *lengths = ROW.unpack_from(data)
    start, texts = ROW.size, []
    for length in lengths:
        texts.append(data[start : start + length])
        start += length
    if start != len(data):
        raise MalformedExchange("the lengths do not agree")
    client, answer, head, asked, body = texts
    line, fields = divided(head)
    method, _, target = line.decode("latin-1").removesuffix(_VERSION).partition(" ")
    if format_ == _LINES:
        reason, error, answered = answer_of(answer)
    else:
        (reason, answered), error = passed_on(answer, method, status, len(body)), ""
    return Exchange(
        connection, place, client.decode("latin-1"), arrived, now, now, method, target, tuple(fields_in(fields)),
        Kept.of(asked), status, reason, tuple(answered), Kept.of(body), error,
    )  # fmt: skip


def end_of(via: str) -> bytes:
    """What the tee has added at the end of a request's head, for `rows`, by what it adds to Via, or empty."""
    return f"\r\nVia: {via}\r\n\r\n".encode("latin-1") if via else b""


def row_of(
    request: Request,
    response: Response,
    place: tuple[int, int],
    arrived: int,
    now: int,
    base: int = 0,
    own: bytes = b"",
) -> bytes:
    """The row of an exchange with both bodies in memory; see `rows` for the rest. Raises ValueError if a head that the
    tee has only as texts cannot be told as lines of latin-1, and OverflowError."""
    written, head = request.shared_head, response.head
    asked: Any = request.body
    body: Any = response.body
    status = response.status
    if not written:
        written.append(request_head(request.method, request.target, request.headers))  # a B may need it
    if response.error:
        status, body, now = 0, b"", -1
    answer = head or _lines(response)
    row = rows([(arrived, now, place, status, request.client, answer, written[0], asked, body)], base, own)
    return row if head else bytes((_LINES,)) + row[1:]


def _lines(response: Response) -> bytes:
    error = response.error
    text = answer_text("" if error else response.reason, error, () if error else response.headers)
    if text.count(b"\n") != 1 + (0 if error else 2 * len(response.headers)):
        raise ValueError("LF in the head of an answer")
    return text


def arrival(data: bytes) -> int:
    """When the request of a row arrived."""
    return int.from_bytes(data[_ARRIVAL], "little", signed=True)


def row_at(data: bytes, start: int) -> bytes:
    """The row that begins there, in the bytes of rows one behind the other. Raises MalformedExchange."""
    if len(data) - start < ROW.size:
        raise MalformedExchange("a row is too short")
    end = start + ROW.size + sum(_lengths(data, start + _SIZES))
    if end > len(data):
        raise MalformedExchange("a row has no end")
    return data[start:end]
