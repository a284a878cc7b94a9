"""Tees of which only the pairs and the counts are there."""

from __future__ import annotations

from collections import Counter

from httptee.journal.engines import Message
from httptee.ledger import Latency, PrimaryStatement, Statement
from httptee.ledger.columns import BOUNDS
from httptee.verdict.court import RouteSums
from httptee.verdict.fleet.document import OfB, TeeDocument
from httptee.verdict.fleet.lines import line_of
from httptee.verdict.fleet.packing import packed
from httptee.verdict.fleet.parting import partition_of

NONE = Latency((0,) * (len(BOUNDS) + 1), 0.0)


class Writer:
    """Puts pairs into an engine, as the outbox of a tee is shipped."""

    def __init__(self, engine, name="one"):
        self.engine = engine
        self.name = name
        self.numbers = Counter()

    def put(self, *pairs):
        for pair in pairs:
            self.put_payload(b"R" + packed(pair), partition_of(pair.route, self.engine.partitions))

    def put_payload(self, payload, partition=0):
        self.numbers[partition] += 1
        number = self.numbers[partition]
        self.engine.append([Message(partition, self.name, number, number * 10**9, payload)])


def statement(name="canary", seen=0, **counts):
    made = {
        "delivered_by_status": {200: seen},
        "failed_by_reason": {},
        "dropped_by_reason": {},
        "state": "up",
        **counts,
    }
    return Statement(backend=name, seen=seen, latency=NONE, waiting=0, **made)


def account(answered=0, errors=None):
    buckets = (answered, *NONE.buckets[1:])
    return PrimaryStatement({200: answered}, errors or {}, {}, Latency(buckets, 0.5 * answered), 0, 0, 0)


def tee(instance="one", run="first", names=(), at=1000.0, answered=1000, more=None, **routes):
    """The document of a tee. `routes` in `more` are counts by name."""
    sums: dict[str, RouteSums] = {**(more or {}), **routes}
    requests = sum(one.requests for one in sums.values())
    of_b = OfB(statement(seen=requests), {name: line_of(one) for name, one in sums.items()}, "", requests, requests)
    groups = [frozenset(group) for group in names] or [frozenset(sums)]
    return TeeDocument(instance, run, 900.0, at, account(answered), {"canary": of_b}, groups)
