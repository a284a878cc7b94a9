"""JSON with its members in the order of another document's. Their order means nothing, and would hide what differs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+|"', re.DOTALL)
_DEEPEST = 100


@dataclass(frozen=True, slots=True)
class _Object:
    """Members as they were written: keys in their quotes, also twice."""

    members: list[tuple[str, _Value]]


@dataclass(frozen=True, slots=True)
class _List:
    items: list[_Value]


_Value = _Object | _List | str


@dataclass(slots=True)
class _Order:
    """Where each key came first in the objects at one place, and the places below it. The items of a list are one."""

    ranks: dict[str, int] = field(default_factory=dict)
    below: dict[str, _Order] = field(default_factory=dict)

    def learn(self, value: _Value) -> None:
        """Take over the order of a document."""
        for key, inner in _inner(value):
            if isinstance(value, _Object):
                self.ranks.setdefault(key, len(self.ranks))
            self.below.setdefault(key, _Order()).learn(inner)

    def text(self, value: _Value) -> str:
        """A document in this order. What is not in it comes last, except where nothing has to be moved."""
        if isinstance(value, str):
            return value
        parts = [(key, self.below.get(key, _NONE).text(inner)) for key, inner in _inner(value)]
        if isinstance(value, _List):
            return f"[{','.join(text for _, text in parts)}]"
        known = [self.ranks[key] for key, _ in parts if key in self.ranks]
        if known != sorted(known):
            parts.sort(key=lambda part: self.ranks.get(part[0], len(self.ranks)))
        return f"{{{','.join(f'{key}:{text}' for key, text in parts)}}}"


_NONE = _Order()


def in_order_of(text: str, other: str) -> str:
    """The text with the members of its objects in the order in which the other one has them. Strings and numbers stay
    as they were written. A text that is not valid JSON, or very deep, is returned as it is."""
    order = _Order()
    try:
        for value in _values(other):
            order.learn(value)
        return "\n".join(order.text(value) for value in _values(text))
    except ValueError:
        return text


def _inner(value: _Value) -> Iterator[tuple[str, _Value]]:
    """What is in a value. The items of a list have no key."""
    if isinstance(value, _Object):
        yield from value.members
    elif isinstance(value, _List):
        yield from (("", item) for item in value.items)


def _values(text: str) -> Iterator[_Value]:
    """The documents of a text: one, or lines of JSON. Raises ValueError."""
    tokens = _TOKEN.findall(text)[::-1]
    while tokens:
        yield _value(tokens, 0)


def _value(tokens: list[str], depth: int) -> _Value:
    """The next value; its tokens are taken off the end."""
    token = _next(tokens)
    if depth > _DEEPEST or token in ('"', ",", ":", "]", "}"):
        raise ValueError(token)
    if token == "[":
        return _List([_value(tokens, depth + 1) for _ in _each(tokens, "]")])
    if token == "{":
        return _Object([(_key(tokens), _value(tokens, depth + 1)) for _ in _each(tokens, "}")])
    return token


def _each(tokens: list[str], end: str) -> Iterator[None]:
    """Once for each value up to the closing bracket."""
    if tokens and tokens[-1] == end:
        tokens.pop()
        return
    while True:
        yield
        token = _next(tokens)
        if token == end:
            return
        if token != ",":
            raise ValueError(token)


def _key(tokens: list[str]) -> str:
    key = _next(tokens)
    if len(key) < 2 or key[0] != '"' or _next(tokens) != ":":
        raise ValueError(key)
    return key


def _next(tokens: list[str]) -> str:
    if not tokens:
        raise ValueError("the end")
    return tokens.pop()
