"""Every fault at once for half an hour: does the tee grow, is an answer wrong, does the ledger hold?

The load, the faults of A and B and the operator come from `bench.torture`. Reloads and kills come at even intervals.
After the warm-up, half an hour is a multiple of these intervals. A new worker is small and grows for some time, so the
slope compares equal points of the intervals.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

from ..errors import BenchError
from ..programs import measure
from ..programs.processes import ROOT, Process, free_port
from ..programs.subjects import start_httptee
from ..programs.watched import status
from ..programs.workspace import Workspace
from ..reports.figures import Json
from ..reports.lookups import OURS, Lookup, Measured, rows
from ..reports.steadiness import TITLE, Moment, Soaked, table
from ..reports.tables import TIMES
from ..reports.targets import Target
from ..torture.asked import EVERYTHING
from ..torture.crowd import Crowd
from ..torture.judge import Tally, Windows
from ..torture.operator import AWAY, Control, Operator
from .rounds import progress
from .scenario import Result, Scenario, positive

CLIENTS = 24
RATE = 1000
"""The largest number of requests a second. It leaves CPU time to the other programs."""
SAMPLE_EVERY = 2.0  # seconds; one sample takes about a hundredth of that
PERIOD = 90.0
"""Seconds between two reloads. A worker is killed half-way between them."""
OPTIONS = ("-a.timeout", "3000", "-a.idle-timeout", "2000", "-b.timeout", "500", "-max-request-body", "1500000",
           "-processes", "2")  # fmt: skip


def found(name: str) -> Lookup:
    """A figure of the soak: the slope of memory in bytes, or the number of unexpected answers or contradictions."""

    def measure(result: Json) -> Measured:
        row = rows(result, TITLE).get(OURS)
        if row is None:
            return None
        value = row[name]
        return float(value["value"] if name == "slope" else len(value) if isinstance(value, list) else value)

    return measure


def level(name: str) -> Lookup:
    """The last fifth as a multiple of the first."""

    def measure(result: Json) -> Measured:
        row = rows(result, TITLE).get(OURS)
        return float(row[name][1] / row[name][0]) if row else None

    return measure


TARGETS = (
    Target("soak: memory slope, MB in 10 minutes", "soak", found("slope"), 1e6, most=True, unit=1e6),
    Target(f"soak: descriptors at the end, {TIMES} start", "soak", level("descriptors"), 1.1, most=True),
    Target(f"soak: threads at the end, {TIMES} start", "soak", level("threads"), 1.1, most=True),
    Target("soak: unexpected answers", "soak", found("unexpected"), 0, most=True),
    Target("soak: contradictions in the ledger", "soak", found("contradictions"), 0, most=True),
)


def start_faulty(workspace: Workspace, role: str) -> tuple[int, Control]:
    """A faulty A or B: its port, and the line to its operator's."""
    port, control_port = free_port(), free_port()
    argv = [sys.executable, "-m", "bench.torture.faulty_backend", role, str(port), str(control_port)]
    process = workspace.start(f"faulty-{role}", argv, {"PYTHONPATH": str(ROOT)})
    control = Control(control_port)
    deadline = time.monotonic() + 10
    while True:
        try:
            control.say("report")
            return port, control
        except OSError as error:
            if time.monotonic() > deadline or not process.running:
                raise BenchError(f"the faulty {role.upper()} does not start: {process.last_words()}") from error
            time.sleep(0.05)


def settled(admin_port: int, seconds: float = 30.0) -> Json:
    """B's ledger after the last clone in flight, or after `seconds` at most."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            ledger: Json = status(admin_port)["b"][0]["ledger"]
        except OSError:  # the operator may have killed the admin process last
            ledger = {}
        if (ledger and not ledger["in_flight"]) or time.monotonic() > deadline:
            return ledger
        time.sleep(0.5)


def watch(group: int, seconds: float) -> list[Moment]:
    """Sample the tee's processes for `seconds`."""
    began = time.monotonic()
    moments: list[Moment] = []
    told = 0
    while (at := time.monotonic() - began) < seconds:
        processes = len(measure.members(group))
        moments.append(
            Moment(at, measure.memory(group), len(measure.descriptors(group)), measure.threads(group), processes)
        )
        if at // 60 >= told:
            told += 1
            now = moments[-1]
            progress(f"{at:.0f} s: {now.memory / 1e6:.0f} MB, {now.descriptors} descriptors, {now.threads} threads")
        time.sleep(SAMPLE_EVERY)
    return moments


def misaccounted(ledger: Json, tally: Tally, kills: int, a: Json, b: Json) -> list[str]:
    """The contradictions between the ledger, the clients' counts and the reports of A and B.

    Two counts have a range. The tee may or may not have seen the request of a client that vanished. Each thread of a
    killed worker may have answered one request without an offer of its clone.
    """
    asked, threads = tally.counts, 64
    found = []
    if not ledger:
        return ["the ledger could not be read"]
    if ledger["in_flight"]:
        found.append(f"{ledger['in_flight']} clones stay in flight")
    if not asked["answered"] - threads * kills <= ledger["seen"] <= asked["asked"]:
        found.append(f"{ledger['seen']} seen, but {asked['answered']} answered of {asked['asked']} sent")
    came = b["requests"] - b["repeated"]
    if not ledger["delivered"] <= came <= ledger["delivered"] + ledger["failed"]:
        found.append(f"B got {came}, but {ledger['delivered']} delivered and {ledger['failed']} failed")
    for who, report in (("A", a), ("B", b)):
        wrong = {name: report[name] for name in ("repeated_unsafely", "mangled", "strange") if report[name]}
        if wrong:
            found.append(f"wrong requests at {who}: {wrong}")
    return found


def soak(workspace: Workspace, seconds: float, seed: int) -> Soaked:
    """Start all programs, wait `seconds`, and collect the outcome."""
    (a_port, a), (b_port, b) = start_faulty(workspace, "a"), start_faulty(workspace, "b")
    port, admin = free_port(), free_port()
    command = start_httptee(workspace, port, a_port, b_port, "-admin", f"127.0.0.1:{admin}", *OPTIONS)
    tee = workspace.start("httptee", command.argv, command.env)
    tee.wait_ready(admin, "/healthz")
    windows, group = Windows(), tee.group
    with (
        Crowd(port, CLIENTS, seed, EVERYTHING, windows, CLIENTS / RATE) as crowd,
        Operator(seed, AWAY, 4.0, windows, group, a, b) as weather,
        Operator(seed, ("kill", "reload"), PERIOD / 2, windows, group, a, b) as operator,
    ):
        moments = watch(group, seconds)
    ledger = settled(admin)
    troubles = [*weather.errors, *operator.errors, *traces(tee)]
    if troubles:
        raise BenchError("; ".join(troubles))
    done = weather.done | operator.done
    contradictions = misaccounted(ledger, crowd.tally, done["kill"], a.say("report"), b.say("report"))
    return Soaked(seconds, PERIOD, moments, crowd.tally.counts, crowd.tally.unexpected, done, ledger, contradictions)


def traces(tee: Process) -> list[str]:
    """The first traceback in the tee's log, if there is one."""
    text = Path(tee.log).read_text(encoding="utf-8", errors="replace")
    return [text[text.index("Traceback") :][:2000]] if "Traceback" in text else []


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    parser.add_argument("--minutes", type=positive, default=30, help="the length of the run (default: %(default)s)")


def run(options: argparse.Namespace) -> Result:
    """Soak the tee."""
    seed = random.SystemRandom().randrange(1 << 32)
    progress(f"seed {seed}")
    with Workspace() as workspace:
        tables = [table(soak(workspace, options.minutes * 60.0, seed), seed)]
    return Result(tables, {"minutes": options.minutes})


SCENARIO = Scenario("soak", "every fault of A, B, clients and operator at a steady load: growth and the ledger",
                    add_arguments, run, TARGETS)  # fmt: skip
