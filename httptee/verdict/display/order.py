"""What to read first."""

from __future__ import annotations

from collections.abc import Sequence

from httptee.verdict.court import NO, NOT_YET, YES, Finding, Report, RouteReport

AGAINST = ("differs", "suspected")
"""Labels that speak against B."""

OPEN = (*AGAINST, "undecided", "constant")
"""Labels that somebody has to look at: the rest is explained."""


def summary(report: Report) -> str:
    """The summary without the word, which stands before it anyway."""
    return report.summary.removeprefix(f"{report.word}: ")


def has_details(route: RouteReport) -> bool:
    """Whether there is more to say of a route than its row in the table."""
    return bool(route.findings or route.missing) or route.latency.label.startswith("slower")


def by_weight(findings: Sequence[Finding]) -> list[Finding]:
    """Those that speak against B first, then those that are open; among them those that more pairs show."""

    def weight(finding: Finding) -> tuple[int, float]:
        label = finding.label
        return OPEN.index(label) if label in OPEN else len(OPEN), -finding.share

    return sorted(findings, key=weight)


def by_severity(routes: Sequence[RouteReport]) -> list[RouteReport]:
    """NO first, then NOT YET; among them those with more of the traffic."""
    words = {NO: 0, NOT_YET: 1, YES: 2}
    return sorted(routes, key=lambda route: (words.get(route.word, 1), -route.share))
