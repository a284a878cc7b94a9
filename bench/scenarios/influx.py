"""InfluxDB writes, direct and through the tee: one client, one point a request, which is what a tee costs most."""

from __future__ import annotations

import http.client
import json
import statistics
import urllib.parse
from dataclasses import asdict, dataclass

from ..programs.backends import settle
from ..programs.load import Outcome, finish, parse_hey
from ..programs.processes import BenchError, Process, Workspace, free_port, program
from ..programs.subjects import Subject, running
from ..reports.figures import ENOUGH, Json, percent
from ..reports.report import NOTHING, TIMES, microseconds
from .tees import Plan, progress, rotated

POINT = "weather,station=one temperature=21.5"
WRITE = "/write?db=bench"

# As the package ships it, but for directories and ports of its own and for reporting and monitoring itself.
CONFIG = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{directory}/meta"
[data]
  dir = "{directory}/data"
  wal-dir = "{directory}/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
"""


@dataclass(frozen=True)
class Influx:
    """A running influxd."""

    process: Process
    port: int

    def ask(self, method: str, path: str) -> bytes:
        """The answer to a request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise BenchError(f"influxd answers {answer.status} to {path}")
        return body

    def count(self) -> int:
        """How many writes it has been sent."""
        return writes(json.loads(self.ask("GET", "/debug/vars")))


def writes(variables: Json) -> int:
    """The number of writes out of influxd's own statistics."""
    return sum(
        int(one["values"].get("writeReq", 0))
        for one in variables.values()
        if isinstance(one, dict) and one.get("name") == "httpd"
    )


@dataclass(frozen=True)
class Written:
    """One run, with what A and B were sent meanwhile."""

    outcome: Outcome
    a: int
    b: int | None


def start_influx(workspace: Workspace, name: str) -> Influx:
    """Start an influxd with an empty database."""
    directory = workspace.subdirectory(name)
    port = free_port()
    config = directory / "influxdb.conf"
    config.write_text(CONFIG.format(directory=directory, port=port, rpc=free_port()), encoding="ascii")
    process = workspace.start(name, [program("influxd"), "-config", str(config)], directory=directory)
    process.wait_ready(port, "/ping", 30)
    server = Influx(process, port)
    server.ask("POST", "/query?" + urllib.parse.urlencode({"q": "CREATE DATABASE bench"}))
    return server


def write(url: str, seconds: int) -> Outcome:
    """Write points on one connection."""
    argv = [program("hey"), "-z", f"{seconds}s", "-c", "1", "-m", "POST", "-d", POINT, url + WRITE]
    return parse_hey(finish(argv, seconds + 30))


def once(workspace: Workspace, subject: Subject, a: Influx, b: Influx, plan: Plan) -> Written:
    """One run of one subject."""
    with_b = subject.starter is not None
    with running(workspace, subject, a.port, b.port, "/ping") as tee:
        if plan.warmup:
            write(tee.url, plan.warmup)
        a_before, b_before = settle(a), settle(b)
        outcome = write(tee.url, plan.seconds)
        b_count = settle(b) - b_before if with_b else None
        return Written(outcome, a.count() - a_before, b_count)


def table(subjects: list[Subject], done: dict[str, list[Written]], why: dict[str, str]) -> Json:
    """The one table of this run."""
    rates = {name: statistics.median(one.outcome.rate for one in runs) for name, runs in done.items()}
    rows, cells = [], []
    for subject in subjects:
        runs = done.get(subject.name, [])
        reason = why.get(subject.name, "")
        counted = [(one.a, one.b) for one in runs if one.b is not None]
        total = sum(a for a, _ in counted)
        share = sum(b for _, b in counted) / total if total else None
        errors = sum(one.outcome.errors for one in runs)
        notes = "; ".join(filter(None, [f"* {errors} errors" if errors else "", reason]))
        against = rates[subject.name] / rates["direct"] if runs and rates.get("direct") else None
        rows.append({"subject": subject.name, "reason": reason, "rate": rates.get(subject.name), "direct": against,
                     "delivered": share, "errors": errors, "samples": [asdict(one) for one in runs]})  # fmt: skip
        if not runs:
            cells.append([subject.name, "", "", "", "", "", reason])
            continue
        compared = f"{against:.2f}" if against is not None else ""
        star = "*" if errors else ""
        cells.append([
            subject.name,
            f"{rates[subject.name]:,.0f}{star}",
            compared if share is None or share >= ENOUGH else f"B got {percent(share)}",
            microseconds(statistics.median(one.outcome.p50 for one in runs)) + star,
            microseconds(statistics.median(one.outcome.p99 for one in runs)) + star,
            NOTHING if share is None else percent(share),
            notes,
        ])  # fmt: skip
    header = ["tee", "writes/s", f"{TIMES} direct", "p50", "p99", "clones at B", "notes"]
    return {"title": "InfluxDB writes, 1 connection", "header": header, "cells": cells, "rows": rows}


def run(workspace: Workspace, subjects: list[Subject], plan: Plan) -> list[Json]:
    """Every subject in interleaved rounds."""
    a, b = start_influx(workspace, "influx-a"), start_influx(workspace, "influx-b")
    done: dict[str, list[Written]] = {}
    why: dict[str, str] = {}
    for number in range(plan.rounds):
        for subject in rotated(subjects, number):
            try:
                got = once(workspace, subject, a, b, plan)
                done.setdefault(subject.name, []).append(got)
                told = f"{got.outcome.rate:,.0f}/s"
            except BenchError as error:
                why[subject.name] = told = str(error)
            progress(f"round {number + 1} of {plan.rounds}: InfluxDB: {subject.name}: {told}")
    return [table(subjects, done, why)]
