"""A request with A's and one B's outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from httptee.compare import Outcome
from httptee.http import Request


@dataclass(frozen=True, slots=True)
class Pair:
    """One request as A and a B answered it. `number` is unique in one judge. `route` is like `GET /users/{int}`.

    `at` and `b_at` are the wall clock when the heads of the answers arrived, in seconds since the epoch. `a_seconds`
    and `b_seconds` are the times from the request on the wire to the head of the answer; queue time is not in them.
    `extra`: the answers are equal, and the pair was sent to the judge as a part of the unconditional sample.
    """

    number: int
    backend: str
    route: str
    request: Request
    a: Outcome
    b: Outcome
    at: float
    b_at: float
    a_seconds: float
    b_seconds: float
    extra: bool = False


@dataclass(frozen=True, slots=True)
class Again:
    """What A and B answered when both were asked once more, in random order, for the sake of `Pair`.

    `more` is what B alone answered after that.
    """

    a: Outcome
    b: Outcome
    at: float
    delayed: bool = False
    more: tuple[Outcome, ...] = ()


class Sender(Protocol):
    """Where a worker puts its pairs for the judge."""

    def send(self, pair: Pair) -> bool:
        """Send a pair, or return False if there is no room for it. Never waits and never raises."""
