"""One recorded exchange: a request with what A answered, and its form as bytes.

All text is latin-1, one character for each byte, as in a `Request`. The bytes are three lengths, the fields as JSON,
then the two bodies as they are.

The tee uses a second format, with the values in another order. The thread that answers a client makes its JSON, so
nothing is looked at there, and secrets are still in it. What waits for its record must hold little: lists of header
fields with all their texts would be missing for the next request, and each garbage collection would visit them.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Any

import orjson

from httptee.http import Headers, Request, Response

_LENGTHS = struct.Struct("<BIII")  # the format, and the bytes of the fields, of the request's body and of the answer's
_FORMAT, _FLAT = 1, 2

Fields = tuple[tuple[str, str], ...]
"""Header fields in wire order: case, order and duplicates as received."""

Flat = tuple[bytes, bytes, bytes]
"""The text, the request's body and the answer's body."""

_dumps = orjson.dumps
# What stands behind the fields of the request, also where the answer has none, and behind those of the answer. A text
# from outside may contain them too.
_AFTER_REQUEST, _NOT_ANSWERED, _AFTER_ANSWER = b'"]],[["', b'"]],[],"', b'"]],"'
_CLOSED = 3  # bytes of them that belong to the fields


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
    """The exchange that `encode` or `flat` made these bytes of. Raises MalformedExchange."""
    try:
        if data and data[0] == _FLAT:
            return _unflattened(parts(data))
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


def _unflattened(found: Flat) -> Exchange:
    text, asked, body = found
    fields, answered, client, connection, place, arrived, now, method, target, status, reason, error = orjson.loads(
        text
    )
    return Exchange(
        connection, place, client, arrived, now, now, method, target, tuple(map(tuple, fields)), Kept.of(asked), status,
        reason, tuple(map(tuple, answered)), Kept.of(body), error,
    )  # fmt: skip


def flat(
    request: Request,
    response: Response,
    place: tuple[int, int],
    arrived: int,
    now: int,
    base: int,
    via: tuple[str, str],
) -> Flat:
    """An exchange with both bodies in memory. Raises TypeError for what is no text.

    `base` is added to the number of the connection. `via` is the field that the tee has added last, which goes.
    """
    headers: Headers = request.headers
    if headers and headers[-1] == via:
        headers = headers[:-1]
    asked: Any = request.body
    body: Any = response.body
    status, reason, answered = response.status, response.reason, response.headers
    if response.error:
        status, reason, answered, body, now = 0, "", [], b"", -1
    return _dumps((
        headers, answered, request.client, base + place[0], place[1], arrived, now, request.method, request.target,
        status, reason, response.error,
    )), asked, body  # fmt: skip


def divided(text: bytes) -> tuple[bytes, bytes, bytes] | None:
    """The fields of the request, those of the answer, and the rest, each of them JSON. None where one has no fields, or
    where it cannot be told without a look at every string."""
    asked = text.find(_AFTER_REQUEST)
    answered = text.find(_AFTER_ANSWER, asked + _CLOSED)
    if (
        not text.startswith(b"[[[")
        or _NOT_ANSWERED in text
        or asked != text.rfind(_AFTER_REQUEST)  # not `count`: two of them may share a quote
        or answered != text.rfind(_AFTER_ANSWER)
        or not 0 < asked < answered
    ):
        return None
    middle, end = asked + _CLOSED, answered + _CLOSED
    return text[1:middle], text[middle + 1 : end], b"[%b" % text[end + 1 :]


def put_together(fields: bytes, answered: bytes, rest: bytes) -> bytes:
    """The text that is divided so."""
    return b"[%b,%b,%b" % (fields, answered, rest[1:])


def record_of(text: bytes, asked: bytes, body: bytes) -> bytes:
    """The bytes of a record. Raises struct.error."""
    return b"".join((_LENGTHS.pack(_FLAT, len(text), len(asked), len(body)), text, asked, body))


def parts(data: bytes) -> Flat:
    """What `record_of` made these bytes of. Raises ValueError, and struct.error if they are too short."""
    form, text, asked, body = _LENGTHS.unpack_from(data)
    start = _LENGTHS.size + text
    end = start + asked
    if form != _FLAT or end + body != len(data):
        raise ValueError("the lengths do not agree")
    return data[_LENGTHS.size : start], data[start:end], data[end:]


def fields_in(text: bytes) -> Fields:
    """The header fields in a part of a text. Raises ValueError."""
    return tuple((name, value) for name, value in orjson.loads(text))
