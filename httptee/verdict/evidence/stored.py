"""A pair as it is kept: a value without credentials, and its form in the database."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from httptee.compare import Difference, Key, Outline, Scalar
from httptee.http import Headers

_LONGEST_BODIES = 64 << 20


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """A request, with placeholders for credentials. `body` is None if it was too long to be kept: see `length`.

    `note` says what was done to the body, if anything: then it is not what the client sent, byte for byte.
    """

    method: str
    target: str
    headers: Headers
    body: bytes | None
    length: int
    scheme: str = "http"
    note: str = ""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer, with placeholders for credentials. Its body is without content coding, as far as `note` says.

    An exchange that failed has the status 0 and its reason slug in `failure`.
    """

    status: int
    headers: Headers
    body: bytes | None
    length: int
    failure: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class StoredPair:
    """A pair as evidence. `keep` says how much of it is here: with `paths`, only the keys of the differences; with
    `values`, their values too; with `full`, the request, both answers, and those to the repeats.

    `id` is the id of the request, if a header field holds it (`-request-id-header`). `names` says for each placeholder
    under which name its credential stood. Times as in `verdict.Pair`.
    """

    number: int
    backend: str
    chapter: int
    route: str
    method: str
    at: float
    b_at: float
    a_seconds: float
    b_seconds: float
    keep: str
    found: tuple[Difference, ...] = ()
    request: StoredRequest | None = None
    a: StoredAnswer | None = None
    b: StoredAnswer | None = None
    again_a: StoredAnswer | None = None
    again_b: StoredAnswer | None = None
    again_at: float = 0.0
    delayed: bool = False
    names: dict[str, str] = field(default_factory=dict)
    id: str = ""


def packed(pair: StoredPair) -> tuple[str, bytes]:
    """The pair as JSON, and its bodies, compressed."""
    bodies: list[bytes] = []

    def message(one: StoredRequest | StoredAnswer | None) -> dict[str, Any] | None:
        if one is None:
            return None
        fields = {name: getattr(one, name) for name in one.__slots__ if name != "body"}
        if one.body is not None:
            fields["body"] = len(one.body)
            bodies.append(one.body)
        return fields

    head: dict[str, Any] = {name: getattr(pair, name) for name in _PLAIN}
    head["found"] = [[*one.key, _written(one.a), _written(one.b), one.place, one.times] for one in pair.found]
    head.update((name, message(getattr(pair, name))) for name in _MESSAGES)
    return json.dumps(head, separators=(",", ":")), zlib.compress(b"".join(bodies), 1) if bodies else b""


def unpacked(head: str, data: bytes) -> StoredPair:
    """The reverse of `packed`. Raises ValueError if it is damaged."""
    try:
        fields = json.loads(head)
        bodies = zlib.decompressobj().decompress(data, _LONGEST_BODIES) if data else b""
        at = 0
        for name in _MESSAGES:
            message = fields[name]
            if message is not None:
                length = message.get("body")
                message["body"] = None if length is None else bodies[at : at + length]
                at += length or 0
                message["headers"] = [(header, value) for header, value in message["headers"]]
                fields[name] = (StoredRequest if name == "request" else StoredAnswer)(**message)
        fields["found"] = tuple(_difference(*one) for one in fields["found"])
        return StoredPair(**fields)
    except (KeyError, TypeError, AttributeError, RecursionError, zlib.error) as error:
        raise ValueError(f"a damaged pair: {error}") from None


_MESSAGES: Sequence[str] = ("request", "a", "b", "again_a", "again_b")
_PLAIN = [name for name in StoredPair.__slots__ if name not in (*_MESSAGES, "found")]


def _written(value: Scalar) -> Any:
    """As JSON: bytes in a list, and the outline of an object or a list in an object."""
    if isinstance(value, Outline):
        return {"outline": value}
    return [value.decode("latin-1")] if isinstance(value, bytes) else value


def _difference(part: str, path: str, kind: str, a: Any, b: Any, place: str, times: int) -> Difference:
    return Difference(Key(part, path, kind), _read(a), _read(b), place, times)


def _read(value: Any) -> Scalar:
    if isinstance(value, dict):
        return Outline(value["outline"])
    read: Scalar = value[0].encode("latin-1") if isinstance(value, list) else value
    return read
