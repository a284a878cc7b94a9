"""One module for each scenario: what it starts, what it measures, its tables and its targets. Listed here."""

from __future__ import annotations

from . import isolation, lifecycle, page, paint, replay, selection, slow, soak, tees, transfer
from .hostile import clients as hostile
from .middleware import middleware
from .recording import record
from .scenario import Scenario
from .steady import latency, memory, steady
from .stores import catchup, engine, frozen, influx, kills, many_tees, spool
from .tls import tls
from .verdict import verdict

SCENARIOS: tuple[Scenario, ...] = (
    tees.SCENARIO,
    latency.SCENARIO,
    isolation.SCENARIO,
    slow.SCENARIO,
    hostile.SCENARIO,
    steady.SCENARIO,
    memory.SCENARIO,
    lifecycle.SCENARIO,
    transfer.SCENARIO,
    tls.SCENARIO,
    influx.SCENARIO,
    soak.SCENARIO,
    selection.SCENARIO,
    verdict.SCENARIO,
    record.SCENARIO,
    page.SCENARIO,
    paint.SCENARIO,
    replay.SCENARIO,
    middleware.SCENARIO,
    spool.SCENARIO,
    catchup.SCENARIO,
    kills.SCENARIO,
    frozen.SCENARIO,
    engine.SCENARIO,
    many_tees.SCENARIO,
)
TARGETS = tuple(target for scenario in SCENARIOS for target in scenario.targets)
