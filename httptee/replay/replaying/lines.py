"""The counts of one route in a replay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from httptee.verdict.court import BUCKETS, Blocks, RouteSums, Toss

_COUNTS = ("requests", "chosen", "equal", "unequal")
_LISTS = {"toss": len(Toss._fields), "a_times": BUCKETS, "b_times": BUCKETS}


@dataclass(slots=True)
class Line:
    """The counts of one route."""

    requests: int = 0
    chosen: int = 0
    equal: int = 0
    unequal: int = 0
    toss: list[int] = field(default_factory=lambda: [0] * len(Toss._fields))
    a_times: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    b_times: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    blocks: Blocks = field(default_factory=Blocks)

    def merge(self, other: Line) -> None:
        """Add the counts of a route that is a part of this one, or of the same one by another member."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in _LISTS:
            setattr(self, name, [one + two for one, two in zip(getattr(self, name), getattr(other, name), strict=True)])

    def sums(self) -> RouteSums:
        """The counts as a court reads them."""
        toss = dict(zip(Toss._fields, self.toss, strict=True))
        counts = {name: getattr(self, name) for name in _COUNTS}
        return RouteSums(**counts, **toss, a_times=self.a_times, b_times=self.b_times)

    def state(self) -> dict[str, Any]:
        """The counts as values of JSON. A block of times that is not full is left out."""
        return {name: getattr(self, name) for name in (*_COUNTS, *_LISTS)}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Line:
        """The reverse of `state`. Raises KeyError, TypeError or ValueError."""
        requests, chosen, equal, unequal = (int(state[name]) for name in _COUNTS)
        line = cls(requests, chosen, equal, unequal)
        for name, length in _LISTS.items():
            numbers = list(map(int, state[name]))
            if len(numbers) != length:
                raise ValueError(f"{name} has {len(numbers)} counts, and not {length}")
            setattr(line, name, numbers)
        return line
