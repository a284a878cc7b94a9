"""The application under gunicorn, and what its ledger says."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ...programs.backends import Backend, settle
from ...programs.processes import ROOT, Process, finish, free_port, program
from ...programs.subjects import address
from ...programs.workspace import Workspace
from ...reports.figures import Json

APPLICATION = Path(__file__).parent / "flask_app.py"
THREADS = 4
EXACT_WORKERS = 4
_CONNECTIONS = 16
_PATIENCE = 20.0  # seconds for the last clones


@contextlib.contextmanager
def application(workspace: Workspace, b: str, workers: int, worker: str) -> Iterator[tuple[int, Process]]:
    """The application under gunicorn, shadowing itself to `b` unless that is empty: its port, and gunicorn.

    Each worker process has a listening socket of its own. With a common one, the first process that is awake takes most
    connections of a load and keeps them: then a rate shows how they fell, and not what a request costs.
    """
    port = free_port()
    argv = [sys.executable, "-m", "gunicorn", f"--bind=127.0.0.1:{port}", f"--workers={workers}", "--reuse-port"]
    argv += [f"--worker-class={worker}", f"--threads={THREADS}", "--backlog=2048", "--log-level=error"]
    counts = workspace.subdirectory("counts")
    env = {"PYTHONPATH": f"{ROOT}:{APPLICATION.parent}", "BENCH_B": b, "PROMETHEUS_MULTIPROC_DIR": str(counts)}
    with workspace.started("gunicorn", [*argv, "flask_app:app"], env) as process:
        process.wait_ready(port)
        yield port, process


def ledger(port: int) -> tuple[dict[str, int], int]:
    """B's account when no clone is in flight, and how often it was asked for. That request itself is not in it."""
    deadline, asked = time.monotonic() + _PATIENCE, 0
    while True:
        time.sleep(0.2)  # the clone of a request is offered behind its answer
        asked += 1
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/ledger")
            found: dict[str, int] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if not found["in_flight"] or time.monotonic() > deadline:
            return found, asked


def exact(workspace: Workspace, backend: Backend, requests: int, worker: str) -> tuple[Json, list[str]]:
    """What B and the ledger have of a fixed number of requests to four processes: as figures, and as cells."""
    requests -= requests % _CONNECTIONS  # hey sends as many on each connection
    with application(workspace, backend.url, EXACT_WORKERS, worker) as (port, _):
        first, _ = ledger(port)
        before = settle(backend)
        argv = [program("hey"), "-n", str(requests), "-c", str(_CONNECTIONS), f"{address(port)}/page"]
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
