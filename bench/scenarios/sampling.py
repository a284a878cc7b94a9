"""One measurement of a tee under a load: rate, latency, CPU time, memory, and the counts of A and B."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..programs import measure
from ..programs.backends import Counting, settle
from ..programs.load import Case, Load, Outcome
from ..programs.sessions import Sessions
from ..programs.subjects import Running, Subject
from ..reports.figures import Figures, Json, Row, Sample, row_json
from .rounds import Taken, What
from .scenario import Plan

Apply = Callable[[str, int], Outcome]
"""Puts a load on a URL for some seconds."""


@dataclass(frozen=True)
class Workload:
    """A case at a number of connections."""

    case: Case
    connections: int

    @property
    def title(self) -> str:
        """For headings."""
        return f"{self.case.title}, {self.connections} connection{'s' if self.connections != 1 else ''}"

    def by(self, load: Load) -> Apply:
        """The workload, applied by a load generator."""
        return lambda url, seconds: load.run(url, self.case, self.connections, seconds)


def sample(apply: Apply, tee: Running, plan: Plan, a: Counting, b: Counting | None) -> Sample:
    """Warm the tee up, apply the load to its URL for some seconds, wait until B has its clones, read every counter."""
    if plan.warmup:
        apply(tee.url, plan.warmup)
    group = tee.process.group if tee.process else None
    b_before = settle(b) if b else 0
    a_before = settle(a)
    cpu_before = measure.cpu_seconds(group) if group else 0.0
    outcome = apply(tee.url, plan.seconds)
    b_count = settle(b) - b_before if b else None
    a_count = a.count() - a_before
    # The CPU time is read after B has its clones, so that it includes the clones that a tee has queued.
    cpu = (measure.cpu_seconds(group) - cpu_before) / max(a_count, 1) * 1e6 if group else None
    memory = float(measure.memory(group)) if group else None
    figures = Figures(outcome.rate, outcome.p50, outcome.p99, cpu, memory)
    return Sample(figures, outcome.errors, outcome.requests, a_count, b_count)


def rate(got: Sample) -> str:
    """A sample's rate, for the progress of a run."""
    return f"{got.figures.rate:,.0f}/s"


def row(taken: Taken[What, Sample], sessions: Sessions, what: What, subject: Subject) -> Row:
    """All samples of one row."""
    samples, reason = taken.row(sessions, what, subject)
    return Row(subject.name, samples, reason, subject.tied)


def rate_table(
    title: str, sessions: Sessions, what: What, subjects: Sequence[Subject], taken: Taken[What, Sample],
    bases: Sequence[str], **more: Any,
) -> Json:  # fmt: skip
    """The table of one load: every subject, with its figures as multiples of each base's."""
    rows = {subject.name: row(taken, sessions, what, subject) for subject in subjects}
    found = [rows.get(name) for name in bases]
    return {"title": title, "sessions": sessions.value, **more,
            "rows": [row_json(each, found) for each in rows.values()]}  # fmt: skip
