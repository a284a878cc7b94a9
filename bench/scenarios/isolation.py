"""What A's clients notice of B: the rate and p99 with each kind of B, against those without one."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ..programs import measure
from ..programs.backends import Backend, start_backend
from ..programs.load import CASES, Load
from ..programs.processes import BenchError, NotStartedError, Workspace, free_port
from ..programs.subjects import PROGRAMS, Running, Subject, running
from ..reports.figures import Figures, Json, Row, row_json
from ..reports.report import NOTHING, TIMES, megabytes, microseconds
from .tees import Plan, Workload, progress, sample

IDLE = 1000
HEADER = [
    "B",
    "requests/s",
    f"{TIMES} absent",
    "p99",
    f"{TIMES} absent",
    "CPU µs a request",
    f"{TIMES} absent",
    "memory",
    "memory over the long load",
    "notes",
]
SLOW = "5"


@dataclass(frozen=True)
class Scenario:
    """One kind of B, and how many clients are connected without asking anything."""

    key: str
    title: str
    odd: tuple[str, ...] = ()
    idle: int = 0


SCENARIOS = {
    scenario.key: scenario
    for scenario in (
        Scenario("absent", "B absent"),
        Scenario("healthy", "B healthy"),
        Scenario("refusing", "B refuses connections"),
        Scenario("silent", "B accepts, never answers", odd=("silent",)),
        Scenario("deaf", "B never accepts", odd=("deaf",)),
        Scenario("slow", f"B answers after {SLOW} s", odd=("slow", SLOW)),
        Scenario("idle", f"B absent, {IDLE:,} idle clients", idle=IDLE),
    )
}


@dataclass(frozen=True)
class Memory:
    """Resident memory before the load, after it, and the most in between."""

    before: float
    after: float
    peak: float


@dataclass(frozen=True)
class Key:
    """One row: a subject in a scenario."""

    subject: str
    scenario: str


def choose(keys: list[str] | None) -> list[Scenario]:
    """The scenarios of a run; B absent always takes part, being what the others are compared with."""
    unknown = [key for key in keys or () if key not in SCENARIOS]
    if unknown:
        raise BenchError(f"unknown scenario {', '.join(unknown)}: there are {', '.join(SCENARIOS)}")
    return [scenario for key, scenario in SCENARIOS.items() if keys is None or key in keys or key == "absent"]


@contextlib.contextmanager
def b_port(workspace: Workspace, scenario: Scenario, healthy: Backend) -> Iterator[int | None]:
    """The port of the scenario's B while the block runs."""
    if scenario.odd:
        port = free_port()
        argv = [sys.executable, str(PROGRAMS / "odd_backend.py"), scenario.odd[0], str(port), *scenario.odd[1:]]
        process = workspace.start(f"b-{scenario.key}", argv)
        try:
            wait_listening(port)
            yield port
        finally:
            workspace.end(process)
    elif scenario.key == "healthy":
        yield healthy.port
    elif scenario.key == "refusing":
        # Bound but not listening: nobody else can take the port, and connecting is refused.
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            yield closed.getsockname()[1]
    else:
        yield None


def wait_listening(port: int) -> None:
    """Wait until a port is listened on, without connecting to it: a deaf server counts its callers."""
    wanted = f"{port:04X}"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(":" + wanted) and fields[3] == "0A":
                time.sleep(0.3)
                return
        time.sleep(0.05)
    raise NotStartedError(f"B does not listen on port {port}")


@contextlib.contextmanager
def idle_clients(port: int, number: int) -> Iterator[None]:
    """So many connections to the tee that ask nothing while the block runs."""
    with contextlib.ExitStack() as stack:
        for _ in range(number):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
        yield


@contextlib.contextmanager
def staged(workspace: Workspace, subject: Subject, scenario: Scenario, a: Backend, b: Backend) -> Iterator[Running]:
    """A subject with the scenario's B behind it and the scenario's idle clients in front."""
    with (
        b_port(workspace, scenario, b) as port,
        running(workspace, subject, a.port, port) as tee,
        idle_clients(tee.port, scenario.idle),
    ):
        yield tee


def soak(load: Load, tee: Running, workload: Workload, seconds: int) -> Memory | None:
    """Memory over a long load, after a warm-up that fills the pools."""
    if tee.process is None:
        return None
    load.run(tee.url, workload.case, workload.connections, 2)
    group = tee.process.group
    before = measure.memory(group)
    with measure.Peak(group) as peak:
        load.run(tee.url, workload.case, workload.connections, seconds)
    return Memory(before, measure.memory(group), peak.bytes)


def cells(scenario: Scenario, row: Row, base: Figures | None, grown: Memory | None) -> list[str]:
    """A table row as text."""
    got = row.median
    if got is None:
        return [scenario.title, *[""] * (len(HEADER) - 2), row.reason]
    star = "*" if row.errors else ""
    against = {name: f"{value:.2f}" for name, value in ratios(got, base).items()}
    growth = NOTHING
    if grown is not None:
        before, after, peak = megabytes(grown.before), megabytes(grown.after), megabytes(grown.peak - grown.before)
        growth = f"{before} → {after}, at most +{peak}"
    note = "; ".join(
        filter(None, [f"* {row.errors} errors in {len(row.samples)} runs" if row.errors else "", row.reason])
    )
    rate, p99 = f"{got.rate:,.0f}{star}", microseconds(got.p99) + star
    return [
        scenario.title, rate, against.get("rate", ""), p99, against.get("p99", ""),
        f"{got.cpu:,.0f}" if got.cpu else NOTHING, against.get("cpu", ""),
        megabytes(got.memory or 0.0), growth, note,
    ]  # fmt: skip


def ratios(got: Figures, base: Figures | None) -> dict[str, float]:
    """Rate, p99 and CPU time as multiples of those with B absent, as far as they were measured."""
    if base is None:
        return {}
    pairs = {"rate": (got.rate, base.rate), "p99": (got.p99, base.p99), "cpu": (got.cpu, base.cpu)}
    return {name: mine / other for name, (mine, other) in pairs.items() if mine is not None and other}


def to_json(key: Key, row: Row, grown: Memory | None, base: Figures | None) -> Json:
    """A row as it is written down."""
    found = row_json(row, [])
    absent = ratios(row.median, base) if row.median else {}
    return {**found, "scenario": key.scenario, "absent": absent or None, "soak": asdict(grown) if grown else None}


def run(
    workspace: Workspace, subjects: list[Subject], scenarios: list[Scenario],
    connections: int, load: Load, plan: Plan, soak_seconds: int,
) -> list[Json]:  # fmt: skip
    """Every scenario in interleaved rounds, then each once more for as long as memory is watched."""
    a, b = start_backend(workspace, "a"), start_backend(workspace, "b")
    workload = Workload(CASES["get"], connections)
    rows: dict[Key, Row] = {}
    memories: dict[Key, Memory | None] = {}
    for number in range(plan.rounds + (1 if soak_seconds else 0)):
        last = number == plan.rounds
        for subject in subjects:
            order = scenarios[number % len(scenarios) :] + scenarios[: number % len(scenarios)]
            for scenario in order:
                key = Key(subject.name, scenario.key)
                row = rows.get(key, Row(subject.name, ()))
                try:
                    with staged(workspace, subject, scenario, a, b) as tee:
                        if last:
                            memories[key] = soak(load, tee, workload, soak_seconds)
                        else:
                            got = sample(load, tee, workload, plan, a, None)
                            row = Row(subject.name, (*row.samples, got), row.reason)
                except BenchError as error:
                    row = Row(subject.name, row.samples, str(error))
                rows[key] = row
                what = "soak" if last else f"round {number + 1} of {plan.rounds}"
                progress(f"{what}: {subject.name}: {scenario.title}: {row.reason or 'done'}")
    tables = []
    for subject in subjects:
        mine = [(scenario, Key(subject.name, scenario.key)) for scenario in scenarios]
        base = rows[Key(subject.name, "absent")].median
        tables.append({
            "title": f"{subject.name}: A's clients, by the state of B",
            "header": HEADER,
            "cells": [cells(scenario, rows[key], base, memories.get(key)) for scenario, key in mine],
            "rows": [to_json(key, rows[key], memories.get(key), base) for _, key in mine],
        })  # fmt: skip
    return tables
