"""One recorded exchange: a request with what A answered, and its form as bytes.

All text is latin-1, one character for each byte, as in a `Request`. The bytes are three lengths, the fields as JSON,
then the two bodies as they are.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

import orjson

_LENGTHS = struct.Struct("<BIII")  # the format, and the bytes of the fields, of the request's body and of the answer's
_FORMAT = 1

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
    return joined(fields_text(fields), body, answer_body)


def fields_text(fields: tuple[object, ...]) -> bytes:
    """The fields of an exchange, in the order of `encode`, as text. Raises ValueError."""
    try:
        return orjson.dumps(fields)
    except TypeError as error:  # orjson's own error is one
        raise ValueError(str(error)) from None


def joined(text: bytes, body: bytes, answer_body: bytes) -> bytes:
    """The bytes of an exchange of the text of its fields and its bodies."""
    return b"".join((_LENGTHS.pack(_FORMAT, len(text), len(body), len(answer_body)), text, body, answer_body))


def decode(data: bytes) -> Exchange:
    """The exchange that `encode` made these bytes of. Raises MalformedExchange."""
    try:
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
