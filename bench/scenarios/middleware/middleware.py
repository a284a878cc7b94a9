"""Requests each second of a Flask application under gunicorn: bare, and shadowing itself with a B that answers or not.

Two pages: the smallest answer, which shows the cost of the middleware itself, and a page with a query and a template.
Then a fixed number of requests to four processes: B has to get each of them once, and the ledger has to add up.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import re
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import BenchError
from ...programs.backends import Backend, odd_backend, settle, start_backend
from ...programs.load import Case, Load
from ...programs.measure import cpu_seconds
from ...programs.processes import ROOT, Process, finish, free_port, program
from ...programs.subjects import address
from ...programs.workspace import Workspace
from ...reports.figures import Json
from ...reports.lookups import Lookup, Measured, rows
from ...reports.tables import NOTHING, TIMES, multiple, table
from ...reports.targets import Target
from ..rounds import progress, rotated
from ..scenario import Result, Scenario, add_plan, positive

TITLE = "A Flask application under gunicorn"
EXACT = "Every request counted"
BARE, HEALTHY, BLACKHOLED = "bare", "B healthy", "B blackholed"
SUBJECTS = (BARE, HEALTHY, BLACKHOLED)
PAGES = (Case("hello", "hello", "/"), Case("page", "page with a query and a template", "/page"))
APPLICATION = Path(__file__).parent / "flask_app.py"
WORKERS = 2
EXACT_WORKERS = 4
CONNECTIONS = 16
LEAST = {HEALTHY: 0.9, BLACKHOLED: 0.95}
_PATIENCE = 20.0  # seconds for the last clones


@dataclass(frozen=True)
class Row:
    """One page under one subject: in every round the requests each second, and the CPU time of a request in µs, of the
    application and its threads for B together; and B's part of the requests."""

    page: str
    subject: str
    rates: tuple[float, ...]
    cpu: tuple[float, ...]
    delivered: float | None = None

    @property
    def rate(self) -> float:
        """The median."""
        return statistics.median(self.rates)


@contextlib.contextmanager
def application(workspace: Workspace, b: str, workers: int, worker: str) -> Iterator[tuple[int, Process]]:
    """The application under gunicorn, shadowing itself to `b` unless that is empty: its port, and gunicorn."""
    port = free_port()
    argv = [sys.executable, "-m", "gunicorn", f"--bind=127.0.0.1:{port}", f"--workers={workers}"]
    argv += [f"--worker-class={worker}", "--threads=4", "--backlog=2048", "--log-level=error", "flask_app:app"]
    counts = workspace.subdirectory("counts")
    env = {"PYTHONPATH": f"{ROOT}:{APPLICATION.parent}", "BENCH_B": b, "PROMETHEUS_MULTIPROC_DIR": str(counts)}
    with workspace.started("gunicorn", argv, env) as process:
        process.wait_ready(port)
        yield port, process


def ledger(port: int) -> tuple[dict[str, int], int]:
    """B's account when no clone is in flight, and how often it was asked for. That request itself is not in it."""
    deadline, asked = time.monotonic() + _PATIENCE, 0
    while True:
        asked += 1
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/ledger")
            found: dict[str, int] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if not found["in_flight"] or time.monotonic() > deadline:
            return found, asked
        time.sleep(0.2)


def measured(
    workspace: Workspace, options: argparse.Namespace, page: Case, b: str
) -> tuple[float, float, float | None]:
    """Requests each second, CPU µs a request, and the part of the clones that B got, if there is a B."""
    load = Load("wrk", workspace.subdirectory("load"))
    with application(workspace, b, WORKERS, options.worker) as (port, process):
        if options.warmup:
            load.run(address(port), page, CONNECTIONS, options.warmup)
        before = cpu_seconds(process.group)
        outcome = load.run(address(port), page, CONNECTIONS, options.seconds)
        cpu = (cpu_seconds(process.group) - before) / max(1, outcome.requests) * 1e6
        if outcome.errors and options.worker != "sync":  # sync workers close each connection
            raise BenchError(f"{outcome.errors} errors")
        found = ledger(port)[0] if b else None
    return outcome.rate, cpu, found["delivered"] / found["seen"] if found else None


def exact(workspace: Workspace, backend: Backend, requests: int, worker: str) -> tuple[Json, list[str]]:
    """What B and the ledger have of a fixed number of requests to four processes: as figures, and as cells."""
    requests -= requests % CONNECTIONS  # hey sends as many on each connection
    with application(workspace, backend.url, EXACT_WORKERS, worker) as (port, _):
        first, _ = ledger(port)
        before = settle(backend)
        argv = [program("hey"), "-n", str(requests), "-c", str(CONNECTIONS), f"{address(port)}/page"]
        text = finish(argv, 300)
        answered = sum(int(number) for number in re.findall(r"\[200\]\s+(\d+) responses", text))
        last, asked = ledger(port)
        got = settle(backend) - before - asked
    # The first request for the ledger is in the last one, the last request for it is not.
    found = {name: last[name] - first[name] for name in last}
    for name in ("seen", "delivered"):
        found[name] -= asked
    adds_up = last["seen"] == last["delivered"] + last["failed"] + last["dropped"] + last["in_flight"]
    row = {"subject": "httptee", "scenario": worker, "answered": answered, "b": got, "adds_up": adds_up, **found}
    row["held"] = adds_up and answered == requests == got == found["seen"] == found["delivered"]
    counts = (answered, got, found["seen"], found["delivered"], found["dropped"])
    return row, [worker, *(f"{number:,}" for number in counts)]


def made(found: list[Row]) -> Json:
    """The table of rates."""
    bare = {row.page: row.rate for row in found if row.subject == BARE}
    cells, figures = [], []
    for row in found:
        times = multiple(row.rate, bare[row.page])
        part = NOTHING if row.delivered is None else f"{row.delivered * 100:.1f} %"
        cpu = statistics.median(row.cpu)
        cells.append([row.page, row.subject, f"{row.rate:,.0f}", times, f"{cpu:,.0f}", part])
        figures.append(
            {"subject": "httptee", "scenario": f"{row.page}: {row.subject}", "rate": row.rate, "rates": row.rates}
            | {"ratio": row.rate / bare[row.page], "cpu": cpu, "delivered": row.delivered}
        )
    return table(TITLE, ["page", "", "requests/s", f"{TIMES} bare", "CPU µs a request", "clones at B"], cells, figures)


def run(options: argparse.Namespace) -> Result:
    """Measure every page under every subject, in interleaved rounds, then count."""
    rates: dict[tuple[str, str], list[tuple[float, float]]] = {}
    parts: dict[tuple[str, str], float | None] = {}
    with Workspace() as workspace, odd_backend(workspace, "silent") as silent:
        backend = start_backend(workspace, "b")
        addresses = {BARE: "", HEALTHY: backend.url, BLACKHOLED: address(silent)}
        for number in range(options.rounds):
            for page in PAGES:
                for subject in rotated(SUBJECTS, number):
                    rate, cpu, part = measured(workspace, options, page, addresses[subject])
                    rates.setdefault((page.title, subject), []).append((rate, cpu))
                    parts[page.title, subject] = part
                    where = f"round {number + 1} of {options.rounds}: {page.title}: {subject}"
                    progress(f"{where}: {rate:,.0f}/s, {cpu:,.0f} µs")
        counted, cells = exact(workspace, backend, options.requests, options.worker)
    found = [
        Row(*key, tuple(rate for rate, _ in rates[key]), tuple(cpu for _, cpu in rates[key]), parts[key])
        for key in sorted(rates, key=lambda key: (key[0], SUBJECTS.index(key[1])))
    ]
    header = ["worker", "answered", "requests at B", "seen", "delivered", "dropped"]
    settings = {"rounds": options.rounds, "seconds": options.seconds, "worker": options.worker, "workers": WORKERS}
    return Result([made(found), table(EXACT, header, [cells], [counted])], settings, held=counted["held"])


def as_bare(subject: str) -> Lookup:
    """The rate of the page with a template, as a multiple of the bare one."""

    def measure(result: Json) -> Measured:
        row = rows(result, TITLE).get(f"{PAGES[1].title}: {subject}")
        return float(row["ratio"]) if row else None

    return measure


TARGETS = tuple(
    Target(f"a Flask page, {subject}: requests/s {TIMES} bare", "middleware", as_bare(subject), least)
    for subject, least in LEAST.items()
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the plan, the class of gunicorn's workers and the number of requests."""
    add_plan(parser)
    parser.add_argument("--worker", choices=["gthread", "sync"], default="gthread", help="(default: %(default)s)")
    parser.add_argument("--requests", type=positive, default=10_000, help="counted requests (default: %(default)s)")


SCENARIO = Scenario("middleware", "a Flask application that shadows itself, under gunicorn; status 1 if not every "
                    "request is counted", add_arguments, run, TARGETS)  # fmt: skip
