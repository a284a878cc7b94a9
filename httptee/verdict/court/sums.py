"""What the worker processes have counted for one route and one B, added up over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from itertools import zip_longest
from typing import Any


@dataclass(frozen=True, slots=True)
class RouteSums:
    """Counts of one route. `chosen`: pairs that were to be compared, decided before B's answer was known. `judged`:
    those that were compared, `equal` plus `unequal`. `lost`: unequal pairs that did not reach the judge. `requests`:
    all that were offered to this B.

    Latency, see `latency.Toss`: `blocks` of pairs, of which `slower` are beyond the margin and `quick` are within it,
    with the sums of their `_odds` and of the `_stake` of all of them, in millionths. `tail_blocks` and `tail_slower`
    are about long times, `beyond_blocks` and `beyond_slower` about those of a server at the margin. The histograms
    count times to the head of the answers.
    """

    requests: int = 0
    chosen: int = 0
    equal: int = 0
    unequal: int = 0
    lost: int = 0
    blocks: int = 0
    slower: int = 0
    quick: int = 0
    tail_blocks: int = 0
    tail_slower: int = 0
    beyond_blocks: int = 0
    beyond_slower: int = 0
    slower_odds: int = 0
    quick_odds: int = 0
    small_stake: int = 0
    middle_stake: int = 0
    large_stake: int = 0
    a_times: Sequence[int] = field(default_factory=tuple)
    b_times: Sequence[int] = field(default_factory=tuple)

    def __add__(self, other: RouteSums) -> RouteSums:
        """The counts of two routes that are one."""
        return RouteSums(**{each.name: _added(getattr(self, each.name), getattr(other, each.name)) for each in _FIELDS})

    @property
    def judged(self) -> int:
        """Pairs that were compared."""
        return self.equal + self.unequal


def _added(one: Any, other: Any) -> Any:
    if isinstance(one, int):
        return one + other
    return tuple(left + right for left, right in zip_longest(one, other, fillvalue=0))


_FIELDS = fields(RouteSums)
