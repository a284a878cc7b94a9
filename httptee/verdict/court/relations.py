"""The differences of two outcomes, asked by place: do they agree there, and at which level?

A place that is missing on one side has no value there, and what lies below it neither. So differences above a place
count as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from httptee.compare import Difference, Key, differences
from httptee.verdict.court.pair import Again, Pair
from httptee.verdict.court.rules import is_below


class Place(NamedTuple):
    """Where and at which level answers may differ. `level` is a kind, but `missing` and `extra` are one: `presence`.

    They must be one, for the tests take A's and B's answers as exchangeable.
    """

    part: str
    path: str
    level: str


def place_of(key: Key) -> Place:
    """The place of a difference."""
    return Place(key.part, key.path, "presence" if key.kind in _PRESENCE else key.kind)


_PRESENCE = frozenset({"missing", "extra"})
_WHOLE = _PRESENCE | {"type"}
_EVERY = _WHOLE | {"value", "length", "order", "undecodable"}
_SEEN = {
    "presence": _PRESENCE,
    "type": _WHOLE,
    "length": _WHOLE | {"length"},
    "order": _WHOLE | {"length", "order"},
    "undecodable": frozenset({"undecodable"}),
}
"""The kinds of difference by which two answers differ at a level. At any other level it is every kind."""
_BREAKS = _WHOLE | {"undecodable"}  # nothing below these can be compared


class Differing:
    """Where two outcomes differ."""

    __slots__ = ("_at", "_breaks", "_uncompared", "places")

    def __init__(self, found: Sequence[Difference]) -> None:
        self._at: dict[tuple[str, str], dict[str, Difference]] = {}
        for each in found:
            self._at.setdefault(each.key[:2], {})[each.key.kind] = each
        self.places = {place_of(each.key): each for each in reversed(found)}
        self._breaks = [
            each.key[:2] for each in found if each.key.kind in _BREAKS or (each.key.part, each.key.path) == ("body", "")
        ]
        # Of two failures, or two statuses that mean different things, nothing else is compared.
        self._uncompared = bool(found) and all(each.key.part in ("outcome", "status") for each in found)

    def at(self, place: Place) -> bool:
        """Whether the outcomes differ at a place, or cannot be compared there."""
        here = self._at.get(place[:2])
        if here and not _SEEN.get(place.level, _EVERY).isdisjoint(here):
            return True
        if self._uncompared and place.part in ("header", "body"):
            return True
        return any(
            part == place.part and path != place.path and (not path or is_below(place.path, path))
            for part, path in self._breaks
        )

    def value(self, place: Place) -> Difference | None:
        """The difference of two values at a place, if there is one."""
        return self._at.get(place[:2], {}).get("value")


class Repeated:
    """A pair with what A and B answered once more, A2 and B2: where any two of them differ. `at`: when, wall clock.

    `more`: where A and further answers of B differ.
    """

    __slots__ = ("a2_b", "a2_b2", "a_a2", "a_b", "a_b2", "at", "found", "more", "pair")

    def __init__(self, pair: Pair, again: Again, found: Sequence[Difference]) -> None:
        self.pair, self.at, self.found = pair, again.at, found
        self.a_b = Differing(found)
        self.a_a2 = Differing(differences(pair.a, again.a))
        self.a2_b = Differing(differences(again.a, pair.b))
        self.a_b2 = Differing(differences(pair.a, again.b))
        self.a2_b2 = Differing(differences(again.a, again.b))
        self.more = [Differing(differences(pair.a, b)) for b in again.more]
