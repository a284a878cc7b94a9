"""The bench's command line."""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from pathlib import Path

from .programs.load import CASES, Load
from .programs.processes import BenchError, Workspace, exit_on_signals, program
from .programs.subjects import ROOT, choose
from .reports import report, targets
from .reports.figures import Json
from .scenarios import influx, isolation, lifecycle, slow, soak, tees, tls, transfer

EPILOG = """\
  python -m bench                      direct, plain tee, nginx mirror, Envoy and httptee
  python -m bench isolation            what a bad B does to A's clients
  python -m bench transfer             1 GiB up and down
  python -m bench tls                  requests, handshakes, transfers and idle peers over TLS
  python -m bench slow                 a thousand slow clients beside quick ones
  python -m bench lifecycle            reloads and kills of workers at full rate (60 s unless --seconds says)
  python -m bench soak --minutes 30    faults of every kind at a steady load: does the tee grow, is the ledger right
  python -m bench influx               InfluxDB writes, direct and through the tee
  python -m bench report RESULT.json   the tables and the chart into docs/performance.md (several files allowed)
  python -m bench targets RESULT.json  what httptee is held to, and whether it holds

A peer, for example another checkout of this one:
  --peer "before=env PYTHONPATH=$PWD/../before python -m httptee -l {listen} -a {a} -b {b} -b.percent 100"
Also filled in: {port}, {a_port}, {b_port}. Nothing leaves 127.0.0.1.
"""
RUNS = {"tees": tees, "isolation": isolation, "transfer": transfer, "influx": influx, "tls": tls,
        "slow": slow, "lifecycle": lifecycle, "soak": soak}  # fmt: skip


def listed(text: str) -> list[str]:
    """The words of a list with commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def case_list(text: str) -> list[str]:
    """A list of cases."""
    unknown = [word for word in listed(text) if word not in CASES]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown case {', '.join(unknown)}: there are {', '.join(CASES)}")
    return listed(text)


def number_list(text: str) -> list[int]:
    """A list of positive numbers."""
    numbers = [positive(word) for word in listed(text)]
    if not numbers:
        raise argparse.ArgumentTypeError("not one number")
    return numbers


def positive(text: str) -> int:
    """A number of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"not a positive whole number: {text!r}")
    return int(text)


def arguments() -> argparse.ArgumentParser:
    """The parser."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure httptee beside its peers.", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument(
        "run", nargs="?", default="tees", choices=[*RUNS, "report", "targets"], help="what to do (default: tees)"
    )
    parser.add_argument(
        "results", nargs="*", type=Path, metavar="RESULT.json", help="for report and targets: what runs wrote"
    )
    parser.add_argument("--rounds", type=positive, default=5, help="interleaved rounds (default: %(default)s)")
    parser.add_argument("--seconds", type=positive, help="of load in a round (default: 3; lifecycle: 60 in all)")
    parser.add_argument("--warmup", type=int, default=1, help="seconds of load before it (default: %(default)s)")
    parser.add_argument("--cases", type=case_list, default=list(CASES), help=f"of {','.join(CASES)} (default: all)")
    parser.add_argument(
        "--connections", type=number_list, default=None,
        help="for small requests (default: 1,32,128,512; isolation: 32)",
    )  # fmt: skip
    parser.add_argument("--only", type=listed, help="these subjects only (and the peers among them)")
    parser.add_argument(
        "--scenarios", type=listed,
        help=f"isolation: of {','.join(isolation.SCENARIOS)}; slow: of {','.join(slow.WAYS)} (default: all)",
    )  # fmt: skip
    parser.add_argument("--soak", type=int, default=60, help="isolation: seconds at full rate for memory (default: 60)")
    parser.add_argument("--minutes", type=positive, default=30, help="soak: how long (default: %(default)s)")
    parser.add_argument("--size", type=positive, default=1024, help="transfer, tls: MiB a body (default: %(default)s)")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND", help="another tee; see below")
    parser.add_argument("--load", choices=["wrk", "hey"], default="wrk", help="load generator (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="where the result is written (default: bench/results/)")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "performance.md", help="report: the page to fill")
    return parser


def measure(options: argparse.Namespace) -> Json:
    """Run what was asked for."""
    for name in ("nginx", options.load) if options.run != "soak" else ():
        program(name)
    plan = tees.Plan(options.rounds, options.seconds or 3, options.warmup)
    # What else the machine was doing is part of every figure, and hardest to find out afterwards.
    busy: Json = {"load average before": f"{os.getloadavg()[0]:.1f}"}
    told: Json = {"rounds": plan.rounds, "seconds": plan.seconds}
    with Workspace() as workspace:
        load = Load(options.load, workspace.subdirectory("load"))
        if options.run == "tees":
            chosen = tees.workloads(options.cases, options.connections or tees.CONNECTIONS)
            tables = tees.run(workspace, choose(options.only, options.peer), chosen, load, plan)
            told["load"] = options.load
        elif options.run == "isolation":
            subjects = choose(options.only, options.peer, ["httptee"])
            connections = (options.connections or [32])[0]
            scenarios = isolation.choose(options.scenarios)
            tables = isolation.run(workspace, subjects, scenarios, connections, load, plan, options.soak)
            told.update(load=options.load, connections=connections, soak=options.soak)
        elif options.run == "transfer":
            tables = transfer.run(workspace, choose(options.only, options.peer, ["direct", "nginx", "httptee"]),
                                  plan, options.size)  # fmt: skip
            told = {"rounds": plan.rounds, "MiB": options.size}
        elif options.run == "slow":
            subjects = choose(options.only, options.peer, ["httptee"])
            tables = slow.run(workspace, subjects, slow.choose(options.scenarios), load, plan)
            told.update(load=options.load)
        elif options.run == "lifecycle":
            seconds = options.seconds or lifecycle.SECONDS
            tables = lifecycle.run(workspace, seconds)
            told = {"seconds": seconds}
        elif options.run == "soak":
            tables = soak.run(workspace, options.minutes)
            told = {"minutes": options.minutes}
        elif options.run == "tls":
            tables = tls.run(workspace, load, plan, options.size)
            told.update({"load": f"{options.load}, hey for handshakes", "MiB": options.size})
        else:
            tables = influx.run(workspace, choose(options.only, options.peer, ["direct", "nginx", "httptee"]), plan)
            told["load"] = "hey"
    return report.document(options.run, tables, told | busy)


def written(paths: list[Path]) -> list[Json]:
    """The results of runs made before."""
    if not paths:
        raise BenchError("this wants the files that runs wrote")
    return [report.load(path) for path in paths]


def publish(results: list[Json], page: Path) -> None:
    """Put results into the page and draw the chart next to it."""
    for result in results:
        filled = report.splice(page.read_text(encoding="utf-8"), result["kind"], report.text(result))
        page.write_text(filled, encoding="utf-8")
        if result["kind"] == "tees":
            from .reports import chart

            chart.draw(result, page.with_suffix(".svg"))


def main() -> int:
    """Run the command line; the exit status says whether it could be done."""
    options = arguments().parse_args()
    exit_on_signals()
    try:
        if options.run == "report":
            publish(written(options.results), options.page)
            return 0
        if options.run == "targets":
            print(targets.verdicts(written(options.results)))
            return 0
        result = measure(options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    path = options.json or ROOT / "bench" / "results" / f"{options.run}-{stamp}.json"
    report.save(result, path)
    print(report.text(result))
    print(f"written to {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
