"""One difference between two answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Union

Scalar = Union[str, int, float, bool, bytes, None]


class Key(NamedTuple):
    """Where answers differ, and how: differences with the same key are counted together.

    `part` is `outcome` (one side failed), `status`, `header` or `body`. `path` is empty, the name of a header field in
    lower case, or the place in a body without indexes: `$.items[].price`. `kind` is `value`, `type`, `missing` (B lacks
    it), `extra` (only B has it), `length`, `order` or `undecodable`.
    """

    part: str
    path: str
    kind: str


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
