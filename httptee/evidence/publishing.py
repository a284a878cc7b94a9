"""Reports as they are published: with the kept pairs as examples, and without credentials."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from httptee.compare import Key
from httptee.evidence.chest import storable
from httptee.evidence.document import report_as_dict
from httptee.evidence.keeping import last_name
from httptee.evidence.masks import Masks
from httptee.evidence.names import is_secret
from httptee.evidence.samples import Place, Seen
from httptee.verdict import Finding, Report

Example = Callable[[Place], tuple[Seen, tuple[int, ...]] | None]


def published(
    reports: Sequence[Report], example: Example, chapters: Mapping[str, int], keep: str
) -> list[dict[str, Any]]:
    """The reports as JSON objects. `example` finds what is kept for a key; `chapters` are those of each B."""
    made = []
    for report in reports:
        chapter = chapters.get(report.backend, report.chapter)
        routes = tuple(
            replace(route, findings=tuple(_safe(one, report.backend, chapter, example, keep) for one in route.findings))
            for route in report.routes
        )
        made.append(report_as_dict(replace(report, routes=routes)))
    return made


def _safe(finding: Finding, backend: str, chapter: int, example: Example, keep: str) -> Finding:
    key = storable(Key(finding.part, finding.path, finding.kind))
    kept = example((backend, chapter, finding.route, key))
    finding = replace(finding, examples=kept[1] if kept else ())
    if keep == "paths":
        a = b = ""
    elif kept and kept[0].masked:
        a, b = kept[0].a, kept[0].b
    else:
        a, b = _masked(finding)
    return replace(finding, a=a, b=b, reason=_without(finding.reason, ((finding.a, a), (finding.b, b))))


def _masked(finding: Finding) -> tuple[str, str]:
    masks = Masks((finding.a, finding.b))
    name = last_name(finding.path)

    def one(value: str) -> str:
        text = value.encode("utf-8", "replace").decode("latin-1")
        if finding.part == "header":
            masked = masks.header(name, text)
        elif finding.part == "body" and is_secret(name):
            masked = masks.secret(text, name)
        else:
            masked = masks.text(text)
        return masked.encode("latin-1").decode("utf-8", "replace")

    return one(finding.a), one(finding.b)


def _without(reason: str, replaced: Sequence[tuple[str, str]]) -> str:
    """The reason, which may name the example values, with those that were masked."""
    for value, masked in replaced:
        if value and value != masked:
            reason = reason.replace(value, masked) if masked else "" if value in reason else reason
    return reason
