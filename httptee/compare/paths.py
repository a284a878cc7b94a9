"""How places in a body are written: `$.items[].price` in JSON and forms, `/html/body/p/text()` in markup.

A path holds no white space, no quotation mark `'` and no `#`, so that a rule of the operator can name it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache

from httptee.compare.segments import MAX_NAME, placeholder

ANY_KEY = "{key}"
"""Stands for the name of a member that is data: an id, or one of very many."""

MANY = 64
"""Members. All names in a larger object are data: `$.prices.{key}`."""

_MAX_PATH = 400
_DEEP = "{deep}"
_PLAIN = re.compile(r"[^\W\d][\w-]*")
_UNSAFE = re.compile(r"[\s'#\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Style:
    """How a path goes on from an object to a member, and how a place goes on from a list to an element."""

    member: str
    element: str
    first: int

    def path(self, path: str, name: str, data: bool = False) -> str:
        """The path of the member `name`; `data`: its name is data in any case."""
        if len(path) > _MAX_PATH:
            return path if path.endswith(_DEEP) else path + _DEEP
        return path + _written(self.member, ANY_KEY if data else name)

    def place(self, place: str, name: str) -> str:
        """The place of the member `name`."""
        return place if len(place) > _MAX_PATH else place + _written_as_is(self.member, name)

    def elements(self, path: str) -> str:
        """The path of the elements of the list at `path`."""
        return path if len(path) > _MAX_PATH else path + self.element

    def at(self, place: str, index: int) -> str:
        """The place of one element."""
        return place if len(place) > _MAX_PATH else f"{place}[{index + self.first}]"


JSON = Style(".", "[]", 0)
MARKUP = Style("/", "", 1)


@lru_cache(maxsize=4096)
def _written(separator: str, name: str) -> str:
    return separator + ANY_KEY if placeholder(name) else _written_as_is(separator, name)


@lru_cache(maxsize=4096)
def _written_as_is(separator: str, name: str) -> str:
    name = name if len(name) <= MAX_NAME else name[:MAX_NAME] + "…"
    if separator == "/":
        return "/" + _UNSAFE.sub("_", name.encode("utf-8", "replace").decode())
    if _PLAIN.fullmatch(name) or name == ANY_KEY:
        return separator + name
    return f"[{_UNSAFE.sub(_escaped, json.dumps(name))}]"


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
