"""The verdict at one moment, also as in /status: what the judge has published, and what the workers have counted."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import time
from typing import Any, Protocol

from httptee.verdict.court import Report, RouteSums
from httptee.verdict.evidence import Unreadable, read_verdict, report_of
from httptee.verdict.pairs import Folding, Tallies, folded

_SILENT = 60.0  # seconds; a report that takes long is made less often


@dataclass(frozen=True, slots=True)
class Judged:
    """`document` is what the judge has published, empty if it cannot be read: `error` says why. `reports` are those in
    it, by B. `sums` are the counts of each B by route since the start of the tee, with or without a judge, and `missed`
    the writes that it did not get. `backends` are the Bs of the settings. `elsewhere` is where the pairs are published
    if other judges judge them, or empty.
    """

    document: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    reports: Mapping[str, Report] = field(default_factory=dict)
    backends: tuple[str, ...] = ()
    sums: Mapping[str, Mapping[str, RouteSums]] = field(default_factory=dict)
    missed: Mapping[str, int] = field(default_factory=dict)
    elsewhere: str = ""

    @property
    def judge(self) -> Mapping[str, Any]:
        """What the judge says of itself."""
        found: Mapping[str, Any] = self.document.get("judge") or {}
        return found

    @property
    def age(self) -> float | None:
        """Seconds since the reports were made; None without one."""
        at = self.document.get("at")
        return None if at is None else max(0.0, time() - at)

    @property
    def state(self) -> str:
        """Of the judge: `starting`, `running`, `stopped` (by a signal), `silent` (it makes no reports) or `gone`;
        `elsewhere` if other judges judge the pairs."""
        if self.elsewhere:
            return "elsewhere"
        if not self.judge:
            return "starting"
        process = _state_of(self.judge.get("pid"))
        return "silent" if process == "running" and (self.age or 0.0) > _SILENT else process


class Watched(Protocol):
    """Where the judge writes, and what it reads."""

    @property
    def place(self) -> str:
        """The directory of the evidence; empty before there is any."""

    @property
    def tallies(self) -> Tallies | None:
        """What is counted of the pairs."""


def judged(evidence: str, tallies: Tallies | None, elsewhere: str = "") -> Judged:
    """What is known now. `evidence` is the directory that the judge writes to, or empty before there is any.
    `elsewhere` is where the pairs are published for other judges, or empty."""
    document: Mapping[str, Any] = {}
    error, reports = "", []
    try:
        document = read_verdict(evidence) if evidence else {}
        reports = [report_of(report) for report in document.get("reports", ())]
    except (Unreadable, ValueError) as problem:
        error = str(problem)
    by_backend = {report.backend: report for report in reports}
    if tallies is None:
        return Judged(document, error, by_backend, elsewhere=elsewhere)
    folding = Folding([*tallies.names(), *({route.route for route in report.routes} for report in reports)])
    sums = {backend: folded(routes, folding) for backend, routes in tallies.sums().items()}
    missed = {backend: tallies.missed(backend) for backend in {**sums, **dict.fromkeys(tallies.backends)}}
    return Judged(document, error, by_backend, tallies.backends, sums, missed, elsewhere)


def _state_of(pid: object) -> str:
    """Of a process of this user: `running`, `stopped` or `gone`."""
    if not isinstance(pid, int) or pid <= 0:
        return "gone"
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            letter = file.read().rpartition(") ")[2][:1]  # proc(5)
    except (ProcessLookupError, PermissionError, OverflowError):
        return "gone"
    except OSError:  # not Linux
        return "running"
    return {"T": "stopped", "t": "stopped", "Z": "gone"}.get(letter, "running")


def judge_status(found: Judged, processes: int | None) -> dict[str, Any]:
    """The judge, and how old its reports are. `processes`: of how many processes this one has a judge of its own; None
    where one judge is there for all."""
    judge, age = found.judge, found.age
    names = ("pid", "thread", "began", "failures", "strange", "dropped", "repeats")
    return {
        "directory": found.document.get("directory"),
        "elsewhere": found.elsewhere or None,
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
