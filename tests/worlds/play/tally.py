"""What is counted of one route while it is played: the counterpart of the counters in shared memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from httptee.verdict.court.latency import Toss
from httptee.verdict.court.sums import RouteSums


class Blocks(Protocol):
    """Turns pairs of times into decided blocks."""

    def add(self, a_seconds: float, b_seconds: float, now: float) -> Toss | None: ...


@dataclass(slots=True)
class Tally:
    """The counts of one route. `bucket` numbers the bucket of a time, below `buckets`."""

    blocks: Blocks
    bucket: Callable[[float], int]
    buckets: int
    requests: int = 0
    equal: int = 0
    unequal: int = 0
    coins: list[int] = field(default_factory=lambda: [0] * len(Toss._fields))
    a_times: list[int] = field(init=False)
    b_times: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.a_times, self.b_times = [0] * self.buckets, [0] * self.buckets

    @property
    def chosen(self) -> int:
        """Pairs that were compared."""
        return self.equal + self.unequal

    def add(self, same: bool, a_seconds: float, b_seconds: float, now: float) -> None:
        """Count a pair."""
        if same:
            self.equal += 1
        else:
            self.unequal += 1
        self.a_times[self.bucket(a_seconds)] += 1
        self.b_times[self.bucket(b_seconds)] += 1
        if coins := self.blocks.add(a_seconds, b_seconds, now):
            self.coins = [old + new for old, new in zip(self.coins, coins, strict=True)]

    def sums(self) -> RouteSums:
        """The counts as a verdict takes them."""
        return RouteSums(
            requests=self.requests, chosen=self.chosen, equal=self.equal, unequal=self.unequal,
            **dict(zip(Toss._fields, self.coins, strict=True)),
            a_times=tuple(self.a_times), b_times=tuple(self.b_times),
        )  # fmt: skip
