"""What of a report the page shows, within limits: a report may have hundreds of routes and differences."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from httptee.verdict.court import Finding, Report, RouteReport
from httptee.verdict.display import AGAINST, OPEN, by_severity, by_weight, summary

FIRST = 10
"""Differences, routes and missing things that are in sight; what follows is folded."""

ROUTES = 100
DIFFERENCES = 100


@dataclass(frozen=True, slots=True)
class Group:
    """Differences of one meaning: `title` says which. What is over the limit is only counted, in `more`."""

    title: str
    findings: Sequence[Finding]
    more: int
    reasons: bool = False

    @property
    def count(self) -> int:
        """All of them."""
        return len(self.findings) + self.more


@dataclass(frozen=True, slots=True)
class Verdict:
    """One B. `against` are the differences that speak against it, `groups` all others, for example noise."""

    report: Report
    summary: str
    routes: Sequence[RouteReport]
    more_routes: int
    against: Group
    groups: Sequence[Group]


def verdict_of(report: Report) -> Verdict:
    """What is shown of a report: the worst first."""
    routes = by_severity(report.routes)
    found = by_weight([finding for route in routes for finding in route.findings])

    def group(title: str, labels: Collection[str], reasons: bool = False) -> Group:
        those = [one for one in found if one.label in labels]
        return Group(title, those[:DIFFERENCES], len(those[DIFFERENCES:]), reasons)

    groups = [
        group("constant: to be accepted or repaired", ("constant",)),
        group("undecided so far", ("undecided",)),
        group("ruled out, and why", {one.label for one in found} - {*OPEN}, reasons=True),
    ]
    against = group("speak against this B", AGAINST)
    shown = [one for one in groups if one.findings]
    return Verdict(report, summary(report), routes[:ROUTES], len(routes[ROUTES:]), against, shown)


def weight_of(label: str) -> str:
    """`bad` for a label that speaks against B, `fair` for one that is open, otherwise empty."""
    return "bad" if label in AGAINST else "fair" if label in OPEN else ""


def link_to(report: Report, finding: Finding) -> str:
    """The path of the page of a difference."""
    return f"/difference/{quote(report.backend, safe='')}/{quote(finding.id, safe='')}"


def finding_of(reports: Sequence[Report], backend: str, number: str) -> Finding | None:
    """A difference by its B and its `id`."""
    return next(
        (
            finding
            for report in reports
            if report.backend == backend
            for route in report.routes
            for finding in route.findings
            if finding.id == number
        ),
        None,
    )
