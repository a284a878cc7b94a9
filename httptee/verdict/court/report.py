"""The report: what is known of one B, as frozen values. Rendered elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

YES, NO, NOT_YET = "YES", "NO", "NOT YET"
LABELS = ("differs", "suspected", "undecided", "noise", "constant", "late", "refreshes", "same", "ignored", "accepted")
"""What a difference is held to be. Only `differs` and `suspected` speak against B."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One key of one route. `id` is short and stable, for `httptee verdict show`.

    `pairs` is the number of judged pairs that show it, `share` their part of the route's judged pairs. `reason` says in
    plain words why it has its `label`, with figures. `a` and `b` are example values as text. `line` is what to paste
    into B's line to ignore or accept it. `examples` are the numbers of the pairs kept as evidence. `unstable`: B
    answers its own repeats differently where A does not.
    """

    id: str
    route: str
    part: str
    path: str
    kind: str
    label: str
    reason: str
    pairs: int
    share: float
    evidence: float
    a: str
    b: str
    line: str
    unstable: bool = False
    examples: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LatencyReport:
    """Of one route. `label` is `within`, `slower`, `slower in the tail`, `undecided` or `not compared`. Times are
    in seconds, or None."""

    label: str
    reason: str
    blocks: int
    a_p50: float | None = None
    b_p50: float | None = None
    a_p99: float | None = None
    b_p99: float | None = None


@dataclass(frozen=True, slots=True)
class RouteReport:
    """One route. `bound` is the upper bound of the unexplained mismatch rate; `missing` says what is needed for YES.

    `more` is about how many more judged pairs it takes, or None if that cannot be said.
    """

    route: str
    word: str
    judged: int
    equal: int
    unexplained: int
    share: float  # of the traffic
    bound: float
    latency: LatencyReport
    findings: tuple[Finding, ...] = ()
    missing: tuple[str, ...] = ()
    more: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """One B. `offered` clones, of which `delivered`; `chosen` to be judged, of which `judged`. `repeats` to A."""

    backend: str
    chapter: int
    since: float
    word: str
    summary: str
    delta: float
    alpha: float
    offered: int
    delivered: int
    chosen: int
    judged: int
    repeats: int
    routes: tuple[RouteReport, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
