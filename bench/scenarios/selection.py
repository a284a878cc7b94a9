"""The CPU time of the decisions which B gets a request. No server and no network take part."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from statistics import median
from time import process_time

from httptee.http import Endpoint, Request
from httptee.selection import Selection, selections
from httptee.settings import Backend, Settings, shadow_settings

from ..reports.figures import Json
from ..reports.lookups import Lookup, Measured, rows
from ..reports.tables import table
from ..reports.targets import Target
from .scenario import Result, Scenario

ROUNDS = 7
REQUESTS = 20_000
LIMIT = 10.0
"""Microseconds for each request, for `LIMITED`."""
LIMITED = "5 Bs, 3 filters each"
TITLE = "CPU time of the decisions about one request"

HEADERS = [
    ("Host", "shop.example"), ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0"), ("Accept", "text/html"),
    ("Accept-Language", "en"), ("Accept-Encoding", "gzip"), ("Referer", "https://shop.example/"), ("DNT", "1"),
    ("Cookie", "theme=dark; sid=4f1c2b7a9d; consent=yes"), ("X-User", "alice"), ("X-Tenant", "acme"),
    ("X-Request-Id", "01J8ZQ"), ("Cache-Control", "no-cache"),
]  # fmt: skip
FILTERS = "methods=GET,HEAD path=/shop/* header=X-Tenant=acme"
CASES: dict[str, Sequence[str]] = {
    "5 Bs that get everything": ["{b}"] * 5,
    "5 Bs, percent=10": ["{b} percent=10"] * 5,
    LIMITED: [f"{{b}} {FILTERS}"] * 5,
    "5 Bs, 3 regular expressions each": ["{b} path=re:^/shop/ header=User-Agent~Firefox header='!Cookie~bot'"] * 5,
    "5 Bs, percent=10 by user": ["{b} percent=10 sticky=header:X-User"] * 5,
    "5 Bs, percent=10 by session": ["{b} percent=10 sticky=cookie:sid"] * 5,
    "5 Bs, rate=1000/s": ["{b} rate=1000/s"] * 5,
}


def chosen(lines: Sequence[str]) -> list[Selection]:
    """The selections of these Bs."""
    backends = [Backend.parse(line.format(b=f"http://b{number}")) for number, line in enumerate(lines)]
    shadows = shadow_settings(Settings(a=Endpoint.parse("a"), b=tuple(backends)))
    return selections([shadow.criteria for shadow in shadows])


def microseconds(lines: Sequence[str]) -> float:
    """CPU time of all decisions about one request: the median of the rounds, without the time of the loop itself."""
    ask = [selection.refuses for selection in chosen(lines)]
    requests = [Request("GET", f"/shop/cart/{number}?x=1", HEADERS, b"", "192.0.2.1", "http") for number in range(1000)]
    return median(_round(ask, requests) - _round([_nothing] * len(ask), requests) for _ in range(ROUNDS))


def _round(ask: Sequence[Callable[[Request], object]], requests: Sequence[Request]) -> float:
    started = process_time()
    for _ in range(REQUESTS // len(requests)):
        for request in requests:
            for one in ask:
                one(request)
    return (process_time() - started) / REQUESTS * 1e6


def _nothing(request: Request) -> None:
    return None


def decided(case: str) -> Lookup:
    """The CPU time of one case."""

    def measure(result: Json) -> Measured:
        row = rows(result, TITLE).get(case)
        return float(row["cpu"]) if row else None

    return measure


TARGETS = (Target(f"{LIMITED}: CPU µs a request", "selection", decided(LIMITED), LIMIT, most=True),)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: this scenario has no arguments."""


def run(options: argparse.Namespace) -> Result:
    """Measure every case."""
    figures = {name: microseconds(lines) for name, lines in CASES.items()}
    cells = [[name, f"{figure:.2f}"] for name, figure in figures.items()]
    found: list[Json] = [{"subject": "httptee", "scenario": name, "cpu": figure} for name, figure in figures.items()]
    made = table(TITLE, ["Bs", "CPU µs a request"], cells, found)
    return Result([made], {"rounds": ROUNDS, "requests": REQUESTS}, held=figures[LIMITED] <= LIMIT)


SCENARIO = Scenario("selection", f"the CPU time of choosing Bs; status 1 over {LIMIT:g} µs for {LIMITED}",
                    add_arguments, run, TARGETS)  # fmt: skip
