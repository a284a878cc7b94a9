"""A world: a service with switches, asked as A or as B at any time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import count
from random import Random
from typing import Any

from httptee.compare.outcome import Outcome
from httptee.http import Request
from tests.worlds.encoding import encoded, with_body
from tests.worlds.service import Draft, Moment, Route, Service
from tests.worlds.switches import Switch

SIDES = ("a", "a2", "b")
_UNKNOWN = Route("unknown", lambda moment: Draft(404, {"error": "no such page"}), 0.002)


class World:
    """A service with these defects in B and these noises in A and B; without `noises`, with all of the design's table.

    The sides are `a`, `b` and `a2`, a second instance of A.

    `hits` raises the counter that both servers share. Raises KeyError for a switch that the service does not have.
    """

    def __init__(
        self, seed: int, defects: Iterable[str], noises: Iterable[str] | None, service: Service,
        hits: Callable[[], int] | None = None,
    ) -> None:  # fmt: skip
        self.seed = seed
        self.service = service
        self.defects = [service.defects[name] for name in defects]
        names = [each.name for each in service.noises.values() if each.plain] if noises is None else noises
        self.noises = [service.noises[name] for name in names]
        self.once = 0
        """Requests so far to routes that must never be asked a second time, A's and B's together."""
        self._hits = hits or count(1).__next__
        self._random = {side: Random(f"{seed}/{side}") for side in SIDES}
        self._memory: dict[str, dict[str, Any]] = {side: {} for side in SIDES}
        switches = {"a": self.noises, "a2": self.noises, "b": [*self.noises, *self.defects]}
        self._switches = {side: _by_route(found) for side, found in switches.items()}
        self._other = any(each.encoding for each in self.noises)
        self._bursts = any(each.bursts for each in self.noises)
        self._facts: dict[str, Any] = {}

    @property
    def lost(self) -> float:
        """The share of writes that do not reach B."""
        return max((each.lost for each in self.defects), default=0.0)

    @property
    def late(self) -> float:
        """The share of writes that reach B late."""
        return max((each.late for each in self.noises), default=0.0)

    def fact(self, name: str, make: Callable[[Random], Any]) -> Any:
        """One piece of the service's data: the same for A and B, whenever it is asked for."""
        if name not in self._facts:
            self._facts[name] = make(Random(f"{self.seed}/{name}"))
        return self._facts[name]

    def ask(self, side: str, request: Request, at: float) -> tuple[Outcome, float]:
        """What the server says to a request that reaches it at `at`, and after how many seconds."""
        route, arguments = self.service.find(request.method, request.target)
        route = route or _UNKNOWN
        self.once += route.once
        random = self._random[side]
        moment = Moment(side, at, request, arguments, random, self._memory[side], self.fact, self._hits)
        draft = route.handler(moment)
        switches = self._switches[side].get(route.name, self._switches[side][""])
        slow = stalls = 1.0
        for each in switches:
            if each.edit:
                each.edit(draft, moment)
            slow *= each.slow
            stalls *= each.stalls
        outcome = encoded(draft, moment, self._other and side == "b")
        for each in switches:
            if each.wire:
                outcome = with_body(outcome, each.wire(outcome.body or b"", moment))
        return outcome, slow * self.service.pace.seconds(self.seed, route.seconds, at, random, self._bursts, stalls)


def _by_route(switches: Iterable[Switch]) -> dict[str, list[Switch]]:
    """The switches of each route, in order; those of no route hold for every one."""
    everywhere = [each for each in switches if not each.route]
    found: dict[str, list[Switch]] = defaultdict(lambda: list(everywhere))
    for each in switches:
        if each.route:
            found[each.route].append(each)
    return {"": everywhere, **found}
