"""Half an hour of everything going wrong: does the tee grow, does anybody get a wrong answer, is the ledger right?

The load, the faults of A and B and the operator are those of `bench.torture`. Reloads and kills come at even intervals,
and what is left of half an hour after the warm-up is a multiple of them: a new worker is small and fills up, and what
comes back with every period is told from what stays.
"""

from __future__ import annotations

import http.client
import json
import random
import sys
import time
from pathlib import Path

from ..programs import measure
from ..programs.processes import BenchError, Process, Workspace, free_port
from ..programs.subjects import ROOT, address
from ..reports.figures import Json
from ..reports.steadiness import Moment, Soaked, table
from ..torture.asked import EVERYTHING
from ..torture.crowd import Crowd
from ..torture.judge import Tally, Windows
from ..torture.operator import AWAY, Control, Operator
from .tees import progress

CLIENTS = 24
RATE = 1000
"""Requests a second at the most, so that the machine is not taken up by this."""
SAMPLE_EVERY = 2.0  # seconds; reading /proc for it takes about a hundredth of that
PERIOD = 90.0
"""Seconds from one reload to the next; half-way between them a worker is killed."""
OPTIONS = ("-a.timeout", "3000", "-a.idle-timeout", "2000", "-b.timeout", "500", "-max-request-body", "1500000",
           "-processes", "2")  # fmt: skip


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


def status(port: int) -> Json:
    """What the tee's admin listener says of it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/status")
        answer: Json = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()


def settled(admin_port: int, seconds: float = 30.0) -> Json:
    """B's ledger once nothing is in flight any more, or after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            ledger: Json = status(admin_port)["b"][0]["ledger"]
        except OSError:  # the admin process may have been the one that was killed last
            ledger = {}
        if (ledger and not ledger["in_flight"]) or time.monotonic() > deadline:
            return ledger
        time.sleep(0.5)


def watch(group: int, seconds: float) -> list[Moment]:
    """Look at the tee for so long."""
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
    """In what the ledger, the clients and B's own count contradict one another.

    Open is only whether the tee saw the request of a client that vanished, and the clones that a killed worker's
    threads had answered but not yet offered: one each.
    """
    asked, threads = tally.counts, 64
    found = []
    if not ledger:
        return ["the ledger could not be read"]
    if ledger["in_flight"]:
        found.append(f"{ledger['in_flight']} clones in flight for ever")
    if not asked["answered"] - threads * kills <= ledger["seen"] <= asked["asked"]:
        found.append(f"{ledger['seen']} seen, but {asked['answered']} answered of {asked['asked']} asked")
    came = b["requests"] - b["repeated"]
    if not ledger["delivered"] <= came <= ledger["delivered"] + ledger["failed"]:
        found.append(f"{came} came to B, but {ledger['delivered']} delivered and {ledger['failed']} failed")
    for who, report in (("A", a), ("B", b)):
        wrong = {name: report[name] for name in ("repeated_unsafely", "mangled", "strange") if report[name]}
        if wrong:
            found.append(f"requests that {who} should not have got: {wrong}")
    return found


def soak(workspace: Workspace, seconds: float, seed: int) -> Soaked:
    """Start everything, let it run, and look at what came of it."""
    (a_port, a), (b_port, b) = start_faulty(workspace, "a"), start_faulty(workspace, "b")
    port, admin = free_port(), free_port()
    argv = [sys.executable, "-m", "httptee", "-l", f"127.0.0.1:{port}", "-a", address(a_port), "-b", address(b_port),
            "-admin", f"127.0.0.1:{admin}", *OPTIONS]  # fmt: skip
    tee = workspace.start("httptee", argv, {"PYTHONPATH": str(ROOT)})
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
    """A traceback in the tee's log, if there is one."""
    text = Path(tee.log).read_text(encoding="utf-8", errors="replace")
    return [text[text.index("Traceback") :][:2000]] if "Traceback" in text else []


def run(workspace: Workspace, minutes: int) -> list[Json]:
    """Soak for so long and return the table as it is written down."""
    seed = random.SystemRandom().randrange(1 << 32)
    progress(f"seed {seed}")
    return [table(soak(workspace, minutes * 60.0, seed), seed)]
