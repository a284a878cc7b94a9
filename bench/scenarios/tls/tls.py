"""TLS in front, httptee beside nginx: requests on kept connections, full handshakes, large bodies, and idle peers."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ...errors import BenchError
from ...programs.backends import Backend
from ...programs.load import CASES, Load, Outcome
from ...programs.processes import program
from ...programs.sessions import names
from ...programs.subjects import Running, Subject, running
from ...programs.tls_subjects import KEYS, certificate, over_tls
from ...reports.figures import Json, Sample
from ...reports.lookups import ratio
from ...reports.tables import TIMES
from ...reports.targets import MEGABYTES_16, Target
from ..moving import LIMIT, WAYS, Way, transfers, worst
from ..rounds import Stage, interleaved, stages
from ..sampling import Apply, Workload, rate, rate_table, sample
from ..scenario import Plan, Result, Scenario, add_load, add_plan, add_sessions, add_size, arrangements
from . import crowd

CONNECTIONS = 32
SMALL = Workload(CASES["get"], CONNECTIONS)
KEEP_ALIVE = f"GET small over TLS, {CONNECTIONS} connections"
HANDSHAKES = "full handshakes with one request each"
TRANSFERS = [Way(way, True, f"{way} over TLS, with a B") for way in WAYS]


@dataclass(frozen=True)
class Case:
    """One table: requests on kept connections or full handshakes, with a certificate of this kind."""

    title: str
    kind: str
    handshakes: bool = False

    def by(self, load: Load) -> Apply:
        """The case, applied by a load generator."""
        return partial(shake_hands, load) if self.handshakes else SMALL.by(load)


RATES = [Case(KEEP_ALIVE, "P-256"), *(Case(f"{HANDSHAKES}, {kind}", kind, handshakes=True) for kind in KEYS)]
TARGETS = (
    Target(f"TLS: requests/s at 32 connections, {TIMES} nginx", "tls", ratio(KEEP_ALIVE, "rate", "nginx"), 0.9),
    *(
        Target(f"TLS: handshakes/s, {case.kind}, {TIMES} nginx", "tls", ratio(case.title, "rate", "nginx"), 0.8)
        for case in RATES
        if case.handshakes
    ),
    *(
        target
        for way in TRANSFERS
        for name in (f"TLS: {way.direction}",)
        for target in (
            Target(f"{name}: memory growth, MB", "tls", worst([way.title], "growth"), MEGABYTES_16, True, 1e6),
            Target(f"{name}: rate, {TIMES} nginx", "tls", worst([way.title], "rate"), 0.5),
        )
    ),
    *crowd.TARGETS,
)


def shake_hands(load: Load, url: str, seconds: int) -> Outcome:
    """Full handshakes with one request each. hey keeps no TLS session, so it resumes none."""
    return load.hey(url + "/", CONNECTIONS, seconds, "-disable-keepalive")


def move(stage: Stage[Backend], tee: Running, way: Way, file: Path) -> None:
    """Make one transfer with curl."""
    argv = [program("curl"), "--silent", "--show-error", "--fail", "--insecure", "--http1.1", "--output", "/dev/null"]
    argv += ["--write-out", "ok %{size_upload} %{size_download}\\n"]
    up = way.direction == "upload"
    argv += ["--upload-file", str(file), f"{tee.url}/upload"] if up else [f"{tee.url}/{file.name}"]
    said = stage.workspace.finish(argv, LIMIT).split()
    if said[:1] != ["ok"] or int(said[1 if up else 2]) != file.stat().st_size:
        raise BenchError(f"the {way.direction} failed: {' '.join(said)[-200:]}")


def rate_tables(ready: list[Stage[Backend]], plan: Plan, by_kind: dict[str, list[Subject]]) -> list[Json]:
    """Requests and handshakes a second."""
    subjects = by_kind["P-256"]

    def measured(stage: Stage[Backend], case: Case, subject: Subject) -> Sample:
        mine = next(each for each in by_kind[case.kind] if each.name == subject.name)
        with running(stage.workspace, mine, stage.a.port, stage.b.port) as tee:
            return sample(case.by(stage.load), tee, plan, stage.a, stage.b)

    taken = interleaved(plan.rounds, ready, RATES, subjects, measured, lambda case: case.title, rate)
    return [
        rate_table(case.title, stage.sessions, case, subjects, taken, ["nginx"])
        for case in RATES
        for stage in ready
    ]  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    add_plan(parser)
    add_load(parser)
    add_size(parser)
    add_sessions(parser)


def run(options: argparse.Namespace) -> Result:
    """Measure everything over TLS."""
    plan = Plan(options.rounds, options.seconds, options.warmup)
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        by_kind = {kind: over_tls(certificate(Path(directory), kind)) for kind in KEYS}
        subjects = by_kind["P-256"]
        arranged = arrangements(options, subjects)
        with stages(arranged, options.load) as ready:
            tables = rate_tables(ready, plan, by_kind)
            tables += transfers(plan.rounds, ready, TRANSFERS, subjects, move, options.size)
            httptee = next(each for each in subjects if each.name == "httptee")
            tables += crowd.tables(ready, httptee, SMALL, plan)
    settings = {"rounds": plan.rounds, "seconds": plan.seconds, "load": f"{options.load}, hey for handshakes",
                "MiB": options.size, "sessions": names(arranged)}  # fmt: skip
    return Result(tables, settings)


SCENARIO = Scenario("tls", "requests, handshakes, transfers and idle peers over TLS", add_arguments, run, TARGETS)
