"""How soon chromium paints the page of the admin listener, with and without load on the tee.

A paint is the browser's own `first-contentful-paint`, in milliseconds from the start of the navigation; nothing comes
from its cache. Between two paints the page stays open for one update. The errors of its console are counted.
"""

from __future__ import annotations

import argparse
import threading
import time
from dataclasses import asdict, dataclass

from ..programs.backends import Backend, settle, start_backend
from ..programs.load import Outcome
from ..programs.subjects import Subject, start_httptee
from ..programs.watched import watched
from ..reports.figures import Json, medians
from ..reports.lookups import Lookup, Measured, rows
from ..reports.tables import table
from ..reports.targets import Target
from .rounds import Stage, Taken, interleaved, stages
from .scenario import Result, Scenario, Setup, add_setup

RATES = (0, 1000)
PAINTS = 5
OPEN = 2.5  # seconds that a page stays open: the script asks every two
TITLE = "First paint of the page in chromium"
HEADER = ["requests/s", "answered/s", "first paint ms", "slowest ms", "console errors", "failed requests", "notes"]
SUBJECT = Subject("httptee", start_httptee)
_PAINTED = "return performance.getEntriesByName('first-contentful-paint')[0].startTime"


@dataclass(frozen=True)
class Figures:
    """Of one tee: what the load got, and the median and the slowest of some paints in milliseconds."""

    rate: float
    paint: float
    slowest: float
    complaints: int
    errors: int


def figures(paints: list[float], complaints: int, outcome: Outcome | None) -> Figures:
    """What was measured. Without load there is no outcome."""
    rate, errors = (outcome.rate, outcome.errors) if outcome else (0.0, 0)
    return Figures(rate, sorted(paints)[len(paints) // 2], max(paints), complaints, errors)


def measured(stage: Stage[Backend], b: Backend, rate: int) -> Figures:
    """One tee with a verdict, its load, and a browser that opens its page some times."""
    from tests.support.browser import browser  # the only scenario that needs a browser and its driver

    got: list[Outcome] = []
    with (
        browser() as reader,
        watched(stage.workspace, SUBJECT, stage.a.port, b.port, "-verdict", "memory", "-processes", "2") as running,
    ):
        reader.chrome.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
        seconds = 3.0 + PAINTS * (OPEN + 1.0)
        load = threading.Thread(target=lambda: got.append(stage.load.paced(running.tee.url, rate, seconds)))
        if rate:
            load.start()
            time.sleep(3.0)  # until there is something to show
        paints = []
        for _ in range(PAINTS):
            reader.open(f"http://127.0.0.1:{running.admin}/")
            time.sleep(OPEN)
            paints.append(float(reader.run(_PAINTED)))
        complaints = len(reader.complaints())
        if rate:
            load.join()
        settle(b)
    return figures(paints, complaints, got[0] if got else None)


def table_of(taken: Taken[int, Figures], stage: Stage[Backend]) -> Json:
    """A row for each rate."""
    found: list[Json] = []
    for rate in RATES:
        samples, reason = taken.row(stage.sessions, rate, SUBJECT)
        row: Json = {"subject": SUBJECT.name, "scenario": str(rate), "median": None, "reason": reason}
        if samples:
            row |= {"median": medians(samples), "samples": [asdict(each) for each in samples]}
        found.append(row)
    return table(TITLE, HEADER, [cells(row) for row in found], found, stage.sessions)


def cells(row: Json) -> list[str]:
    """A table row as text. Errors are those of all rounds, the slowest paint is that of all."""
    got = row["median"]
    if got is None:
        return [row["scenario"], *[""] * (len(HEADER) - 2), row["reason"]]
    samples = row["samples"]
    slowest = max(each["slowest"] for each in samples)
    return [
        row["scenario"], f"{got['rate']:,.0f}", f"{got['paint']:.0f}", f"{slowest:.0f}",
        str(sum(each["complaints"] for each in samples)), str(sum(each["errors"] for each in samples)), row["reason"],
    ]  # fmt: skip


def under_load(name: str) -> Lookup:
    """The worst of a figure over all rounds under load."""

    def measure(result: Json) -> Measured:
        row = rows(result, TITLE).get(str(RATES[-1]), {})
        return float(max(each[name] for each in row["samples"])) if row.get("median") else None

    return measure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    add_setup(parser, "httptee")


def run(options: argparse.Namespace) -> Result:
    """Measure without load and with it, in interleaved rounds."""
    setup = Setup.of(options, [SUBJECT.name])
    with stages(setup.arranged, "wrk") as ready:
        varied = {stage.sessions: start_backend(stage.workspace, "varied", varied=True) for stage in ready}

        def measure_one(stage: Stage[Backend], rate: int, subject: Subject) -> Figures:
            return measured(stage, varied[stage.sessions], rate)

        taken = interleaved(
            setup.plan.rounds, ready, RATES, [SUBJECT], measure_one, lambda rate: f"{rate} requests/s",
            lambda got: f"{got.paint:.0f} ms, slowest {got.slowest:.0f} ms",
        )  # fmt: skip
        tables = [table_of(taken, stage) for stage in ready]
    return Result(tables, setup.settings())


TARGETS = (
    Target("page at 1,000 requests/s: first paint ms", "paint", under_load("slowest"), 1000, most=True),
    Target("page at 1,000 requests/s: console errors", "paint", under_load("complaints"), 0, most=True),
)
SCENARIO = Scenario("paint", "how soon a browser paints the page of the admin listener", add_arguments, run, TARGETS)
