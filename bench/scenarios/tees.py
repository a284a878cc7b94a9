"""Every subject under every load: rate, latency, CPU time and memory."""

from __future__ import annotations

import argparse

from ..programs.backends import Backend
from ..programs.load import CASES
from ..programs.subjects import Subject, running
from ..reports.figures import Sample
from ..reports.lookups import errors, ratio
from ..reports.tables import TIMES
from ..reports.targets import Target
from .rounds import Stage, interleaved, stages
from .sampling import Workload, rate, rate_table, sample
from .scenario import Result, Scenario, Setup, add_load, add_setup, listed, number_list

CONNECTIONS = [1, 32, 128, 512]
BASES = ("direct", "nginx")


def small(connections: int) -> str:
    """The title of a load of small requests."""
    return Workload(CASES["get"], connections).title


TARGETS = (
    Target(f"requests/s at 32 connections, {TIMES} nginx", "tees", ratio(small(32), "rate", "nginx"), 0.65),
    Target(f"requests/s at 128 connections, {TIMES} nginx", "tees", ratio(small(128), "rate", "nginx"), 0.65),
    Target(f"requests/s at 32 connections, {TIMES} plain tee", "tees", ratio(small(32), "rate", "plain"), 10),
    Target(f"requests/s at 128 connections, {TIMES} plain tee", "tees", ratio(small(128), "rate", "plain"), 10),
    Target(f"requests/s at 512 connections, {TIMES} nginx", "tees", ratio(small(512), "rate", "nginx"), 0.6),
    Target("errors at 512 connections", "tees", errors(small(512)), 0, most=True),
    Target(f"p50 at 1 connection, {TIMES} Envoy", "tees", ratio(small(1), "p50", "envoy"), 1.0, most=True),
    Target(f"p50 at 1 connection, {TIMES} nginx", "tees", ratio(small(1), "p50", "nginx"), 2.5, most=True),
    Target(f"CPU a request at 32 connections, {TIMES} nginx", "tees", ratio(small(32), "cpu", "nginx"), 2.4, most=True),
    Target(f"POST 100 KiB, {TIMES} nginx", "tees", ratio("POST 100 KiB, 16 connections", "rate", "nginx"), 1.2),
    Target(f"GET 1 MiB, {TIMES} nginx", "tees", ratio("GET 1 MiB, 8 connections", "rate", "nginx"), 0.9),
)


def case_list(text: str) -> list[str]:
    """A list of cases."""
    unknown = [word for word in listed(text) if word not in CASES]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown case {', '.join(unknown)}: there are {', '.join(CASES)}")
    return listed(text)


def workloads(cases: list[str], connections: list[int]) -> list[Workload]:
    """Every case at every number of connections, except the cases with a fixed number."""
    return [
        Workload(case, number)
        for case in (CASES[key] for key in cases)
        for number in ([case.connections] if case.connections else connections)
    ]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    add_setup(parser, "all")
    add_load(parser)
    parser.add_argument("--cases", type=case_list, default=list(CASES), help=f"of {','.join(CASES)} (default: all)")
    parser.add_argument("--connections", type=number_list, default=CONNECTIONS, metavar="N,...",
                        help="for small requests (default: 1,32,128,512)")  # fmt: skip


def run(options: argparse.Namespace) -> Result:
    """Measure every subject under every load."""
    setup, loads = Setup.of(options), workloads(options.cases, options.connections)

    def measured(stage: Stage[Backend], workload: Workload, subject: Subject) -> Sample:
        with running(stage.workspace, subject, stage.a.port, stage.b.port) as tee:
            b = stage.b if subject.starter else None
            return sample(workload.by(stage.load), tee, setup.plan, stage.a, b)

    with stages(setup.arranged, options.load) as ready:
        taken = interleaved(
            setup.plan.rounds, ready, loads, setup.subjects, measured, lambda workload: workload.title, rate
        )  # fmt: skip
    tables = [
        rate_table(workload.title, sessions, workload, setup.subjects, taken, BASES,
                   case=workload.case.key, connections=workload.connections)
        for workload in loads
        for sessions in setup.arranged
    ]  # fmt: skip
    return Result(tables, setup.settings(load=options.load))


SCENARIO = Scenario("tees", "the tees side by side, under loads of small and large requests", add_arguments, run,
                    TARGETS)  # fmt: skip
