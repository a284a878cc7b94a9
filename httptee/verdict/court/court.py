"""The court of one B: takes pairs that differ, asks for confirmations, and says what is known. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from httptee.compare import Difference, differences
from httptee.verdict.court.assemble import assembled
from httptee.verdict.court.keys import KeyState
from httptee.verdict.court.labels import Terms, priority, wants_more
from httptee.verdict.court.latency import SLOWER, SLOWER_IN_TAIL
from httptee.verdict.court.pair import Again, Pair
from httptee.verdict.court.policy import Counts, Policy, is_safe, sample_share
from httptee.verdict.court.relations import Differing, Repeated
from httptee.verdict.court.report import Report
from httptee.verdict.court.route_state import RouteState, kind_of
from httptee.verdict.court.rules import Rules
from httptee.verdict.court.sums import RouteSums

__all__ = ["Ask", "Counts", "Court", "Policy", "Rules"]

MOST_ROUTES = 500
OTHER = "other"
"""The route of all pairs beyond the limit."""

_VERSION = 1
_SOON, _LATER = 1.0, 90.0  # seconds until A and B are asked again
_UNCONDITIONAL, _DELAYED = 1.0, 5.0  # priorities
_AGAIN = 0.01  # the part of pairs that are asked again about what is decided

Places = Sequence[tuple[KeyState, Difference]]


@dataclass(frozen=True, slots=True)
class Ask:
    """A wish to ask A and B once more, at `due` (seconds since the epoch). A higher `priority` is more important.

    `delayed`: long after the pair, to learn whether A's answer changes with time. `more`: how many times B alone is to
    be asked after that. `keys` are the numbers of the places.
    """

    pair: Pair
    due: float
    delayed: bool
    priority: float
    more: int = 0
    keys: tuple[int, ...] = ()


class Court:
    """What is known of one B. Times come with the pairs. `state` is that of an earlier court.

    Raises KeyError, TypeError or ValueError if the state is not one.
    """

    def __init__(self, policy: Policy, random: Random, state: Mapping[str, Any] | None = None) -> None:
        self._policy = policy
        self._random = random
        self._routes: dict[str, RouteState] = {}
        self._since = 0.0
        self._writes = True
        self._slower: dict[str, str] = {}  # by route: the label, where the last report said so
        if state is not None:
            self.take(state)

    def take(self, state: Mapping[str, Any]) -> None:
        """Add what another court knows by its `state`, of other routes or of the same. Raises KeyError, TypeError or
        ValueError if it is none."""
        if state["version"] != _VERSION:
            raise ValueError(f"a state of version {state['version']}")
        routes = {name: RouteState.restored(each, self._policy.keys) for name, each in state["routes"].items()}
        self._since = min((each for each in (self._since, float(state["since"])) if each), default=0.0)
        self._slower |= {str(name): str(label) for name, label in state.get("slower", {}).items()}
        for name, route in routes.items():
            if name in self._routes:
                self._routes[name].merge(route)
            else:
                self._routes[name] = route

    def unequal(self, pair: Pair, found: Sequence[Difference]) -> Ask | None:
        """Count a pair and its differences, or take an equal one of the unconditional sample (`extra`).

        Returns the wish to ask A and B again, if it is worth it.
        """
        route = self._route(pair.route)
        self._since = self._since or pair.at
        here: Places = [] if pair.extra else route.count(pair, found)
        if not self._policy.may_repeat(pair.route):
            return None
        wanted = pair.extra or self._random.random() < sample_share(route.seen)
        worth = max(_UNCONDITIONAL if wanted else 0.0, self._worth(route, pair, here))
        return self._ask(route, pair, max(pair.at, pair.b_at) + _SOON, worth, here) if worth else None

    def confirmed(self, pair: Pair, again: Again, found: Sequence[Difference]) -> Ask | None:
        """Take what A and B answered when they were asked again for a pair with these differences.

        Returns the wish to ask them once more, much later, or None.
        """
        route = self._route(pair.route)
        here = route.at(found)
        if again.delayed:
            a_b, a_a2 = Differing(found), Differing(differences(pair.a, again.a))
            for key, _ in here:
                key.repeat_delayed(a_b, a_a2)
            return None
        for key, _ in here:
            key.pending = max(0, key.pending - 1)
        route.repeat(Repeated(pair, again, found))
        later = [(key, each) for key, each in here if not self._is_ruled(pair.route, key)]
        later = [(key, each) for key, each in later if key.wants_delayed(each, pair.at)]
        numbers = tuple(key.number for key, _ in later)
        return Ask(pair, again.at + _LATER, True, _DELAYED, keys=numbers) if numbers else None

    def refused(self, ask: Ask) -> None:
        """The wish was not granted: by a limit, because the route is not safe, or because A or B gave no answer."""
        for key in self._route(ask.pair.route).keys.values():
            if key.number in ask.keys:
                if ask.delayed:
                    key.delayed = max(1, key.delayed - 1)  # it still waits for later answers
                else:
                    key.pending = max(0, key.pending - 1)
                    key.refused += 1

    def fold(self, name_of: Callable[[str], str]) -> None:
        """Put routes together that have turned out to be one. `name_of` gives the name of each route."""
        for name in list(self._routes):
            if (other := name_of(name)) != name:
                route = self._routes.pop(name)
                self._route(other).merge(route)
        self._slower = {name_of(name): label for name, label in self._slower.items()}

    def report(self, sums: Mapping[str, RouteSums], counts: Counts, now: float) -> Report:
        """What is known, with the counts of the worker processes by route and for the whole B."""
        for name, state in self._routes.items():
            if name in sums:
                state.judged = sums[name].equal + state.seen
        self._writes = any(each.requests and not is_safe(name) for name, each in sums.items())
        report = assembled(self._policy, self._routes, sums, counts, self._since or now, self._slower)
        labels = {each.route: each.latency.label for each in report.routes}
        self._slower = {name: label for name, label in labels.items() if label in (SLOWER, SLOWER_IN_TAIL)}
        return report

    def state(self) -> dict[str, Any]:
        """All that is known, as values of JSON; for a later `Court`."""
        routes = {name: route.state() for name, route in self._routes.items()}
        return {"version": _VERSION, "since": self._since, "routes": routes, "slower": self._slower}

    def _route(self, name: str) -> RouteState:
        route = self._routes.get(name)
        if route is None:
            if len(self._routes) >= MOST_ROUTES:
                name = OTHER
            route = self._routes.setdefault(name, RouteState(self._policy.keys))
        return route

    def _worth(self, route: RouteState, pair: Pair, here: Places) -> float:
        """The priority of asking again about these places."""
        terms = self._terms(route)
        worth = [priority(key, terms, pair.at) for key, _ in here if not self._is_ruled(pair.route, key)]
        most = max(worth, default=0.0)
        return most if most >= 1.0 or self._random.random() < _AGAIN else 0.0

    def _ask(self, route: RouteState, pair: Pair, due: float, worth: float, here: Places) -> Ask:
        for key, _ in here:
            key.pending += 1
        terms = self._terms(route)
        # Also about places at which this pair agrees: what B answers here tells of them as well.
        more = max((wants_more(key, terms) for key in route.keys.values()), default=0)
        return Ask(pair, due, False, worth, more, tuple(key.number for key, _ in here))

    def _terms(self, route: RouteState) -> Terms:
        return Terms(self._policy.enough, True, route.judged, route.draws, self._writes, route.uncompared)

    def _is_ruled(self, route: str, key: KeyState) -> bool:
        return self._policy.rules.about(route, kind_of(key)) is not None
