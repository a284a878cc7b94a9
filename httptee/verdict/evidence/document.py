"""Reports as JSON, and back. The schema is on the page docs/evidence.md; `SCHEMA` counts its incompatible changes."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from httptee.verdict.court import NO, NOT_YET, YES, Finding, LatencyReport, Report, RouteReport
from httptee.version import __version__

SCHEMA = 1
_WORST = (NO, NOT_YET, YES)


def as_json(value: Any) -> str:
    """JSON in one line. A number that is not finite becomes null."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), separators=(",", ":"))


def document(reports: Sequence[Mapping[str, Any]], at: float | None, **more: Any) -> dict[str, Any]:
    """What `/verdict` and `httptee verdict --json` give: the reports of all Bs, and the worst word of them.

    `at` is when the reports were made, in seconds since the epoch, or None if there are none yet.
    """
    overall = worst([str(report.get("word")) for report in reports])
    return {"schema": SCHEMA, "version": __version__, "at": at, "word": overall, **more, "reports": list(reports)}


def is_document(found: Any) -> bool:
    """Whether this has the form of a document, as far as the list of its reports."""
    reports = found.get("reports") if isinstance(found, dict) else None
    return isinstance(reports, list) and all(isinstance(report, dict) for report in reports)


def worst(words: Sequence[str]) -> str:
    """The word for several Bs. Without any, nothing is decided yet."""
    return min((word for word in words if word in _WORST), key=_WORST.index, default=NOT_YET)


def report_as_dict(report: Report) -> dict[str, Any]:
    """The report as a JSON object: the fields of `verdict.Report`, by their names."""
    found: dict[str, Any] = dataclasses.asdict(report)
    return found


def report_of(found: Any) -> Report:
    """The reverse of `report_as_dict`. Unknown fields are left out. Raises ValueError for what is not a report."""
    try:
        routes = [
            _made(
                RouteReport,
                route,
                latency=_made(LatencyReport, route["latency"]),
                findings=tuple(_made(Finding, one) for one in route.get("findings", ())),
            )
            for route in found.get("routes", ())
        ]
        report: Report = _made(Report, found, routes=tuple(routes))
        return report
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a report: {error}") from None


def _made(kind: Any, found: Mapping[str, Any], **parts: Any) -> Any:
    given: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        if field.name in parts:
            given[field.name] = parts[field.name]
        elif field.name in found:
            value = found[field.name]
            if isinstance(value, list):
                value = tuple(value)
            given[field.name] = math.inf if value is None and field.type == "float" else value
    return kind(**given)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value
