"""Reports as they are published: with the kept pairs as examples, and without credentials."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from httptee.compare import Key
from httptee.verdict.court import Finding, Report
from httptee.verdict.evidence.chest import storable
from httptee.verdict.evidence.document import report_as_dict
from httptee.verdict.evidence.masks import Masks
from httptee.verdict.evidence.samples import Place, Seen

_PRESENCE = ("missing", "extra")

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
    kinds = dict.fromkeys([finding.kind, *(_PRESENCE if finding.kind in _PRESENCE else ())])
    keys = [storable(Key(finding.part, finding.path, kind)) for kind in kinds]
    found = (example((backend, chapter, finding.route, key)) for key in keys)
    kept = next((one for one in found if one is not None), None)
    if keep == "paths":
        a = b = ""
    elif kept and (kept[0].masked or finding.label != "constant" or not (finding.a or finding.b)):
        a, b = kept[0].a, kept[0].b
    else:
        a, b = _masked(finding.part, finding.path, finding.a, finding.b)
    a, b = "" if finding.kind == "extra" else a, "" if finding.kind == "missing" else b
    reason = _without(finding.reason, ((finding.a, a), (finding.b, b)))
    return replace(finding, a=a, b=b, reason=reason, examples=kept[1] if kept else ())


def _masked(part: str, path: str, a: str, b: str) -> tuple[str, str]:
    masks = Masks((a, b))

    def one(value: str) -> str:
        text = value.encode("utf-8", "replace").decode("latin-1")
        return masks.at(part, path, text).encode("latin-1").decode("utf-8", "replace")

    return one(a), one(b)


def _without(reason: str, replaced: Sequence[tuple[str, str]]) -> str:
    """The reason, which may name the example values, with those that were masked."""
    for value, masked in replaced:
        if value and value != masked:
            reason = reason.replace(value, masked) if masked else "" if value in reason else reason
    return reason


def without_examples(state: Any) -> Any:
    """A court's state without the values that it holds as examples: a stored pair has them, without credentials."""
    if isinstance(state, Mapping):
        bare = dict.fromkeys(("a", "b"), "") if "place" in state else {}
        return {key: bare.get(key, without_examples(value)) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return [without_examples(one) if isinstance(one, Mapping | list | tuple) else one for one in state]
    return state


def with_safe_examples(state: Any) -> Any:
    """A court's state in which the examples have no credentials: it may be stored where others read."""
    if isinstance(state, Mapping):
        safe = {key: with_safe_examples(value) for key, value in state.items()}
        if "place" in state:
            part, path, _ = state["place"]
            safe["a"], safe["b"] = _masked(str(part), str(path), str(state["a"]), str(state["b"]))
        return safe
    if isinstance(state, list | tuple):
        return [with_safe_examples(one) if isinstance(one, Mapping | list | tuple) else one for one in state]
    return state
