"""A pair as the bytes of a message, and back. What comes from an engine may be of anybody: it is only read as numbers,
texts and bytes.

The bytes are the key of the route, four lengths, the fields as JSON, then the bodies of the request and of both answers
as they are.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import orjson

from httptee.compare import Outcome
from httptee.http import FileBody, Headers, Request
from httptee.verdict.court import Pair
from httptee.verdict.fleet.parting import key_of

_HEAD = struct.Struct("<BIIIII")  # the format, the key, then the bytes of the fields and of the three bodies
_KEY = struct.Struct("<xI")
_FORMAT = 1
_LONGEST = 1024 * 1024  # bytes of a request's body; of a longer one only the length is sent


class MalformedPair(ValueError):
    """The bytes are no pair."""


def packed(pair: Pair) -> bytes:
    """The bytes of a pair, without its number. Raises ValueError if a text cannot be written."""
    request, a, b = pair.request, pair.a, pair.b
    kept = isinstance(request.body, bytes) and len(request.body) <= _LONGEST
    body = request.body if isinstance(request.body, bytes) and kept else b""
    fields = (
        (pair.backend, pair.route, pair.at, pair.b_at, pair.a_seconds, pair.b_seconds, pair.extra),
        (request.method, request.target, request.client, request.scheme, request.headers),
        len(request.body) if not kept else None,
        *map(_fields, (a, b)),
    )
    try:
        text = orjson.dumps(fields)
    except TypeError as error:  # orjson's own error is one
        raise ValueError(str(error)) from None
    bodies = body, a.body or b"", b.body or b""
    return b"".join((_HEAD.pack(_FORMAT, key_of(pair.route), len(text), *map(len, bodies)), text, *bodies))


def packed_key(data: bytes) -> int:
    """The key of the route in these bytes, without a look at the rest; 0 where there is none."""
    return int(_KEY.unpack_from(data)[0]) if len(data) >= _HEAD.size else 0


def unpacked(data: bytes, number: int = 0) -> Pair:
    """The pair that `packed` made these bytes of, with this number. Raises MalformedPair."""
    try:
        form, _, size, *sizes = _HEAD.unpack_from(data)
        at = _HEAD.size + size
        if form != _FORMAT or at + sum(sizes) != len(data):
            raise MalformedPair("the lengths do not agree")
        whole, asked, length, a, b = orjson.loads(data[_HEAD.size : at])
        bodies = []
        for each in sizes:
            bodies.append(data[at : at + each])
            at += each
        backend, route, came, b_came, a_seconds, b_seconds, extra = whole
        method, target, client, scheme, headers = asked
        body = bodies[0] if length is None else FileBody(BytesIO(), int(length))
        request = Request(_text(method), _text(target), _headers(headers), body, _text(client), _text(scheme))
        return Pair(
            number,
            _text(backend),
            _text(route),
            request,
            _outcome(a, bodies[1]),
            _outcome(b, bodies[2]),
            float(came),
            float(b_came),
            float(a_seconds),
            float(b_seconds),
            bool(extra),
        )
    except MalformedPair:
        raise
    except (struct.error, ValueError, TypeError) as error:
        raise MalformedPair(str(error)) from None


def _fields(outcome: Outcome) -> tuple[Any, ...]:
    kept = outcome.body is not None
    return outcome.status, outcome.headers, kept, outcome.length, outcome.digest.hex(), outcome.failure


def _outcome(fields: Any, body: bytes) -> Outcome:
    status, headers, kept, length, digest, failure = fields
    known = bytes.fromhex(digest)
    return Outcome(int(status), _headers(headers), body if kept else None, int(length), known, _text(failure))


def _headers(found: Any) -> Headers:
    return [(_text(name), _text(value)) for name, value in found]


def _text(found: Any) -> str:
    if not isinstance(found, str):
        raise MalformedPair(f"a text is missing, and there is {type(found).__name__}")
    return found
