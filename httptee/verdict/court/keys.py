"""What is known of one place of one route where A and B differ: counts of pairs and of confirmations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from httptee.compare import Difference, Scalar
from httptee.verdict.court.inside import Inside
from httptee.verdict.court.pair import Pair
from httptee.verdict.court.relations import Differing, Place, Repeated
from httptee.verdict.court.values import digest, looks_volatile, text

_EXAMPLES = 5
DELAYED_NEEDED = 3
_DELAYED_MOST, _DELAYED_LOST = 6, 600.0
_DELAYED_APART = 12.0  # seconds between pairs that are asked again much later: one cached answer must not count twice
_COUNTS = (
    *("pairs", "missing", "extra", "fixed", "fixed_a", "fixed_b", "plain"),
    *("stays", "hard", "late", "a_odd", "distinct", "moves", "b_again", "a_again", "more_odd", "flips"),
    *("refused", "delayed", "changed", "steady"),
)


class KeyState:
    """The counts of one place. `number` is its own in its route.

    pairs     judged pairs that differ here; `missing`, `extra`: by direction; `fixed`: with the same two values
    stays     A agreed with itself, B did not and stayed so; `hard`: B failed; `late`: asked again, B agreed
    a_odd     A's second answer was B's; `distinct`: it was a third one; `moves`: A and B agreed, but A's second did not
    flips     A agreed with itself, B did not, and with A when it was asked again, whether it had failed or was late
    b_again   B's second answer alone is odd; `a_again`: A's second answer alone is; `more_odd`: further ones of B are,
              and one after them is not
    delayed   asked again much later: A's answer had `changed`, or it was `steady`
    """

    __slots__ = (
        *_COUNTS,
        *("a", "b", "examples", "first", "inside", "last_delayed", "number", "pending", "place", "quiet"),
    )

    pairs: int
    missing: int
    extra: int
    fixed: int
    fixed_a: int
    fixed_b: int
    plain: int
    stays: int
    hard: int
    late: int
    a_odd: int
    distinct: int
    moves: int
    b_again: int
    a_again: int
    more_odd: int
    flips: int
    refused: int
    delayed: int
    changed: int
    steady: int

    def __init__(self, place: Place, number: int, first: float) -> None:
        for name in _COUNTS:
            setattr(self, name, 0)
        self.place = place
        self.number = number
        self.first = first
        self.last_delayed = 0.0
        self.pending = 0
        self.quiet = False  # it has been noise
        self.a = self.b = ""
        self.examples: list[int] = []
        self.inside = Inside()

    def count(self, pair: Pair, difference: Difference) -> bool:
        """Count a pair that differs here. Returns whether B's value is new where A's is not."""
        self.pairs += 1
        if not self.pairs - 1:
            self.first, self.a, self.b = pair.at, text(difference.a), text(difference.b)
        if difference.key.kind == "missing":
            self.missing += 1
        elif difference.key.kind == "extra":
            self.extra += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(pair.number)
        self._count_fixed(difference)
        if self.place.level not in ("value", "type"):
            return False
        return self.inside.pair(difference.a, difference.b, pair.at, pair.b_at)

    def _count_fixed(self, difference: Difference) -> None:
        values = digest(difference.a), digest(difference.b)
        if values == (self.fixed_a, self.fixed_b):
            self.fixed += 1
        elif 2 * self.fixed < self.pairs:
            self.fixed, (self.fixed_a, self.fixed_b) = 1, values
            self.plain = int(_is_plain(difference.a) and _is_plain(difference.b))

    def repeat(self, repeated: Repeated) -> bool:
        """Count what the outcomes A, B and the second ones A2 and B2 say about this place.

        Returns whether A's own noise explains that A and B differ here.
        """
        place = self.place
        moved, again = repeated.a_a2.at(place), repeated.a_b2.at(place)
        explained = False
        if repeated.a_b.at(place):
            explained = self._repeat_odd(repeated, moved, again)
        elif moved:
            self.moves += 1
        if moved != again and repeated.a2_b2.at(place):
            if again:
                self.b_again += 1
            else:
                self.a_again += 1
        if not moved:
            self.more_odd += _came_back([more.at(place) for more in repeated.more])
        return explained

    def _repeat_odd(self, repeated: Repeated, moved: bool, again: bool) -> bool:
        place, b = self.place, repeated.pair.b
        self._repeat_numbers(repeated.a_b.value(place), repeated.a_a2.value(place), repeated.at)
        if not repeated.a2_b.at(place):
            self.a_odd += moved
            return moved
        if moved:
            self.distinct += 1
            return True
        self.flips += not again
        if b.failure or b.status >= 500 or place.level == "undecodable":
            self.hard += 1
        elif again:
            self.stays += 1
        else:
            self.late += 1
            # A race in B looks the same. So this explains nothing, unless A itself is odd as often.
            return self.late <= self.a_odd + self.distinct + self.moves
        return False

    def _repeat_numbers(self, ab: Difference | None, aa: Difference | None, at: float) -> None:
        if ab is not None and aa is not None and (ab.place, ab.a) == (aa.place, aa.a):
            self.inside.repeat(ab.a, ab.b, aa.b, at)
            self.inside.learn(aa.b, at)

    def wants_delayed(self, difference: Difference, at: float) -> bool:
        """Whether a pair is to be asked again much later. If so, it is counted as asked."""
        if self.place.level != "value" or not self.stays + self.late or not looks_volatile(difference.a, at):
            return False
        done, passed = self.changed + self.steady, at - self.last_delayed
        lost = passed > _DELAYED_LOST  # the judge has died meanwhile
        if passed < _DELAYED_APART or done >= _DELAYED_MOST or (self.delayed - done >= _DELAYED_MOST and not lost):
            return False
        self.delayed += 1
        self.last_delayed = at
        return True

    def lacks_delayed(self, at: float) -> bool:
        """Whether it takes more pairs that are asked again much later than are under way, and one may be now."""
        lost = at - self.last_delayed > _DELAYED_LOST
        waiting = 0 if lost else self.delayed - self.changed - self.steady
        may_be = at - self.last_delayed >= _DELAYED_APART and self.changed + self.steady < _DELAYED_MOST
        return bool(self.delayed) and self.steady + waiting < DELAYED_NEEDED and may_be

    def repeat_delayed(self, ab: Differing, aa: Differing) -> None:
        """Count what A's answer, much later, says about this place."""
        if self.delayed and ab.at(self.place):
            if aa.at(self.place):
                self.changed += 1
            else:
                self.steady += 1

    def merge(self, other: KeyState) -> None:
        """Add the counts of the same place of another route. What was asked there and has no answer is not awaited."""
        if not self.pairs:
            self.a, self.b = other.a, other.b
        fixed = max(self, other, key=lambda key: key.fixed)
        values, plain, times = (fixed.fixed_a, fixed.fixed_b), fixed.plain, fixed.fixed
        if (self.fixed_a, self.fixed_b) == (other.fixed_a, other.fixed_b):
            times = self.fixed + other.fixed
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.fixed, self.plain, (self.fixed_a, self.fixed_b) = times, plain, values
        self.first = min(self.first, other.first)
        self.last_delayed = max(self.last_delayed, other.last_delayed)
        self.quiet = self.quiet or other.quiet
        self.examples = [*self.examples, *other.examples][:_EXAMPLES]
        self.inside.merge(other.inside)

    def state(self) -> dict[str, Any]:
        """As values of JSON."""
        return {
            "place": list(self.place),
            "number": self.number,
            "counts": [getattr(self, name) for name in _COUNTS],
            "first": self.first,
            "last_delayed": self.last_delayed,
            "quiet": self.quiet,
            "a": self.a,
            "b": self.b,
            "examples": self.examples,
            "inside": self.inside.state(),
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> KeyState:
        """The counts of a `state`. Raises KeyError, TypeError or ValueError if it is none."""
        found = cls(Place(*state["place"]), int(state["number"]), float(state["first"]))
        for name, value in zip(_COUNTS, state["counts"], strict=True):
            setattr(found, name, int(value))
        found.last_delayed = float(state["last_delayed"])
        found.quiet = bool(state["quiet"])
        found.a, found.b = str(state["a"]), str(state["b"])
        found.examples = [int(each) for each in state["examples"]]
        found.inside = Inside(state["inside"])
        return found


def _came_back(odd: Sequence[bool]) -> int:
    """How many of B's answers were odd before one that was not. After a write in between, all that follow are."""
    last = max((number for number, each in enumerate(odd) if not each), default=0)
    return sum(odd[:last])


def _is_plain(value: Scalar) -> bool:
    """Whether it may be a constant such as a host name or a version."""
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)
