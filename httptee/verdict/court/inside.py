"""What is still checked inside a field that is noise: each check is a coin that is fair while B behaves as A.

A's values are learned. Of a pair in which only B's value is new to what was learned, the coin falls on heads; in which
only A's is, on tails. Both are equally likely under "B behaves as A", for A's value is learned only afterwards. New is
a shape never seen at A, a value where A has few of them, or a point in time that is further from now than ever at A.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log
from typing import Any

from httptee.compare import Scalar
from httptee.verdict.court.bets import log_evidence
from httptee.verdict.court.values import digest, number, shape, stamp

MOST_VALUES = 20
_MOST_SHAPES = 16
_FARTHER = 5.0  # seconds
_CLEARLY = 0.1  # the part by which a number must be above or below another one
_SHIFTS = ("higher", "lower")
_CHECKS = ("shape", "value", "offset", *_SHIFTS)
_TRENDING, _MOSTLY = 3.0, 0.75  # the logarithm of the evidence, and the part of all steps, that make it a counter
_SURELY_TRENDING = log(100)  # the same where fewer of the steps go one way


class Coin:
    """Heads speak against B."""

    __slots__ = ("heads", "tails")

    def __init__(self, heads: int = 0, tails: int = 0) -> None:
        self.heads, self.tails = heads, tails

    def toss(self, heads: bool) -> None:
        """Count one event."""
        if heads:
            self.heads += 1
        else:
            self.tails += 1

    @property
    def log_evidence(self) -> float:
        """The natural logarithm of the evidence that the coin is not fair."""
        return log_evidence(self.heads, self.heads + self.tails)


class Inside:
    """The checks of one key of one route."""

    __slots__ = ("_coins", "_down", "_far", "_last", "_near", "_shapes", "_up", "_values")

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        state = state or {}
        known = state.get("values", ())
        self._shapes: set[str] = set(state.get("shapes", ()))
        self._values: set[int] | None = None if known is None else set(known)
        self._near: float | None = state.get("near")
        self._far: float | None = state.get("far")
        self._last: int | None = state.get("last")
        self._up, self._down = int(state.get("up", 0)), int(state.get("down", 0))
        self._coins = {name: Coin(*state.get(name, (0, 0))) for name in _CHECKS}

    def pair(self, a: Scalar, b: Scalar, at: float, b_at: float) -> bool:
        """Take the values of a pair, which differ, with the times when they came. Returns whether only B's is new.

        A value of A is good for one toss: a cached one says nothing new until the cache is renewed.
        """
        value, odd = digest(a), False
        fresh, self._last = value != self._last, value
        new_a, new_b = self._new(a, at), self._new(b, b_at)
        for check in ("shape", "value", "offset"):
            if (check in new_a) != (check in new_b):
                odd = odd or check in new_b
                if fresh:
                    self._coins[check].toss(check in new_b)
        self.learn(a, at)
        return odd

    def learn(self, a: Scalar, at: float) -> None:
        """Learn a value of A."""
        if len(self._shapes) < _MOST_SHAPES:
            self._shapes.add(shape(a, at))
        if self._values is not None:
            self._values.add(digest(a))
            if len(self._values) > MOST_VALUES:
                self._values = None
        if (point := stamp(a, at)) is not None:
            offset = point - at
            self._near = offset if self._near is None else min(self._near, offset)
            self._far = offset if self._far is None else max(self._far, offset)

    def repeat(self, a: Scalar, b: Scalar, a2: Scalar, now: float) -> None:
        """Take the numbers of a pair and of A's second answer.

        B's must be beyond both of A's: a counter that A and B share is between them. And A's second one might as well
        be beyond B's and A's first one, so each coin is fair. Only pairs that differ get here, so equal values of
        A do not count either.
        """
        one, other, again = number(a, now), number(b, now), number(a2, now)
        if one is None or other is None or again is None or one in (other, again):
            return
        self._up += again > one
        self._down += again < one
        for check, sign in (("higher", 1), ("lower", -1)):
            clearly = _CLEARLY * max(abs(other), abs(again)) < sign * (other - again)
            surely_not = _CLEARLY * max(abs(other), abs(again)) < sign * (again - other)
            if clearly and sign * (other - one) > 0:
                self._coins[check].toss(True)
            elif surely_not and sign * (again - one) > 0:
                self._coins[check].toss(False)

    def merge(self, other: Inside) -> None:
        """Take what is known of the same key of another route. Fair coins stay fair when they are counted together."""
        self._shapes = set(sorted(self._shapes | other._shapes)[:_MOST_SHAPES])
        if self._values is not None and other._values is not None and len(self._values | other._values) <= MOST_VALUES:
            self._values |= other._values
        else:
            self._values = None
        self._near = min((each for each in (self._near, other._near) if each is not None), default=None)
        self._far = max((each for each in (self._far, other._far) if each is not None), default=None)
        self._up, self._down = self._up + other._up, self._down + other._down
        for name, coin in self._coins.items():
            coin.heads += other._coins[name].heads
            coin.tails += other._coins[name].tails

    @property
    def log_evidence(self) -> float:
        """The evidence against B from all checks: the mean of theirs, which is that of a bet divided among them.

        The largest of five would pass a limit by chance five times as often.
        """
        found = [self._coins[check].log_evidence for check in _CHECKS if self._valid(check)]
        most = max(found)
        return most + log(sum(exp(each - most) for each in found) / len(_CHECKS))

    @property
    def shift(self) -> float:
        """The strongest evidence from a check that needs A's second answer."""
        return max(self._coins[check].log_evidence for check in _SHIFTS) if self._valid("higher") else 0.0

    @property
    def strongest(self) -> tuple[float, str]:
        """The logarithm of the evidence, and what the strongest check says in plain words."""
        check = max((check for check in _CHECKS if self._valid(check)), key=lambda each: self._coins[each].log_evidence)
        return self.log_evidence, self._words(check)

    def state(self) -> dict[str, Any]:
        """As values of JSON."""
        return {
            "shapes": sorted(self._shapes),
            "values": None if self._values is None else sorted(self._values),
            "near": self._near,
            "far": self._far,
            "last": self._last,
            "up": self._up,
            "down": self._down,
            **{name: [coin.heads, coin.tails] for name, coin in self._coins.items()},
        }

    def _new(self, value: Scalar, at: float) -> set[str]:
        """The checks for which a value is new."""
        found = set()
        if shape(value, at) not in self._shapes and 0 < len(self._shapes) < _MOST_SHAPES:
            found.add("shape")
        if self._values and digest(value) not in self._values:
            found.add("value")
        point = stamp(value, at)
        if point is not None and self._is_far(point - at):
            found.add("offset")
        return found

    def _is_far(self, offset: float) -> bool:
        if self._near is None or self._far is None:
            return False
        return not self._near - _FARTHER <= offset <= self._far + _FARTHER

    def _valid(self, check: str) -> bool:
        if check == "value":
            return self._values is not None
        if check in _SHIFTS:  # of a counter, each server may have its own
            most, steps = max(self._up, self._down), self._up + self._down
            # Where A is several instances, its counter also goes down: there it takes more to be one.
            return log_evidence(most, steps) < (_TRENDING if most >= _MOSTLY * steps else _SURELY_TRENDING)
        return True

    def _words(self, check: str) -> str:
        coin = self._coins[check]
        times = f"{coin.heads} times at B, {coin.tails} times at A"
        return {
            "shape": f"a shape that A has not shown ({times}); A has {', '.join(sorted(self._shapes))}",
            "value": f"a value that A has not shown, which has {len(self._values or ())} of them ({times})",
            "offset": f"a time further from now than A's, which is {_range(self._near, self._far)} ({times})",
            "higher": f"B's number is higher than two of A's {coin.heads} times, A's {coin.tails} times",
            "lower": f"B's number is lower than two of A's {coin.heads} times, A's {coin.tails} times",
        }[check]


def _range(near: float | None, far: float | None) -> str:
    return f"{near or 0.0:+.0f} to {far or 0.0:+.0f} s"
