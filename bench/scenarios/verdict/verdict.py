"""The verdict: what it costs A's clients, or with `--simulate` whether it finds what is planted and nothing else."""

from __future__ import annotations

import argparse

from ..scenario import Result, Scenario, Setup, add_load, add_plan, add_sessions
from . import cost, simulation
from .cost import PLAIN


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of both halves."""
    add_plan(parser)
    add_load(parser)
    add_sessions(parser)
    cost.add_arguments(parser)
    simulation.add_arguments(parser)
    parser.set_defaults(only=[PLAIN.name], peer=[])


def run(options: argparse.Namespace) -> Result:
    """Measure, or simulate."""
    if options.simulate:
        return simulation.run(options)
    setup = Setup.of(options)
    return Result(cost.tables(options, setup), setup.settings(load=options.load, windows=options.windows))


SCENARIO = Scenario("verdict", "what the verdict costs A's clients, and whether it is right", add_arguments, run,
                    cost.TARGETS)  # fmt: skip
