"""The latency of every tee at fixed rates, below what it can do: what a client feels of an ordinary day.

At saturation the latencies of a closed load say little: whoever stalls is asked less. Here each request has a due time,
and its latency counts from then. The load is the same for all, and so is what its own lateness adds: `direct` shows it.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ...programs.backends import Backend
from ...programs.load import Outcome
from ...programs.sessions import Sessions
from ...programs.subjects import Subject, running
from ...reports.figures import ENOUGH, Json, Sample, percent, share
from ...reports.lookups import OURS, Lookup, Measured, rows
from ...reports.tables import NOTHING, TIMES, microseconds, multiple, table
from ...reports.targets import Target
from ..rounds import Stage, Taken, interleaved, stages
from ..sampling import sample
from ..scenario import Result, Scenario, Setup, add_setup, number_list

RATES, CONNECTIONS = [1000, 3000, 5000], [16, 32]
BASE = "envoy"
SUBJECTS = ["direct", "nginx", BASE, OURS]
HEADER = ["", "requests/s", "p50", "p90", "p99", f"{TIMES} Envoy", "p99.9", f"{TIMES} Envoy", "CPU µs a request",
          "clones at B", "notes"]  # fmt: skip
KEPT_UP = 0.99
"""The share of the rate that a tee must answer, or its latencies are of another load."""


@dataclass(frozen=True)
class Pace:
    """One load: GETs at a rate a second, on so many connections in turn."""

    rate: int
    connections: int

    @property
    def title(self) -> str:
        """For headings."""
        return f"{self.rate:,} small GETs a second, {self.connections} connections"


@dataclass(frozen=True)
class Timed:
    """One measurement, and the latencies of its requests in µs."""

    sample: Sample
    outcome: Outcome


@dataclass(frozen=True)
class Line:
    """All measurements of one subject at one pace."""

    subject: str
    pace: Pace
    found: Sequence[Timed]
    reason: str = ""

    def latency(self, name: str) -> float:
        """The median over the rounds of one percentile, in µs."""
        return statistics.median(float(getattr(one.outcome, name)) for one in self.found)

    @property
    def rate(self) -> float:
        """The median of the answered requests a second."""
        return statistics.median(one.outcome.rate for one in self.found)

    @property
    def cpu(self) -> float | None:
        """The median of the CPU time of a request, in µs. None without a tee."""
        known = [one.sample.figures.cpu for one in self.found if one.sample.figures.cpu is not None]
        return statistics.median(known) if known else None

    @property
    def delivered(self) -> float | None:
        """B's share of A's requests. None without a B."""
        return share([(one.sample.a, one.sample.b) for one in self.found])

    @property
    def notes(self) -> str:
        """Why its latencies are not to be compared, or an empty text."""
        errors = sum(one.outcome.errors for one in self.found)
        part = self.delivered
        found = [
            self.reason,
            f"{errors} errors" if errors else "",
            "" if self.rate >= KEPT_UP * self.pace.rate else "not at this rate",
            "" if part is None or part >= ENOUGH else f"B got {percent(part)}",
        ]
        return "; ".join(filter(None, found))


def made(pace: Pace, sessions: Sessions, lines: Sequence[Line]) -> Json:
    """The table of one load."""
    base = next((line for line in lines if line.subject == BASE and line.found), None)
    cells, figures = [], []
    for line in lines:
        if not line.found:
            cells.append([line.subject, *[""] * (len(HEADER) - 2), line.reason])
            continue
        p99, p999 = line.latency("p99"), line.latency("p999")
        times = [multiple(p99, base.latency("p99")), multiple(p999, base.latency("p999"))] if base else ["", ""]
        cpu, part = line.cpu, line.delivered
        cells.append([
            line.subject, f"{line.rate:,.0f}", microseconds(line.latency("p50")), microseconds(line.latency("p90")),
            microseconds(p99), times[0], microseconds(p999), times[1],
            NOTHING if cpu is None else f"{cpu:,.0f}", NOTHING if part is None else percent(part), line.notes,
        ])  # fmt: skip
        latencies = {name: line.latency(name) for name in ("p50", "p90", "p99", "p999")}
        figures.append({"subject": line.subject, "rate": line.rate, "cpu": cpu, "notes": line.notes} | latencies)
    return table(pace.title, HEADER, cells, figures, sessions)


def run(options: argparse.Namespace) -> Result:
    """Measure every subject at every pace."""
    setup = Setup.of(options, SUBJECTS)
    paces = [Pace(rate, connections) for rate in options.rates for connections in options.connections]

    def measured(stage: Stage[Backend], pace: Pace, subject: Subject) -> Timed:
        outcomes = []

        def apply(url: str, seconds: int) -> Outcome:
            outcomes.append(stage.load.paced(url, pace.rate, seconds, pace.connections))
            return outcomes[-1]

        with running(stage.workspace, subject, stage.a.port, stage.b.port) as tee:
            found = sample(apply, tee, setup.plan, stage.a, stage.b if subject.starter else None)
        return Timed(found, outcomes[-1])

    with stages(setup.arranged, "wrk") as ready:
        taken: Taken[Pace, Timed] = interleaved(
            setup.plan.rounds, ready, paces, setup.subjects, measured, lambda pace: pace.title,
            lambda one: f"p99 {microseconds(one.outcome.p99)}",
        )  # fmt: skip
    tables = [
        made(pace, sessions, [Line(each.name, pace, *taken.row(sessions, pace, each)) for each in setup.subjects])
        for pace in paces
        for sessions in setup.arranged
    ]
    return Result(tables, setup.settings(rates=options.rates, connections=options.connections))


def as_base(pace: Pace, name: str) -> Lookup:
    """One of our percentiles as a multiple of Envoy's, or why it is not to be compared."""

    def measure(result: Json) -> Measured:
        found = rows(result, pace.title)
        ours, base = found.get(OURS), found.get(BASE)
        if not ours or not base:
            return None
        return str(ours["notes"]) or float(ours[name] / base[name])

    return measure


TARGETS = tuple(
    Target(f"{pace.title}: {text}, {TIMES} Envoy", "latency", as_base(pace, name), most, most=True)
    for pace in (Pace(rate, connections) for rate in RATES for connections in CONNECTIONS)
    for name, text, most in (("p99", "p99", 1.1), ("p999", "p99.9", 1.5))
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the plan, the subjects, and the loads."""
    add_setup(parser, ",".join(SUBJECTS))
    parser.set_defaults(seconds=10)
    parser.add_argument("--rates", type=number_list, default=RATES, metavar="N,...",
                        help="requests a second (default: 1000,3000,5000)")  # fmt: skip
    parser.add_argument("--connections", type=number_list, default=CONNECTIONS, metavar="N,...",
                        help="on which they come in turn (default: 16,32)")  # fmt: skip


SCENARIO = Scenario("latency", "the latency of the tees at fixed rates", add_arguments, run, TARGETS)
