"""Hostile clients beside ordinary ones: p99 and rate of the ordinary clients without them and beside them.

The hostile clients are `programs/clients/hostile_clients.py`. There is no B. A is nginx for the first two ways. For the
others it is the hostile server, which has event streams that stay quiet and answers that never begin.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from ...errors import BenchError
from ...programs.backends import Backend, Counting
from ...programs.clients.hostile_clients import ARRIVALS
from ...programs.hostile.backend import hostile_backend
from ...programs.processes import PROGRAMS, Process
from ...programs.sessions import Sessions
from ...programs.subjects import Running, Subject, running
from ...reports.figures import Figures, Json, Row, Sample
from ...reports.lookups import OURS, Lookup, Measured, rows
from ...reports.tables import TIMES, megabytes, microseconds, table
from ...reports.targets import Target
from ..rounds import Stage, Taken, interleaved, stages
from ..sampling import sample
from ..scenario import Plan, Result, Scenario, Setup, add_load, add_setup, keys, listed, positive
from .bounds import P99_MORE, P99_TIMES, PACES, Pace, against, held, targets

DRIPPING = 60
LARGE = 10_000_000
SLOWEST = 60.0
"""Seconds in which an ordinary request must be answered after the load."""
AFTER = 2.0
"""Seconds in which it should be."""


@dataclass(frozen=True)
class Way:
    """What the hostile clients do. `quiet`: A has quiet streams. `coming`: they come and leave during the load."""

    key: str
    title: str
    quiet: bool = False
    coming: bool = False


WAYS = {
    way.key: way
    for way in (
        Way("dripping", f"{DRIPPING} that drip a byte each 20 ms onto a head of 60 KB"),
        Way("reading", "those that leave in mid-answer, all at once"),
        Way("streams", f"those that leave a quiet event stream, {ARRIVALS} a second", quiet=True, coming=True),
        Way("unanswered", f"those that leave before A answers, {ARRIVALS} a second", quiet=True, coming=True),
    )
}
HEADER = ["hostile clients", "requests/s without", "with", TIMES, "p99 without", "with",
          f"bound ({P99_TIMES:g} {TIMES} without + {P99_MORE / 1e3:g} ms)", "holds", "errors", "memory without", "with",
          "next GET answered after", "notes"]  # fmt: skip
What = tuple[Way, Pace]


def title_of(subject: str, pace: Pace) -> str:
    """The title of a table."""
    return f"{subject}: ordinary clients beside hostile ones, {pace.title}"


def worst(pace: Pace, way: str, name: str) -> Lookup:
    """A figure of the worst round."""

    def measure(result: Json) -> Measured:
        row = rows(result, title_of(OURS, pace)).get(way)
        return float(row[name]) if row and row[name] is not None else None

    return measure


TARGETS = (
    *targets("hostile", lambda pace: title_of(OURS, pace),
             [(way.key, f"clients: {way.title}") for way in WAYS.values()], "without"),
    *(
        target
        for way in WAYS.values()
        for pace in PACES.values()
        for target in (
            Target(f"clients: {way.title}, {pace.title}: errors of ordinary clients", "hostile",
                   worst(pace, way.key, "errors"), 0, most=True),
            Target(f"clients: {way.title}, {pace.title}: the next GET is answered after, s", "hostile",
                   worst(pace, way.key, "after"), AFTER, most=True),
        )
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Beside:
    """The ordinary clients without hostile ones and beside them, and the seconds until the next GET is answered."""

    without: Sample
    beside: Sample
    after: float


def said(process: Process, word: str, seconds: float) -> None:
    """Wait until a program has printed a word. Raises BenchError where it does not."""
    deadline = time.monotonic() + seconds
    while word not in process.log.read_text(errors="replace"):
        if time.monotonic() > deadline or not process.running:
            raise BenchError(f"the hostile clients did not say {word!r}: {process.last_words()}")
        time.sleep(0.02)


@contextlib.contextmanager
def hostile(stage: Stage[Backend], way: Way, tee: Running, number: int, seconds: int) -> Iterator[None]:
    """The hostile clients while the block runs. Those in mid-answer leave in its middle, those that come all leave."""
    number = DRIPPING if way.key == "dripping" else number
    argv = [sys.executable, str(PROGRAMS / "clients" / "hostile_clients.py"), way.key, str(tee.port), str(number)]
    with stage.workspace.started(way.key, argv) as process:
        if not way.coming:
            said(process, "there", 30 + number / ARRIVALS)
        leaving = threading.Timer(seconds / 2, os.kill, (process.group, signal.SIGUSR1))
        if way.key == "reading":
            leaving.start()
        try:
            yield
            if way.key != "dripping":
                said(process, "left", 30 + number / ARRIVALS)
        finally:
            leaving.cancel()


def answered_after(port: int) -> float:
    """The seconds until an ordinary GET is answered, `SLOWEST` where it is not answered in that time."""
    began = time.monotonic()
    while (took := time.monotonic() - began) < SLOWEST:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SLOWEST - took)
        try:
            connection.request("GET", "/")
            if connection.getresponse().status == 200:
                return time.monotonic() - began
            time.sleep(0.02)
        except (OSError, http.client.HTTPException):
            time.sleep(0.02)
        finally:
            connection.close()
    return SLOWEST


def beside(stage: Stage[Backend], what: What, tee: Running, a: Counting, plan: Plan, number: int) -> Beside:
    """Load one tee without hostile clients and then beside them."""
    way, pace = what
    apply = pace.by(stage.load)
    without = sample(apply, tee, plan, a, None)
    seconds = max(plan.seconds, round(number / ARRIVALS)) if way.coming else plan.seconds
    with hostile(stage, way, tee, number, seconds):
        got = sample(apply, tee, replace(plan, seconds=seconds, warmup=0), a, None)
    return Beside(without, got, answered_after(tee.port))


def client_table(
    subject: Subject, sessions: Sessions, ways: Sequence[str], pace: Pace, taken: Taken[What, Beside]
) -> Json:
    """One subject's rows at one pace: medians, and of the errors the sum."""
    lines, found = [], []
    for way in (WAYS[key] for key in ways):
        got, reason = taken.row(sessions, (way, pace), subject)
        without = Row(subject.name, tuple(one.without for one in got)).median
        with_them = Row(subject.name, tuple(one.beside for one in got)).median
        row: Json = {
            "subject": subject.name, "scenario": way.key, "against": against(with_them, without), "reason": reason,
            "without": asdict(without) if without else None, "with": asdict(with_them) if with_them else None,
            "errors": sum(one.beside.errors for one in got) if got else None,
            "after": max((one.after for one in got), default=None), "samples": [asdict(one) for one in got],
        }  # fmt: skip
        found.append(row)
        lines.append(cells(way, row, without, with_them))
    return table(title_of(subject.name, pace), HEADER, lines, found, sessions)


def cells(way: Way, row: Json, without: Figures | None, got: Figures | None) -> list[str]:
    """A table row as text."""
    if without is None or got is None:
        return [way.title, *[""] * (len(HEADER) - 2), row["reason"]]
    compared = row["against"]
    return [
        way.title, f"{without.rate:,.0f}", f"{got.rate:,.0f}", f"{compared['rate']:.2f}" if compared else "",
        microseconds(without.p99), microseconds(got.p99), microseconds(P99_TIMES * without.p99 + P99_MORE),
        held(compared), str(row["errors"]), megabytes(without.memory or 0.0), megabytes(got.memory or 0.0),
        f"{row['after']:.2f} s", row["reason"],
    ]  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    add_setup(parser, "httptee")
    add_load(parser)
    parser.add_argument("--ways", type=listed, metavar="WAY,...", help=f"of {','.join(WAYS)} (default: all)")
    parser.add_argument("--paces", type=listed, metavar="PACE,...", help=f"of {','.join(PACES)} (default: both)")
    parser.add_argument("--clients", type=positive, default=1000,
                        help=f"that leave; {DRIPPING} drip in any case (default: %(default)s)")  # fmt: skip


def run(options: argparse.Namespace) -> Result:
    """Measure every way at every pace, in interleaved rounds."""
    setup, ways = Setup.of(options, ["httptee"]), keys(options.ways, WAYS, "way")
    paces = keys(options.paces, PACES, "pace")

    def measured(stage: Stage[Backend], what: What, subject: Subject) -> Beside:
        with contextlib.ExitStack() as stack:
            a = stack.enter_context(hostile_backend(stage.workspace, "quiet")) if what[0].quiet else stage.a
            tee = stack.enter_context(running(stage.workspace, subject, a.port, None))
            return beside(stage, what, tee, a, setup.plan, options.clients)

    with stages(setup.arranged, options.load) as ready:
        for stage in ready:
            (stage.a.www / "huge").write_bytes(bytes(LARGE))
        whats = [(WAYS[way], PACES[pace]) for pace in paces for way in ways]
        taken = interleaved(
            setup.plan.rounds, ready, whats, setup.subjects, measured, lambda what: f"{what[0].key}, {what[1].title}",
            lambda got: ", ".join(microseconds(one.figures.p99) for one in (got.without, got.beside)),
        )  # fmt: skip
    tables = [
        client_table(subject, sessions, ways, PACES[pace], taken)
        for subject in setup.subjects
        for sessions in setup.arranged
        for pace in paces
    ]
    return Result(tables, setup.settings(load=options.load, clients=options.clients))


SCENARIO = Scenario("hostile", "ordinary clients beside hostile ones", add_arguments, run, TARGETS)
