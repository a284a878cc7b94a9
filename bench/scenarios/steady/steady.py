"""A healthy B gets every clone: its share in many short rounds, and after a stop that is shorter than its timeout."""

from __future__ import annotations

import argparse
from dataclasses import replace

from ...programs.load import CASES
from ...programs.sessions import Sessions, names
from ...programs.subjects import choose
from ..rounds import stages
from ..sampling import Workload
from ..scenario import Plan, Result, Scenario, add_load, add_sessions, add_subjects, keys, listed, number_list, positive
from . import shares, stopped

CONNECTIONS = [32, 128]
PARTS = ("stopped", "shares")
KINDS = ("get", "post1k", "get1m")


def workloads(cases: list[str], connections: list[int]) -> list[Workload]:
    """Every case at every number of connections, also those that other scenarios measure at one number."""
    return [Workload(CASES[case], number) for case in cases for number in connections]


TARGETS = (
    *stopped.targets(workloads(list(KINDS), CONNECTIONS)),
    *shares.targets(workloads(list(KINDS), CONNECTIONS)),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    parser.add_argument("--rounds", type=positive, default=20, help="of the shares (default: %(default)s)")
    parser.add_argument("--stops", type=positive, default=3, help="rounds with a stopped B (default: %(default)s)")
    parser.add_argument("--seconds", type=positive, default=2,
                        help="seconds of load in each round of the shares (default: %(default)s)")  # fmt: skip
    parser.add_argument("--warmup", type=int, default=1, help="seconds of load before it (default: %(default)s)")
    add_subjects(parser, "httptee")
    add_sessions(parser)
    # One session would hide what is looked for: there B is rarely kept from running.
    parser.set_defaults(sessions=Sessions.OWN.value)
    add_load(parser)
    parser.add_argument("--parts", type=listed, metavar="PART,...", help=f"of {','.join(PARTS)} (default: both)")
    parser.add_argument("--cases", type=listed, metavar="CASE,...", help=f"of {','.join(KINDS)} (default: all)")
    parser.add_argument("--connections", type=number_list, default=CONNECTIONS, metavar="N,...",
                        help="of the load (default: 32,128)")  # fmt: skip


def run(options: argparse.Namespace) -> Result:
    """Stop B under every load, then measure its shares."""
    subjects = choose(options.only, options.peer, ["httptee"])
    arranged = list(Sessions) if options.sessions == "both" else [Sessions(options.sessions)]
    loads = workloads(keys(options.cases, KINDS, "case"), options.connections)
    plan, parts = Plan(options.rounds, options.seconds, options.warmup), keys(options.parts, PARTS, "part")
    with stages(arranged, options.load) as ready:
        tables = []
        if "stopped" in parts:
            tables += stopped.tables(ready, subjects, loads, replace(plan, rounds=options.stops))
        if "shares" in parts:
            tables += shares.tables(ready, subjects, loads, plan)
    return Result(tables, {"rounds": plan.rounds, "stops": options.stops, "seconds": plan.seconds,
                           "load": options.load, "sessions": names(arranged)})  # fmt: skip


SCENARIO = Scenario("steady", "the share of its clones that a healthy B gets, in short rounds and after a stop",
                    add_arguments, run, TARGETS)  # fmt: skip
