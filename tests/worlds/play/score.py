"""What a report is worth: which defects are in it, what else it says against B, and what it calls the noises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from httptee.verdict.court.report import Finding, Report
from tests.worlds.switches import LATENCY, Expected, Switch

AGAINST = ("differs", "slower", "slower in the tail")
"""The labels that speak against B."""


@dataclass(frozen=True, slots=True)
class Said:
    """One statement of a report: about a difference, or about a route's times (`part` is `latency`)."""

    route: str
    part: str
    path: str
    kind: str
    label: str

    @property
    def against(self) -> bool:
        """Whether it speaks against B."""
        return self.label in AGAINST

    def __str__(self) -> str:
        return " ".join(filter(None, [self.route, self.part, self.path, self.kind, self.label]))


def said(report: Report) -> Iterator[Said]:
    """Every statement of a report."""
    for route in report.routes:
        yield Said(route.route, LATENCY, "", "", route.latency.label)
        yield from map(_of, route.findings)


def _is_at(each: Said, expected: Expected) -> bool:
    return expected.is_at(each.route, each.part, each.path, each.kind)


def _of(finding: Finding) -> Said:
    return Said(finding.route, finding.part, finding.path, finding.kind, finding.label)


def meets(statements: Iterable[Said], expected: Expected) -> bool:
    """Whether there is a statement at the expected place with a right label."""
    labels = {each.label for each in statements if _is_at(each, expected)}
    return bool(labels & set(expected.labels)) or (not labels and "absent" in expected.labels)


def is_found(statements: Iterable[Said], defect: Switch) -> bool:
    """Whether a report says of a defect what it has to say."""
    statements = list(statements)
    return all(meets(statements, expected) for expected in defect.expected)


def is_reported(report: Report, defect: Switch) -> bool:
    """Whether a report has a defect, and the note that belongs to it."""
    return is_found(said(report), defect) and any(defect.note in note for note in (*report.notes, ""))


def misnamed(statements: Iterable[Said], noises: Iterable[Switch]) -> list[str]:
    """The noises that a report does not name as their table does, each with what it says in their places."""
    statements = list(statements)
    wrong = []
    for noise in noises:
        for expected in noise.expected:
            if not meets(statements, expected):
                here = [each.label for each in statements if _is_at(each, expected)]
                wrong.append(f"{noise.name}: {', '.join(here) or 'absent'} at {expected.route} {expected.paths[0]}")
    return wrong


def false_alarms(statements: Iterable[Said], defects: Iterable[Switch]) -> list[Said]:
    """What a report says against B and no defect explains."""
    return [each for each in statements if each.against and not any(_explains(defect, each) for defect in defects)]


def _explains(defect: Switch, each: Said) -> bool:
    if each.part == LATENCY:  # a B that is slower may show it in the median, in the tail, or in both
        return each.route == defect.route and defect.slow * defect.stalls > 1.2
    if (each.route, each.part) in defect.also:
        return True
    return any(_is_at(each, expected) and each.label in expected.labels for expected in defect.expected)
