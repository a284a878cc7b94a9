"""Diffy's rule, with the third deployment that it needs: a second A.

For each field it counts how often A and B differ (raw) and how often the two As differ (noise). A field is shown where
raw > noise, |raw - noise| / (raw + noise) > 20 % and |raw - noise| / requests to the route > 0.03 %.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from httptee.compare import Difference, Key, Outcome
from tests.worlds.traffic import Arrival
from tests.worlds.world import World

RELATIVE, ABSOLUTE = 0.20, 0.0003
Field = tuple[str, str, str]
"""A route, a part of the answer and a path. Diffy knows no kinds."""


@dataclass(slots=True)
class Diffy:
    """Asks the second A of a world for every pair, and counts. `known` says what an operator has accepted."""

    world: World
    differences: Callable[[Outcome, Outcome], Sequence[Difference]]
    known: Callable[[str, Key], object] = lambda route, key: None
    requests: Counter[str] = field(default_factory=Counter)
    raw: Counter[Field] = field(default_factory=Counter)
    noise: Counter[Field] = field(default_factory=Counter)

    def pair(self, a: Outcome, b: Outcome, arrival: Arrival, route: str, now: float) -> None:
        """Count one pair."""
        second, _ = self.world.ask("a2", arrival.request, now)
        self.requests[route] += 1
        for counts, other in ((self.raw, b), (self.noise, second)):
            keys = {each.key for each in self.differences(a, other) if not self.known(route, each.key)}
            counts.update({(route, key.part, key.path) for key in keys})

    def lost(self, arrival: Arrival, now: float) -> None:
        """A request that only B did not get: the second A gets it."""
        self.world.ask("a2", arrival.request, now)

    def shown(self) -> set[Field]:
        """The fields that the rule shows."""
        return {each for each, raw in self.raw.items() if self._shows(raw, self.noise[each], self.requests[each[0]])}

    @staticmethod
    def _shows(raw: int, noise: int, requests: int) -> bool:
        return raw > noise and (raw - noise) / (raw + noise) > RELATIVE and (raw - noise) / requests > ABSOLUTE
