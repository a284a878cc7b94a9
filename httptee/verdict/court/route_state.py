"""What is known of one route: its places that differ, and which of them differ together in how many pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from httptee.compare import Difference, Key
from httptee.verdict.court.keys import KeyState
from httptee.verdict.court.pair import Pair
from httptee.verdict.court.relations import Place, Repeated, place_of

MORE = "{more}"
"""The path of what differs beyond the places that are followed."""

_MOST_SETS = 256
_FORGOTTEN = 60.0  # seconds after which a place that differed only once gives way to another one


class RouteState:
    """One route. At most `most` places are followed.

    `seen` pairs were unequal. A was asked `repeats` times again, and B `draws` times. `judged` is the number of judged
    pairs as far as it is known. In `uncompared` ones, B failed or its status means something else than A's.
    """

    __slots__ = ("_most", "_next", "_sets", "draws", "judged", "keys", "repeats", "seen", "uncompared")

    def __init__(self, most: int) -> None:
        self._most = most
        self._next = 0
        self._sets: dict[frozenset[int], int] = {}
        self.seen = self.repeats = self.draws = self.judged = self.uncompared = 0
        self.keys: dict[Place, KeyState] = {}

    def count(self, pair: Pair, found: Sequence[Difference]) -> list[tuple[KeyState, Difference]]:
        """Count an unequal pair. Returns its places, each with its first difference."""
        self.seen += 1
        self.judged = max(self.judged, self.seen)
        self.uncompared += any(map(_ends_comparison, found))
        here: dict[int, tuple[KeyState, Difference]] = {}
        marks = set()
        for difference in found:
            key = self._key(place_of(difference.key), pair.at)
            if key.number not in here:
                here[key.number] = key, difference
                marks.add(2 * key.number + key.count(pair, difference))
        self._count_set(frozenset(marks))
        return list(here.values())

    def repeat(self, repeated: Repeated) -> None:
        """Take a confirmation: every place learns from it, also those at which A and B agreed."""
        self.repeats += 1
        self.draws += max(1, len(repeated.more))  # the last of `more` never counts as odd
        for place in repeated.a_a2.places:
            if place not in self.keys and len(self.keys) < self._most:
                self._add(place, repeated.pair.at)
        explained = {key.number for key in self.keys.values() if key.repeat(repeated)}
        if explained and not repeated.pair.extra:
            self._explain({key.number for key, _ in self.at(repeated.found)}, explained)

    def at(self, found: Sequence[Difference]) -> list[tuple[KeyState, Difference]]:
        """The places of these differences that are followed."""
        places = {place_of(each.key): each for each in reversed(found)}
        return [(self.keys[place], each) for place, each in places.items() if place in self.keys]

    def unexplained(self, is_explained: Callable[[int, bool], bool]) -> int:
        """Pairs with a place that is not explained. The function gets its number, and whether B's value was new."""
        return sum(
            times
            for marks, times in self._sets.items()
            if not all(is_explained(mark // 2, bool(mark % 2)) for mark in marks)
        )

    def merge(self, other: RouteState) -> None:
        """Take what is known of another route, which has turned out to be this one."""
        self.seen, self.judged = self.seen + other.seen, self.judged + other.judged
        self.repeats, self.draws = self.repeats + other.repeats, self.draws + other.draws
        numbers = {}
        for place, theirs in other.keys.items():
            if place not in self.keys and len(self.keys) >= self._most:
                place = Place(place.part, MORE, "value")
            mine = self.keys.get(place) or self._add(place, theirs.first)
            mine.merge(theirs)
            numbers[theirs.number] = mine.number
        forgotten, self._next = self._next, self._next + 1
        for marks, times in other._sets.items():
            same = {2 * numbers.get(mark // 2, forgotten) + mark % 2 for mark in marks}
            self._count_set(frozenset(same), times)

    def state(self) -> dict[str, Any]:
        """As values of JSON."""
        return {
            "next": self._next,
            "seen": self.seen,
            "repeats": self.repeats,
            "draws": self.draws,
            "judged": self.judged,
            "uncompared": self.uncompared,
            "keys": [key.state() for key in self.keys.values()],
            "sets": [[sorted(marks), times] for marks, times in self._sets.items()],
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any], most: int) -> RouteState:
        """A route from its `state`. Raises KeyError, TypeError or ValueError if it is none."""
        found = cls(most)
        found._next, found.seen = int(state["next"]), int(state["seen"])
        found.repeats, found.draws, found.judged = (int(state[name]) for name in ("repeats", "draws", "judged"))
        found.uncompared = int(state.get("uncompared", 0))
        for each in state["keys"]:
            key = KeyState.restored(each)
            found.keys[key.place] = key
        found._sets = {frozenset(map(int, marks)): int(times) for marks, times in state["sets"]}
        return found

    def _key(self, place: Place, now: float) -> KeyState:
        """The counts of a place, of a new one or, where there are too many, of all further ones together."""
        key = self.keys.get(place)
        if key is None and len(self.keys) >= self._most and not self._forget(now):
            place = Place(place.part, MORE, "value")
            key = self.keys.get(place)
        return self._add(place, now) if key is None else key

    def _add(self, place: Place, now: float) -> KeyState:
        key = self.keys[place] = KeyState(place, self._next, now)
        self._next += 1
        return key

    def _forget(self, now: float) -> bool:
        """Forget a place that hardly ever differs. Returns whether there was one."""
        for place, key in self.keys.items():
            if not key.pairs or (key.pairs == 1 and now - key.first > _FORGOTTEN):
                del self.keys[place]
                return True
        return False

    def _explain(self, numbers: set[int], explained: set[int]) -> None:
        """Take the places that a confirmation has explained out of one pair with these places."""
        for marks, times in self._sets.items():
            if len(marks) == len(numbers) and {mark // 2 for mark in marks} == numbers:
                if times > 1:
                    self._sets[marks] = times - 1
                else:
                    del self._sets[marks]
                self._count_set(frozenset(mark for mark in marks if mark // 2 not in explained))
                return

    def _count_set(self, marks: frozenset[int], times: int = 1) -> None:
        """Pairs are counted by the set of their places: what a place is held to be may change later."""
        if marks not in self._sets and len(self._sets) >= _MOST_SETS:
            # One place stands for all of the pair: the one that was added last is the least likely to be explained.
            marks = frozenset([max(marks)]) if marks else marks
        self._sets[marks] = self._sets.get(marks, 0) + times


def _ends_comparison(found: Difference) -> bool:
    """Whether fields and bodies are not compared after this difference."""
    part, a, b = found.key.part, found.a, found.b
    return part == "outcome" or (
        part == "status" and isinstance(a, int) and isinstance(b, int) and a // 100 != b // 100
    )


def kind_of(key: KeyState) -> Key:
    """The key of a place, with the direction in which it mostly differs."""
    part, path, level = key.place
    if level == "presence":
        level = "missing" if key.missing >= key.extra else "extra"
    return Key(part, path, level)
