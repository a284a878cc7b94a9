"""Which element of one list belongs to which of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

_IDS = (
    "id",
    "_id",
    "uuid",
    "guid",
    "key",
    "name",
    "code",
    "sku",
    "slug",
    "email",
    "url",
    "href",
    "@id",
    "@name",
    "@href",
)


@dataclass(frozen=True, slots=True)
class Match:
    """Pairs of indexes that are to be compared. Elements known to be equal are in none.

    `order` are the indexes from which on the elements that both lists have come in another order, or None. `missing`
    and `extra` are elements that only one list has, where the lengths alone do not tell it.
    """

    pairs: Sequence[tuple[int, int]]
    order: tuple[int, int] | None = None
    missing: Sequence[int] = ()
    extra: Sequence[int] = ()


def matched(a: list[Any], b: list[Any], left: list[Hashable] | None, right: list[Hashable] | None) -> Match:
    """Equal elements belong together; then those with the same id; then those at the same place.

    `left` and `right` hold for each element something that is equal for equal elements only. If they are None, there is
    only the id or the place.
    """
    if left is None or right is None:
        return _by_id(a, b) or Match(list(zip(range(len(a)), range(len(b)), strict=False)))
    rest, others = _left_over(left, right), _left_over(right, left)
    if rest and others:
        by_id = _by_id(a, b)
        if by_id is not None:
            pairs = [(i, j) for i, j in by_id.pairs if left[i] != right[j]]
            return Match(pairs, by_id.order, by_id.missing, by_id.extra)
    order = _order(_without(left, rest), _without(right, others))
    return Match(list(zip(rest, others, strict=False)), order)


def _left_over(values: list[Hashable], others: list[Hashable]) -> list[int]:
    """The indexes of values that the others do not have, or not as often. Those at the same place go first."""
    free = Counter(others)
    rest: list[int] = []
    for i, value in enumerate(values):
        if i < len(others) and others[i] == value:
            free[value] -= 1
    for i, value in enumerate(values):
        if i < len(others) and others[i] == value:
            continue
        if free[value] > 0:
            free[value] -= 1
        else:
            rest.append(i)
    return rest


def _without(values: list[Hashable], rest: list[int]) -> list[tuple[int, Hashable]]:
    left_out = set(rest)
    return [(i, value) for i, value in enumerate(values) if i not in left_out]


def _order(a: list[tuple[int, Hashable]], b: list[tuple[int, Hashable]]) -> tuple[int, int] | None:
    """Where two lists of (index, value) that have the same values come apart."""
    for (i, first), (j, second) in zip(a, b, strict=False):
        if first != second:
            return i, j
    return None


def _by_id(a: list[Any], b: list[Any]) -> Match | None:
    """Elements paired by a member that identifies them, or None if there is no such member."""
    for name in _candidates(a, b):
        left, right = _ids(a, name), _ids(b, name)
        if left is None or right is None:
            continue
        both = [identity for identity in left if identity in right]
        if 2 * len(both) >= min(len(a), len(b)):
            return _paired(left, right, both)
    return None


def _paired(left: dict[Hashable, int], right: dict[Hashable, int], both: list[Hashable]) -> Match:
    shared = set(both)
    missing = [i for identity, i in left.items() if identity not in shared]
    extra = [j for identity, j in right.items() if identity not in shared]
    order = _order([(left[x], x) for x in both], [(j, x) for x, j in right.items() if x in shared])
    pairs = [(left[x], right[x]) for x in both]
    if missing == extra:  # the same places: the ids themselves differ
        return Match(pairs + list(zip(missing, extra, strict=False)), order)
    if missing and extra:
        return Match(pairs, order, missing, extra)
    return Match(pairs, order)


def _candidates(a: list[Any], b: list[Any]) -> list[str]:
    if not a or not b or type(a[0]) is not dict or type(b[0]) is not dict:
        return []
    names = [name for name in _IDS if name in a[0]]
    return names + [name for name in a[0] if name.endswith(("_id", "Id", "ID")) and name not in _IDS][:3]


def _ids(values: list[Any], name: str) -> dict[Hashable, int] | None:
    """The index of each id, or None unless every element has one of its own. 1 and "1" are different ids."""
    found: dict[Hashable, int] = {}
    for i, value in enumerate(values):
        identity = value.get(name) if type(value) is dict else None
        if type(identity) is not str and type(identity) is not int:
            return None
        found[identity] = i
    return found if len(found) == len(values) else None
