"""Which pairs are kept for a key: the first 5, and 20 at random of all that follow."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from httptee.compare import Key

FIRST = 5
AT_RANDOM = 20
MOST_KEYS = 20_000

Place = tuple[str, int, str, Key]
"""The name of a B, the number of its chapter, a route, and a key."""


@dataclass(slots=True)
class Seen:
    """One key of a route, for one B in one chapter: its row in the database, and how many pairs have shown it.

    `masked`: a credential stood in its values, so `a` and `b`, an example, are safe to show and others may not be.
    """

    row: int
    count: int = 0
    a: str = ""
    b: str = ""
    masked: bool = False
    changed: bool = True


class Samples:
    """Counts each key, and draws the slot that a pair gets. Each pair after the first 5 has the same chance to be kept.

    Holds at most `MOST_KEYS` keys; further ones get no slot, and `refused` counts them.
    """

    def __init__(self, random: Random) -> None:
        self.keys: dict[Place, Seen] = {}
        self.refused = 0
        self._random = random
        self._next = 1

    def restore(self, place: Place, seen: Seen) -> None:
        """A key from the database."""
        self.keys[place] = seen
        self._next = max(self._next, seen.row + 1)

    def draw(self, place: Place) -> tuple[Seen, int] | None:
        """Count the key once. The slot for this pair, 0 to 24, or None if it is not kept for this key."""
        seen = self.keys.get(place)
        if seen is None:
            if len(self.keys) >= MOST_KEYS:
                self.refused += 1
                return None
            seen = self.keys[place] = Seen(self._next)
            self._next += 1
        seen.count += 1
        seen.changed = True
        if seen.count <= FIRST + AT_RANDOM:
            return seen, seen.count - 1
        slot = self._random.randrange(seen.count - FIRST)
        return (seen, FIRST + slot) if slot < AT_RANDOM else None

    def changes(self) -> list[tuple[Place, Seen]]:
        """The keys that were counted since the last call."""
        changed = [(place, seen) for place, seen in self.keys.items() if seen.changed]
        for _, seen in changed:
            seen.changed = False
        return changed

    def forget(self, rows: set[int]) -> None:
        """Remove these keys."""
        self.keys = {place: seen for place, seen in self.keys.items() if seen.row not in rows}

    def forget_before(self, backend: str, chapter: int) -> None:
        """Remove the keys of earlier chapters of a B. What was kept for them stays in the database."""
        self.keys = {place: seen for place, seen in self.keys.items() if place[0] != backend or place[1] >= chapter}
