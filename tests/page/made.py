"""A page on a ledger that a test has filled, and what it answers."""

import json
from dataclasses import replace

from httptee.ledger.columns import IS_OPEN
from httptee.page import Curve, Page, View
from tests.admin.page import make, with_worker

HOSTILE = "<script>window.planted=1</script><img src=x onerror=planted()>'\"&\x00\x1b[2J\u202e"


def filled(**more):
    """A tee with one worker process and two Bs that have counted."""
    made = with_worker(make("/ping", **more))
    account, other = made.ledger.accounts(0)
    for _ in range(10):
        account.open()
    for _ in range(6):
        account.settle_delivered(200, 0.004)
    account.settle_failed("timeout")
    account.drop("saturated")
    other.drop("filtered")
    made.ledger.circuits[1][IS_OPEN] = 1
    for _ in range(9):
        made.ledger.worker(0).answered(200, 0.002)
    made.ledger.worker(0).answered(503, 0.3)
    made.ledger.worker(0).error("reset")
    made.ledger.worker(0).refused("overloaded")
    return made


def view(status=None, **more):
    """What a page shows, with changes to the content of /status."""
    found = json.loads(json.dumps(filled().admin._view().status))
    return View({**found, **(status or {})}, **more)


def page(shown=None, curves=()):
    shown = shown or view()
    return Page(lambda: shown, lambda: curves)


def text(made, path="/"):
    """The body at a path."""
    return made.at(path)().body.decode()


def curve(name="", points=3, rate=100.0, p50=0.001, p99=0.01):
    return Curve(name, [(1000.0 + 10 * number, rate, p50, p99) for number in range(points)])


def changed(one, **fields):
    return replace(one, **fields)
