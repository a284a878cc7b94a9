"""The bench's command line: a scenario that measures, or `report` and `targets` for the files of earlier runs."""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from pathlib import Path

from .errors import BenchError
from .programs.processes import ROOT
from .programs.workspace import exit_on_signals
from .reports import document, targets
from .reports.figures import Json
from .scenarios import SCENARIOS, TARGETS
from .scenarios.scenario import Scenario

EPILOG = """\
Without a scenario, `tees` runs. `python -m bench SCENARIO --help` lists the options of a scenario.

A peer is another tee, for example another checkout of this one:
  --peer "before=env PYTHONPATH=$PWD/../before python -m httptee -l {listen} -a {a} -b {b} -b.percent 100"
The command may also contain {port}, {a_port} and {b_port}. All traffic stays on 127.0.0.1.
"""


def arguments() -> argparse.ArgumentParser:
    """The parser."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure httptee beside its peers.", epilog=EPILOG, formatter_class=layout
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for scenario in SCENARIOS:
        each = commands.add_parser(
            scenario.name, help=scenario.help, description=scenario.help, epilog=EPILOG, formatter_class=layout
        )
        scenario.add_arguments(each)
        each.add_argument("--json", type=Path, help="the file for the result (default: a new one in bench/results/)")
        each.set_defaults(command=measure, scenario=scenario)
    report = commands.add_parser("report", help="write the results of runs into docs/performance.md, and the chart")
    report.add_argument("--page", type=Path, default=ROOT / "docs" / "performance.md", help="the page to fill")
    report.set_defaults(command=publish)
    held = commands.add_parser("targets", help="compare the results of runs with httptee's targets")
    held.set_defaults(command=judge)
    for each in (report, held):
        each.add_argument("results", nargs="+", type=Path, metavar="RESULT.json", help="the files of runs")
    return parser


def measure(options: argparse.Namespace) -> int:
    """Run a scenario, save its result and print it."""
    scenario: Scenario = options.scenario
    # Other work on the machine changes every figure, and cannot be found out after the run.
    before = {"load average before": f"{os.getloadavg()[0]:.1f}"}
    got = scenario.run(options)
    result = document.document(scenario.name, got.tables, got.settings | before)
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    path = options.json or ROOT / "bench" / "results" / f"{scenario.name}-{stamp}.json"
    document.save(result, path)
    print(document.text(result))
    print(f"written to {path}", file=sys.stderr)
    return 0 if got.held else 1


def loaded(options: argparse.Namespace) -> list[Json]:
    """The results of earlier runs."""
    return [document.load(path) for path in options.results]


def publish(options: argparse.Namespace) -> int:
    """Write results into the page."""
    document.publish(loaded(options), options.page)
    return 0


def judge(options: argparse.Namespace) -> int:
    """Print every target with its figure."""
    print(targets.verdicts(TARGETS, loaded(options)))
    return 0


def with_scenario(words: list[str]) -> list[str]:
    """The command line, with `tees` in front where it names no scenario."""
    if words and (not words[0].startswith("-") or words[0] in ("-h", "--help")):
        return words
    return ["tees", *words]


def main(words: list[str]) -> int:
    """Run the command line, and return the exit status."""
    options = arguments().parse_args(with_scenario(words))
    exit_on_signals()
    try:
        status: int = options.command(options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
