"""One run of a proof: a world is played to the tee's own comparison and court, and scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from httptee.compare import Routes, differences, equal
from httptee.verdict.court import Counts, Court, Policy, Rules
from httptee.verdict.court.latency import BUCKETS, Blocks, bucket
from httptee.verdict.court.report import Report
from httptee.verdict.judge.repeats import RepeatLimits, Repeats
from tests.worlds import SERVICES
from tests.worlds.play.diffy import Diffy, Field
from tests.worlds.play.driver import Instruments, Play, Played
from tests.worlds.play.score import Said, false_alarms, is_reported, misnamed, said
from tests.worlds.play.tally import Tally
from tests.worlds.service import Service
from tests.worlds.traffic import Traffic
from tests.worlds.world import World

FOCUS = 0.6
"""The part of the traffic that goes to the route in focus."""
START = 1_700_000_000.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is played: `requests` in total.

    With a `focus` they count on that route, which gets 60 % of the traffic. With `each` they count on every route, and
    all routes get the same traffic. `third`: Diffy's rule on the same pairs. `rate` is in requests per second.
    """

    world: str
    seed: int
    requests: int
    defects: Sequence[str] = ()
    noises: Sequence[str] | None = None
    focus: str = ""
    each: bool = False
    third: bool = False
    rate: float = 30.0
    repeats: float = 2.0
    ruled: bool = True
    delta: float = 0.001

    @property
    def service(self) -> Service:
        """The service of the world's name."""
        return SERVICES[self.world]

    @property
    def weights(self) -> dict[str, float]:
        """The share of each route in the traffic."""
        if self.each:
            return dict.fromkeys(self.service.weights, 1.0)
        weights = dict(self.service.weights)
        if self.focus:
            rest = sum(weights.values()) - weights[self.focus]
            weights = {name: weight / rest * (1 - FOCUS) for name, weight in weights.items()}
            weights[self.focus] = FOCUS
        return weights

    def enough(self, played: Played) -> bool:
        """Whether all of it has been played."""
        if self.each:
            return all(played.routes[route] >= self.requests for route in self.service.weights)
        return (played.routes[self.focus] if self.focus else played.requests) >= self.requests


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run. `found_at` is the number of requests to the focus after which the defects were found.

    `diffy` are the fields that Diffy's rule shows.
    """

    plan: Plan
    report: Report
    played: Played
    found_at: int | None
    alarms: tuple[Said, ...]
    misnamed: tuple[str, ...]
    repeats: int
    diffy: frozenset[Field]

    @property
    def found(self) -> bool:
        """Whether the report at the end has all defects."""
        return all(is_reported(self.report, self.plan.service.defects[name]) for name in self.plan.defects)


class Run:
    """A run that can be looked into while it goes on."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        rules = Rules.parse(plan.service.rules if plan.ruled else ())
        policy = Policy(delta=plan.delta, repeat=plan.repeats > 0, rules=rules)
        self.court = Court(policy, Random(f"{plan.seed}/court"))
        self.repeats = Repeats(RepeatLimits(per_second=plan.repeats), START)
        self.routes = Routes()
        self.world = World(plan.seed, plan.defects, plan.noises, plan.service)
        self.diffy = Diffy(self.world, differences, rules.about) if plan.third else None
        self.found_at: int | None = None

    def outcome(self) -> Outcome:
        """Play to the end."""
        plan = self.plan
        instruments = Instruments(self.court, differences, equal, self.routes.route, _tally)
        traffic = Traffic(plan.service, plan.seed, plan.weights, plan.rate, START)
        watchers = [self.diffy] if self.diffy else []
        play = Play(self.world, traffic, instruments, self.repeats, plan.seed, watchers, self._look)
        played = play.run(plan.enough)
        report = self.report(played)
        statements = list(said(report))
        defects = [plan.service.defects[name] for name in plan.defects]
        shown = frozenset(self.diffy.shown()) if self.diffy else frozenset()
        return Outcome(
            plan, report, played, self.found_at, tuple(false_alarms(statements, defects)),
            tuple(misnamed(statements, self.world.noises)), self.repeats.made, shown,
        )  # fmt: skip

    def report(self, played: Played) -> Report:
        """The report at this moment."""
        counts = Counts(
            offered=played.offered, delivered=played.delivered, chosen=played.delivered, judged=played.delivered,
            repeats=self.repeats.made, writes_missed=played.writes_missed,
        )  # fmt: skip
        return self.court.report(played.sums(), counts, played.now)

    def _look(self, played: Played) -> None:
        report = self.report(played)  # a judge reports all the time, and a court learns from that how many were equal
        defects = [self.plan.service.defects[name] for name in self.plan.defects]
        if self.found_at is None and defects and all(is_reported(report, each) for each in defects):
            self.found_at = played.routes[self.plan.focus]


def _tally() -> Tally:
    return Tally(Blocks(), bucket, BUCKETS)
