"""The verdict in /status."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from httptee.admin.judged import Judged
from httptee.verdict.court import RouteSums


def judge_status(found: Judged, processes: int | None) -> dict[str, Any]:
    """The judge, and how old its reports are. `processes`: of how many processes this one has a judge of its own; None
    where one judge is there for all."""
    judge, age = found.judge, found.age
    names = ("pid", "thread", "began", "failures", "strange", "dropped", "repeats")
    return {
        "directory": found.document.get("directory"),
        "error": found.error or None,
        "age": None if age is None else round(age, 3),
        "alone": None if processes is None else {"pid": os.getpid(), "processes": processes},
        "judge": {"state": found.state, **{name: judge.get(name) for name in names}},
    }


def verdict_status(found: Judged, backend: str) -> dict[str, Any]:
    """One B: the latest report in short, and what the worker processes have counted since the start of the tee."""
    report = found.reports.get(backend)
    labels = Counter(finding.label for route in report.routes for finding in route.findings) if report else {}
    names = ("word", "summary", "chapter", "since", "offered", "delivered", "chosen", "judged", "repeats", "notes")
    return {
        **{name: getattr(report, name, None) for name in names},
        "routes": len(report.routes) if report else 0,
        "findings": dict(labels),
        "counts": _counts(list(found.sums.get(backend, {}).values()), found.missed.get(backend, 0)),
    }


def _counts(routes: list[RouteSums], missed: int) -> dict[str, int]:
    return {
        "chosen": sum(each.chosen for each in routes),
        "matched": sum(each.equal for each in routes),
        "mismatched": sum(each.unequal for each in routes),
        "lost": sum(each.lost for each in routes),
        "writes_missed": missed,
    }
