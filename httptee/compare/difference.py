"""Differences between two answers: one for each key, and a bound on their number."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2s
from itertools import islice
from typing import NamedTuple

Scalar = str | int | float | bool | bytes | None

MAX_KEYS = 200
"""Keys of one pair. All differences beyond are one more key."""

MORE = "{more}"
"""The path that stands for all differences beyond the limit."""

_MAX_TEXT = 200
_KEPT = 120
_MEMBERS = 4


class Key(NamedTuple):
    """Where answers differ, and how: differences with the same key are counted together.

    `part` is `outcome` (one side failed), `status`, `header` or `body`. `path` is empty, the name of a header field in
    lower case, or the place in a body without indexes: `$.items[].price`. `kind` is `value`, `type`, `missing` (B lacks
    it), `extra` (only B has it), `length`, `order` or `undecodable`.
    """

    part: str
    path: str
    kind: str


class Outline(str):
    """The short text of an object or a list. It stands for itself: a reader gets it without the quotes of a string."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """The first instance of a key in one pair of answers: the values `a` and `b`, and how often the key occurs in it.

    `place` is the path with indexes. A value that one side lacks is None. Of an object or a list, the value is a short
    text of it.
    """

    key: Key
    a: Scalar
    b: Scalar
    place: str = ""
    times: int = 1


class Found:
    """The differences of one pair, in the order in which they were found; at most `limit` keys and one more."""

    __slots__ = ("_limit", "_seen")

    def __init__(self, limit: int = MAX_KEYS) -> None:
        self._limit = limit
        self._seen: dict[Key, tuple[Difference, list[int]]] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, part: str, path: str, kind: str, a: object, b: object, place: str = "") -> None:
        """Count a difference. The values of the first one are kept, shortened."""
        key = Key(part, path, kind)
        seen = self._seen.get(key)
        if seen is None and len(self._seen) >= self._limit:
            key = Key(part, MORE, "value")
            seen = self._seen.get(key)
        if seen is None:
            self._seen[key] = (Difference(key, shown(a), shown(b), place), [1])
        else:
            seen[1][0] += 1

    def again(self, part: str, path: str, kind: str) -> bool:
        """Count a difference if its key is known. If it is not, the caller calls `add`, with what that costs."""
        seen = self._seen.get(Key(part, path, kind))
        if seen is not None:
            seen[1][0] += 1
        return seen is not None

    def all(self) -> list[Difference]:
        """Every key's first difference, with the number of times the key occurred."""
        return [
            first if times == [1] else Difference(first.key, first.a, first.b, first.place, times[0])
            for first, times in self._seen.values()
        ]


def shown(value: object) -> Scalar:
    """A value as a difference keeps it: short, and different values stay different texts.

    A long text is cut, with its length and a digest. Of an object or a list there is a short text.
    """
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= 64 else shown(_digits(value))
    if isinstance(value, Decimal):
        return float(value) if Decimal(repr(float(value))) == value else _short(str(value))
    if isinstance(value, bytes):
        return value if len(value) <= _MAX_TEXT else f"{len(value)} bytes, {_digest(value)}"
    if isinstance(value, (dict, list)):
        return Outline(_outline(value))
    return _short(str(value))


def _short(text: str) -> str:
    data = text.encode("utf-8", "backslashreplace")  # a lone surrogate could not be written anywhere
    if len(text) > _MAX_TEXT:
        return f"{data.decode()[:_KEPT]}… ({len(text)} characters, {_digest(data)})"
    return data.decode()


def _outline(value: dict[str, object] | list[object]) -> str:
    """The first members, those that are objects or lists themselves as `{…}` and `[…]`."""
    if isinstance(value, dict):
        members = [f"{_quoted(str(name))}: {_member(member)}" for name, member in islice(value.items(), _MEMBERS)]
        opened, closed = "{", "}"
    else:
        members = [_member(member) for member in value[:_MEMBERS]]
        opened, closed = "[", "]"
    more = len(value) - len(members)
    return opened + ", ".join(members + ([f"… {more} more"] if more > 0 else [])) + closed


def _member(value: object, inner: bool = True) -> str:
    """A scalar as in JSON. Of an object inside there is the first member, which often identifies it."""
    if isinstance(value, dict):
        if not inner or len(value) < 1:
            return "{…}" if value else "{}"
        name, first = next(iter(value.items()))
        return f"{{{_quoted(str(name))}: {_member(first, False)}{', …' if len(value) > 1 else ''}}}"
    if isinstance(value, list):
        return "[…]" if value else "[]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return _quoted(value) if isinstance(value, str) else str(shown(value))


def _quoted(text: str) -> str:
    return json.dumps(_short(text), ensure_ascii=False)


def _digits(number: int) -> str:
    """A large integer as text: str() refuses more than 4,300 digits."""
    return str(number) if number.bit_length() < 4096 else hex(number)


def _digest(data: bytes) -> str:
    return blake2s(data, digest_size=6).hexdigest()
