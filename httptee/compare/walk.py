"""Two parsed bodies side by side, type-strict: 1, true and 1.0 differ. Without recursion, however deep they are."""

from __future__ import annotations

from collections.abc import Hashable
from decimal import Decimal
from typing import Any

import orjson

from httptee.compare.difference import Found
from httptee.compare.json_text import Dumps
from httptee.compare.json_text import dumps as json_dumps
from httptee.compare.lists import matched
from httptee.compare.paths import ANY_KEY, MANY, MARKUP, Style

TAGS = "*"
"""The member of an element of markup that holds the names of its child elements, in order."""

_ABSENT = object()
_NUMBERS = (int, float, Decimal)
_SHOWN = 9  # elements from the first that stands elsewhere
_FAILURE = 1 << 16
_BUDGET = 32 << 20  # bytes written in order to compare lists; beyond, elements are paired by place


def _kind_of_types(a: Any, b: Any) -> str:
    """1 and 1.0 differ in type. 2 and 2.5 differ in value: many programs write a float that is whole as an integer."""
    return "value" if type(a) in _NUMBERS and type(b) in _NUMBERS and a != b else "type"


class Walk:
    """One comparison. `dumps` writes a value as bytes, with its members sorted."""

    __slots__ = ("_budget", "_dumps", "_found", "_quick", "_stack", "_style")

    def __init__(self, found: Found, style: Style, dumps: Dumps) -> None:
        self._found = found
        self._style = style
        self._dumps = dumps
        self._quick = orjson.dumps if dumps is json_dumps else dumps
        self._stack: list[tuple[Any, Any, str, str]] = []
        self._budget = _BUDGET

    def compare(self, a: Any, b: Any, root: str) -> None:
        """Add every difference of `a` and `b`."""
        self._pair(a, b, root, root)
        while self._stack:
            a, b, path, place = self._stack.pop()
            if type(a) is dict:
                self._members(a, b, path, place)
            else:
                self._elements(a, b, path, place)

    def _pair(self, a: Any, b: Any, path: str, place: str) -> None:
        kind = type(a)
        if kind is not type(b):
            self._found.add("body", path, _kind_of_types(a, b), a, b, place)
        elif kind is dict or kind is list:
            self._stack.append((a, b, path, place))
        elif a != b:
            self._found.add("body", path, "value", a, b, place)

    def _members(self, a: dict[str, Any], b: dict[str, Any], path: str, place: str) -> None:
        style = self._style
        data = style.path(path, ANY_KEY, True) if len(a) > MANY or len(b) > MANY else ""
        shared = 0
        for name, value in a.items():
            other = b.get(name, _ABSENT)
            if other is _ABSENT:
                self._member("missing", value, None, data or style.path(path, name), place, name)
                continue
            shared += 1
            kind = type(value)
            if kind is not type(other):
                self._member(_kind_of_types(value, other), value, other, data or style.path(path, name), place, name)
            elif kind is dict or kind is list:
                if value or other:
                    self._stack.append((value, other, data or style.path(path, name), style.place(place, name)))
            elif value != other:
                if name == TAGS and style is MARKUP:
                    self._order_of_tags(value, other, path, place)
                else:
                    self._member("value", value, other, data or style.path(path, name), place, name)
        if shared < len(b):
            for name, other in b.items():
                if name not in a:
                    self._member("extra", None, other, data or style.path(path, name), place, name)

    def _member(self, kind: str, a: Any, b: Any, path: str, place: str, name: str) -> None:
        if self._style is MARKUP and name == TAGS:
            return
        if not self._found.again("body", path, kind):
            self._found.add("body", path, kind, a, b, self._style.place(place, name))

    def _order_of_tags(self, a: str, b: str, path: str, place: str) -> None:
        """Child elements are compared by name. That the same ones stand in another order is only seen here."""
        if sorted(a.split()) == sorted(b.split()):
            self._found.add("body", path, "order", a, b, place)

    def _elements(self, a: list[Any], b: list[Any], path: str, place: str) -> None:
        if len(a) == len(b) == 1:  # most elements of markup
            self._pair(a[0], b[0], self._style.elements(path), self._style.at(place, 0))
            return
        if len(a) == len(b):
            places = self._differing(a, b)
            for i in places if len(places) < 2 else ():
                self._pair(a[i], b[i], self._style.elements(path), self._style.at(place, i))
            if len(places) < 2:
                return
        left, right = self._tokens(a), self._tokens(b)
        if left is not None and left == right:
            return
        match = matched(a, b, left, right)
        if len(a) != len(b):
            self._found.add("body", path, "length", len(a), len(b), place)
        if match.order is not None:
            first, second = match.order
            self._found.add("body", path, "order", a[first : first + _SHOWN], b[second : second + _SHOWN], place)
        inner = self._style.elements(path)
        for i in match.missing:
            self._found.add("body", inner, "missing", a[i], None, self._style.at(place, i))
        for j in match.extra:
            self._found.add("body", inner, "extra", None, b[j], self._style.at(place, j))
        for i, j in match.pairs:
            self._pair(a[i], b[j], inner, self._style.at(place, i))

    def _differing(self, a: list[Any], b: list[Any]) -> list[int]:
        """The first two places at which lists of one length differ. Members in another order count here."""
        places: list[int] = []
        dumps = self._quick
        for i, (value, other) in enumerate(zip(a, b, strict=True)):
            kind = type(value)
            if kind is type(other) and (
                value == other if kind is not dict and kind is not list else self._same(value, other, dumps)
            ):
                continue
            places.append(i)
            if len(places) == 2:
                break
        return places

    def _same(self, value: Any, other: Any, dumps: Dumps) -> bool:
        """Whether two objects or lists are written alike; never true if that is impossible or too expensive."""
        if self._budget <= 0:
            return False
        try:
            written = dumps(value)
            self._budget -= len(written)
            return written == dumps(other)
        except (TypeError, ValueError, RecursionError):
            self._budget -= _FAILURE
            return False

    def _tokens(self, values: list[Any]) -> list[Hashable] | None:
        """For each element something that is equal for equal elements only; None where that is impossible or costly."""
        if self._budget <= 0:
            return None
        dumps = self._dumps
        try:
            tokens = [_token(value, dumps) for value in values]
        except (TypeError, ValueError, RecursionError):
            self._budget -= _FAILURE
            return None
        self._budget -= sum(len(token) if type(token) is bytes else 16 for token in tokens)
        return tokens


def _token(value: Any, dumps: Dumps) -> Hashable:
    kind = type(value)
    if kind is dict or kind is list:
        return dumps(value) + b"\n"  # orjson's own bytes keep 4 KiB each, however short; the sum is a copy
    token: Hashable = value if kind is str else (kind, value)
    return token
