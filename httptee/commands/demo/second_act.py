"""The second act: a B with two defects, and a verdict that finds them behind three kinds of noise.

A and B are one small shop, twice. Every answer of it has an id of its own, the time and a list in no fixed order, so
that no two answers are equal, not even two of A's. B has two defects besides.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import random
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from httptee.build import Watching, build_ledger, build_tallies, build_tee, make_judge
from httptee.commands.demo.servers import Background, Body
from httptee.commands.verdict import print_text, terminal_style
from httptee.http import Endpoint
from httptee.settings import Backend, Settings
from httptee.verdict.court import Report
from httptee.verdict.display import table
from httptee.verdict.evidence import Unreadable, private_directory, read_verdict, report_of
from httptee.verdict.judge import JudgeThread, Pace, Reader, Runs

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PRODUCTS, ORDERS = "GET /products/{int}", "GET /orders/{int}"
PLANTED = {
    (PRODUCTS, "$.price", "value"): "differs",
    (ORDERS, "$.currency", "missing"): "differs",
    (PRODUCTS, "$.request_id", "value"): "noise",
    (PRODUCTS, "$.sizes", "order"): "noise",
    (ORDERS, "$.served_at", "value"): "noise",
}
"""Each difference, and what it is to be found to be."""

_STORY = """
Second act: another A, another B, and the verdict. No two answers are equal: each has an id of its own, a list in any
order, or the time. B has two defects besides: every third price is a cent too high, and orders lack their currency.
"""
_REPEATS = 40  # a second; in production it is 2, and a verdict takes longer
_SHARE = 0.5  # of one core for the judge
_CLIENTS, _PAUSE = 4, 0.04  # seconds from one request of a client to its next one
_LONGEST = 30.0  # seconds
_LOOK = 0.2  # seconds from one look at the verdict to the next
_SIZES = ["XS", "S", "M", "L", "XL", "XXL"]

Labels = dict[tuple[str, str, str], str]


class Shop:
    """Answers with a product or an order, as JSON. With `defects`, some prices and the currency of orders are wrong."""

    def __init__(self, defects: bool) -> None:
        self._defects = defects

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        _, kind, name = environ["PATH_INFO"].split("/")
        found = self._product(int(name)) if kind == "products" else self._order(int(name))
        body = json.dumps(found).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return Body(body)

    def _product(self, number: int) -> dict[str, object]:
        cents = 199 + 10 * number + (self._defects and number % 3 == 0)
        sizes = random.sample(_SIZES, len(_SIZES))
        return {"id": number, "price": cents / 100, "sizes": sizes, "request_id": str(uuid.uuid4())}

    def _order(self, number: int) -> dict[str, object]:
        order: dict[str, object] = {"id": number, "total": 100 + number, "served_at": round(time.time(), 6)}
        return order if self._defects else {**order, "currency": "EUR"}


def run_second_act() -> int:
    """Judge a B with defects, and print the verdict. Returns the exit status: 0 if it is the right one."""
    print(_STORY, flush=True)
    began = time.monotonic()
    shops = [Background(Shop(defects), Settings(threads=8)) for defects in (False, True)]
    try:
        with _tee(*(shop.url for shop in shops)) as (port, place):
            requests = _ask_until(port, lambda: found_in(_report(place)) == PLANTED)
            report = _report(place)
    finally:
        for shop in shops:
            shop.close()
    return _say(report, requests, time.monotonic() - began)


@contextmanager
def _tee(a: str, b: str) -> Iterator[tuple[int, str]]:
    """A tee with a judge, in this process: its port, and the directory of its evidence, which is deleted at the end."""
    settings = Settings(
        a=Endpoint.parse(a), b=(Backend.parse(f"{b} name=new-shop"),), threads=8,
        verdict="memory", verdict_repeat=_REPEATS,
    )  # fmt: skip
    place = private_directory(settings.verdict_max_bytes)
    ledger, tallies = build_ledger(settings), build_tallies(settings)

    def make(reader: Reader, pace: Pace, short_of_memory: Callable[[], bool]) -> Runs:
        quick = Pace(_SHARE, time.thread_time)
        return make_judge(settings, ledger, tallies, place)(reader, quick, short_of_memory)

    logging.getLogger("httptee.verdict.judge").addHandler(logging.NullHandler())  # the verdict is printed, not logged
    judge = JudgeThread(make)
    tee = build_tee(settings, ledger, watching=Watching(tallies, judge, place))
    front = Background(tee, settings)
    try:
        yield front.port, place
    finally:
        front.close()
        tee.close()
        judge.stop()
        shutil.rmtree(place, ignore_errors=True)


def _ask_until(port: int, decided: Callable[[], bool]) -> int:
    """Send requests until `decided`, or until the time is over. Returns how many."""
    ending = threading.Event()
    sent: list[int] = []
    clients = [threading.Thread(target=_ask, args=(port, client, ending, sent)) for client in range(_CLIENTS)]
    for client in clients:
        client.start()
    until = time.monotonic() + _LONGEST
    while not decided() and time.monotonic() < until:
        time.sleep(_LOOK)
    ending.set()
    for client in clients:
        client.join()
    return sum(sent)


def _ask(port: int, client: int, ending: threading.Event, sent: list[int]) -> None:
    """One client. It asks for two products, then for an order: so the report always has the products first."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_LONGEST)
    number = client
    while not ending.wait(_PAUSE):
        connection.request("GET", f"/{('products', 'products', 'orders')[number // _CLIENTS % 3]}/{number}")
        connection.getresponse().read()
        number += _CLIENTS
    connection.close()
    sent.append((number - client) // _CLIENTS)


def _report(place: str) -> Report | None:
    """The latest report, or None before the first one."""
    try:
        reports = read_verdict(place)["reports"]
    except Unreadable:
        return None
    return report_of(reports[0]) if reports else None


def found_in(report: Report | None) -> Labels:
    """Each difference of a report, and what it is held to be."""
    routes = report.routes if report else ()
    return {(one.route, one.path, one.kind): one.label for route in routes for one in route.findings}


def _say(report: Report | None, requests: int, seconds: float) -> int:
    if report is not None:
        print_text(table([report], None, terminal_style(os.environ)))
    right = found_in(report) == PLANTED
    print(f"{requests} requests in {seconds:.0f} s, with up to {_REPEATS} repeats a second; the default is 2.")
    print("The pairs of this demo are deleted. With your servers: httptee -verdict DIR …, then httptee verdict DIR")
    print("The verdict found both defects, and the noise is noise." if right else "The verdict is NOT as planned.")
    return 0 if right else 1
