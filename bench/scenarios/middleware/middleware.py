"""A Flask application under gunicorn: bare, and shadowing itself with a B that answers or one that is blackholed.

Three pages: the smallest answer, where the middleware is most of the work, and two that do some work. Each is measured
under two loads. At saturation all programs of this machine share its cores, so what the clones and B take is missing in
the requests each second. At a fixed rate, half of what the bare application manages, cores are left over: latencies
show what a client feels, and CPU time what a request costs.

Then a fixed number of requests to four processes: B has to get each of them once, and the ledger has to add up.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import BenchError
from ...programs.backends import odd_backend, start_backend
from ...programs.load import Case, Load
from ...programs.measure import cpu_seconds
from ...programs.subjects import address
from ...programs.workspace import Workspace
from ...reports.figures import Json
from ...reports.lookups import Lookup, Measured, rows
from ...reports.tables import NOTHING, TIMES, microseconds, multiple, table
from ...reports.targets import Target
from ..rounds import progress, rotated
from ..scenario import Result, Scenario, add_plan, positive
from .service import application, exact, ledger

SATURATED, FIXED = "A Flask application under gunicorn, at saturation", "The same at half of the bare rate"
EXACT = "Every request counted"
BARE, HEALTHY, BLACKHOLED = "bare", "B healthy", "B blackholed"
SUBJECTS = (BARE, HEALTHY, BLACKHOLED)
PAGES = (
    Case("hello", "hello", "/"),
    Case("page", "page with a query and a template", "/page"),
    Case("items", "20 KB of JSON", "/items"),
)
WORK = PAGES[2]
CONNECTIONS = 64
LEAST = {HEALTHY: 0.9, BLACKHOLED: 0.95}


@dataclass(frozen=True)
class Sample:
    """One measurement: requests each second, CPU time of a request in µs, of the application and its threads for B
    together, latencies in µs, and the part of the clones that B got, if there is a B."""

    rate: float
    cpu: float
    p50: float
    p99: float
    delivered: float | None = None


@dataclass(frozen=True)
class Row:
    """One page under one subject."""

    page: str
    subject: str
    samples: Sequence[Sample]

    def median(self, name: str) -> float:
        """The median of one figure."""
        return statistics.median(float(getattr(sample, name)) for sample in self.samples)


Found = dict[tuple[str, str], list[Sample]]


def measured(workspace: Workspace, options: argparse.Namespace, page: Case, b: str, rate: int = 0) -> Sample:
    """One page under one load: at `rate`, or as quick as it goes."""
    load = Load("wrk", workspace.subdirectory("load"))
    with application(workspace, b, options.workers, options.worker) as (port, process):
        url = address(port)
        if options.warmup:
            load.run(url, page, CONNECTIONS, options.warmup)
        before = cpu_seconds(process.group)
        if rate:
            outcome = load.paced(url, rate, options.seconds, path=page.path)
        else:
            outcome = load.run(url, page, CONNECTIONS, options.seconds)
        cpu = (cpu_seconds(process.group) - before) / max(1, outcome.requests) * 1e6
        if outcome.errors and options.worker != "sync":  # sync workers close each connection
            raise BenchError(f"{outcome.errors} errors")
        found = ledger(port)[0] if b else None
    part = found["delivered"] / found["seen"] if found else None
    return Sample(outcome.rate, cpu, outcome.p50, outcome.p99, part)


def rounds(
    workspace: Workspace, options: argparse.Namespace, addresses: dict[str, str], paces: dict[str, int], what: str
) -> Found:
    """Every page under every subject, in interleaved rounds. `paces` has the rate of a page, or none: saturation."""
    found: Found = {}
    for number in range(options.rounds):
        for page in rotated(PAGES, number):
            for subject in rotated(SUBJECTS, number):
                sample = measured(workspace, options, page, addresses[subject], paces.get(page.title, 0))
                found.setdefault((page.title, subject), []).append(sample)
                where = f"{what}: round {number + 1} of {options.rounds}: {page.title}: {subject}"
                progress(f"{where}: {sample.rate:,.0f}/s, {sample.cpu:,.0f} µs")
    return found


def made(title: str, found: Found) -> Json:
    """One table: the medians of every page under every subject, beside those of the bare application."""
    bare = {page: Row(page, subject, samples) for (page, subject), samples in found.items() if subject == BARE}
    cells, figures = [], []
    for page in PAGES:
        for subject in SUBJECTS:
            if (page.title, subject) not in found:
                continue
            row, base = Row(page.title, subject, found[page.title, subject]), bare[page.title]
            names = ("rate", "cpu", "p50", "p99")
            rate, cpu, p50, p99 = (row.median(name) for name in names)
            parts = [sample.delivered for sample in row.samples if sample.delivered is not None]
            part = f"{statistics.median(parts) * 100:.1f} %" if parts else NOTHING
            times, more = multiple(rate, base.median("rate")), multiple(cpu, base.median("cpu"))
            cells.append([page.title, subject, f"{rate:,.0f}", times, f"{cpu:,.0f}", more])
            cells[-1] += [microseconds(p50), microseconds(p99), part]
            figures.append(
                {"subject": "httptee", "scenario": f"{page.title}: {subject}", "ratio": rate / base.median("rate")}
                | {name: row.median(name) for name in names}
                | {"rates": [sample.rate for sample in row.samples], "cpus": [sample.cpu for sample in row.samples]}
            )
    header = ["page", "", "requests/s", f"{TIMES} bare", "CPU µs a request", f"{TIMES} bare", "p50", "p99"]
    return table(title, [*header, "clones at B"], cells, figures)


def half(found: Found) -> dict[str, int]:
    """For each page half of the bare application's requests each second."""
    return {page.title: max(1, round(Row("", "", found[page.title, BARE]).median("rate") / 2)) for page in PAGES}


def run(options: argparse.Namespace) -> Result:
    """Measure every page under both loads, then count."""
    with Workspace() as workspace, odd_backend(workspace, "silent") as silent:
        backend = start_backend(workspace, "b")
        addresses = {BARE: "", HEALTHY: backend.url, BLACKHOLED: address(silent)}
        saturated = rounds(workspace, options, addresses, {}, "saturation")
        paces = half(saturated)
        fixed = rounds(workspace, options, addresses, paces, "fixed rate")
        counted, cells = exact(workspace, backend, options.requests, options.worker)
    header = ["worker", "answered", "requests at B", "seen", "delivered", "dropped"]
    settings = {"rounds": options.rounds, "seconds": options.seconds, "worker": options.worker}
    settings |= {"workers": options.workers, "fixed rates": paces}
    tables = [made(SATURATED, saturated), made(FIXED, fixed), table(EXACT, header, [cells], [counted])]
    return Result(tables, settings, held=counted["held"])


def as_bare(subject: str) -> Lookup:
    """The rate at saturation of the page with 20 KB of JSON, as a multiple of the bare one."""

    def measure(result: Json) -> Measured:
        row = rows(result, SATURATED).get(f"{WORK.title}: {subject}")
        return float(row["ratio"]) if row else None

    return measure


TARGETS = tuple(
    Target(f"a Flask page of {WORK.title}, {subject}: requests/s {TIMES} bare", "middleware", as_bare(subject), least)
    for subject, least in LEAST.items()
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the plan, gunicorn's workers and their class, and the number of requests."""
    add_plan(parser)
    parser.add_argument("--worker", choices=["gthread", "sync"], default="gthread", help="(default: %(default)s)")
    parser.add_argument("--workers", type=positive, default=2, help="gunicorn's processes (default: %(default)s)")
    parser.add_argument("--requests", type=positive, default=10_000, help="counted requests (default: %(default)s)")


SCENARIO = Scenario("middleware", "a Flask application that shadows itself, under gunicorn, at saturation and at a "
                    "fixed rate; status 1 if not every request is counted", add_arguments, run, TARGETS)  # fmt: skip
