"""The main run: every subject under every load, in interleaved rounds."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from ..programs import measure
from ..programs.backends import Backend, settle, start_backend
from ..programs.load import CASES, Case, Load
from ..programs.processes import BenchError, NotStartedError, Workspace
from ..programs.subjects import Running, Subject, running
from ..reports.figures import Figures, Json, Row, Sample, row_json

CONNECTIONS = [1, 32, 128, 512]
BASES = ("direct", "nginx")


@dataclass(frozen=True)
class Plan:
    """How much to measure."""

    rounds: int
    seconds: int
    warmup: int


@dataclass(frozen=True)
class Workload:
    """A case at a number of connections."""

    case: Case
    connections: int

    @property
    def title(self) -> str:
        """For headings."""
        return f"{self.case.title}, {self.connections} connection{'s' if self.connections != 1 else ''}"


def workloads(cases: list[str], connections: list[int]) -> list[Workload]:
    """Every case at every number of connections, except those measured at one number only."""
    return [
        Workload(case, number)
        for case in (CASES[key] for key in cases)
        for number in ([case.connections] if case.connections else connections)
    ]


def progress(text: str) -> None:
    """Tell whoever waits how far the run is."""
    print(text, file=sys.stderr, flush=True)


def sample(load: Load, tee: Running, workload: Workload, plan: Plan, a: Backend, b: Backend | None) -> Sample:
    """Warm up, put the load on, wait until B has what it will get, and read every counter."""
    if plan.warmup:
        load.run(tee.url, workload.case, workload.connections, plan.warmup)
    group = tee.process.group if tee.process else None
    b_before = settle(b) if b else 0
    a_before = settle(a)
    cpu_before = measure.cpu_seconds(group) if group else 0.0
    outcome = load.run(tee.url, workload.case, workload.connections, plan.seconds)
    b_count = settle(b) - b_before if b else None
    a_count = a.count() - a_before
    # The CPU time is read after B has its clones, so that a tee that queues them does not look the cheaper for it.
    cpu = (measure.cpu_seconds(group) - cpu_before) / max(a_count, 1) * 1e6 if group else None
    memory = float(measure.memory(group)) if group else None
    figures = Figures(outcome.rate, outcome.p50, outcome.p99, cpu, memory)
    return Sample(figures, outcome.errors, outcome.requests, a_count, b_count)


def rotated(subjects: list[Subject], by: int) -> list[Subject]:
    """Another order each round, so that nobody always runs after the same neighbour."""
    by %= len(subjects)
    return subjects[by:] + subjects[:by]


def run(workspace: Workspace, subjects: list[Subject], loads: list[Workload], load: Load, plan: Plan) -> list[Json]:
    """Measure everything and return the tables as they are written down."""
    a, b = start_backend(workspace, "a"), start_backend(workspace, "b")
    samples: dict[tuple[Workload, str], list[Sample]] = {}
    reasons: dict[tuple[Workload, str], str] = {}
    absent: dict[str, str] = {}
    started: set[str] = set()
    for number in range(plan.rounds):
        for workload in loads:
            for subject in rotated(subjects, number):
                key = (workload, subject.name)
                if subject.name in absent:
                    reasons[key] = absent[subject.name]
                    continue
                line = f"round {number + 1} of {plan.rounds}: {workload.title}: {subject.name}: "
                try:
                    with running(workspace, subject, a.port, b.port) as tee:
                        started.add(subject.name)
                        got = sample(load, tee, workload, plan, a, b if subject.starter else None)
                except BenchError as error:
                    reasons[key] = f"not started: {error}" if isinstance(error, NotStartedError) else str(error)
                    progress(line + reasons[key])
                    if subject.name not in started:
                        # What did not come up the first time is not waited for again.
                        absent[subject.name] = reasons[key]
                    continue
                samples.setdefault(key, []).append(got)
                progress(line + f"{got.figures.rate:,.0f}/s")
    tables = []
    for workload in loads:
        rows = {}
        for subject in subjects:
            key = (workload, subject.name)
            rows[subject.name] = Row(subject.name, tuple(samples.get(key, ())), reasons.get(key, ""), subject.tied)
        bases = [rows.get(name) for name in BASES]
        tables.append({
            "case": workload.case.key,
            "title": workload.title,
            "connections": workload.connections,
            "rows": [row_json(row, bases) for row in rows.values()],
        })  # fmt: skip
    return tables
