"""What a court goes by, and the counts of a whole B: values from the settings and from the worker processes."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

from httptee.verdict.court.latency import Margin
from httptee.verdict.court.rules import NO_RULES, Rules

FIRST, FIRST_SHARE, LATER_SHARE = 1000, 0.05, 0.01


def sample_share(judged: int) -> float:
    """The part of a route's pairs that are asked again whatever they show, after so many judged ones (0 to 1)."""
    return FIRST_SHARE if judged < FIRST else LATER_SHARE


def is_safe(route: str) -> bool:
    """Whether the requests of a route, such as `GET /users/{int}`, change nothing (RFC 9110 §9.2.1)."""
    return route.partition(" ")[0] in ("GET", "HEAD", "OPTIONS", "TRACE")


@dataclass(frozen=True, slots=True)
class Policy:
    """What is asked of one B, and how sure the answer has to be.

    `delta`: the rate of mismatches (0 to 1) that is still the same. `alpha`: the chance of a false `differs` in a
    route, shared by `keys` places in it; `alpha_latency`: of a false `slower`; `alpha_within`: of a false `within`;
    `alpha_same`: of too low a bound. B is slower beyond `margin` times A's time plus `margin_seconds`. `repeat`: A and
    B may be asked again. `times`: whether their times are compared.
    """

    backend: str = ""
    chapter: int = 1
    delta: float = 0.001
    alpha: float = 0.01
    alpha_latency: float = 0.001
    alpha_within: float = 0.001
    alpha_same: float = 0.05
    keys: int = 50
    margin: float = 1.10
    margin_seconds: float = 0.001
    repeat: bool = True
    times: bool = True
    rules: Rules = NO_RULES

    @property
    def enough(self) -> float:
        """The logarithm of the evidence from which on B differs."""
        return log(self.keys / self.alpha)

    @property
    def latency_margin(self) -> Margin:
        """For `latency.Blocks`."""
        return Margin(self.margin, self.margin_seconds)

    def may_repeat(self, route: str) -> bool:
        """Whether requests of a route, such as `GET /users/{int}`, may be sent again as far as their method says."""
        return self.repeat and route.partition(" ")[0] in ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of one B: clones `offered` to it and `delivered`; pairs `chosen` to be judged before B had answered, and
    `judged`; `repeats` to A; `writes_missed`: clones with an unsafe method that B did not get.
    """

    offered: int = 0
    delivered: int = 0
    chosen: int = 0
    judged: int = 0
    repeats: int = 0
    writes_missed: int = 0
