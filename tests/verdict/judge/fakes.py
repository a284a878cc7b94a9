"""Fakes of what a judge works with."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from httptee.compare import Difference, Key
from httptee.ledger import Latency, PrimaryStatement
from httptee.ledger.columns import BOUNDS
from httptee.verdict.court import NOT_YET, Pair, Report


@dataclass(frozen=True)
class Counts:
    """The counts of a whole B."""

    offered: int = 0
    delivered: int = 0
    repeats: int = 0


@dataclass(frozen=True)
class Wish:
    """A wish to ask again."""

    pair: Pair
    due: float = 1000.0
    delayed: bool = False
    priority: float = 1.0
    more: int = 0


def compare(a, b):
    """One difference at the body, unless it is the same."""
    if b.body == b"raise":
        raise ValueError("this pair cannot be compared")
    return [] if a.body == b.body else [Difference(Key("body", "$", "value"), a.body, b.body)]


class FakeReader:
    """Gives what is in `pairs`."""

    def __init__(self, *pairs):
        self.pairs = deque(pairs)
        self.dropped = 0

    def receive(self, timeout):
        while self.pairs:
            yield self.pairs.popleft()


class FakeCourt:
    """Counts pairs, asks again for each, and has a word that a test may change."""

    def __init__(self, chapter=1, state=None):
        self.seen = (state or {}).get("seen", 0)
        self.word = NOT_YET
        self.further = None
        self.unequal_pairs, self.confirmations, self.refusals = [], [], []
        self.reported = None

    def unequal(self, pair, found):
        self.seen += 1
        self.unequal_pairs.append((pair, found))
        return Wish(pair, 1000.0 + self.seen / 1000)

    def confirmed(self, pair, again, found):
        self.confirmations.append((pair, again, found))
        return self.further

    def refused(self, ask):
        self.refusals.append(ask)

    def fold(self, name_of):
        self.name_of = name_of

    def report(self, sums, counts, now):
        self.reported = (sums, counts)
        word, made = self.word, (counts.offered, counts.delivered, 0, self.seen, counts.repeats)
        return Report("canary", 1, 0.0, word, f"{word}: no more", 0.001, 0.01, *made)

    def state(self):
        return {"seen": self.seen}


class FakeEvidence:
    """Remembers everything. The same one may be given to a second judge."""

    def __init__(self):
        self.documents: dict[str, Any] = {}
        self.chapters: dict[str, tuple[str, int]] = {}
        self.added, self.reports = [], []
        self.fails = Counter()
        self.closed = False

    def add(self, pair, found, again=None):
        if self.fails["add"]:
            raise OSError("no space left")
        self.added.append((pair, found, again))
        return True

    def save(self, name, value):
        self.documents[name] = value

    def load(self, name):
        return self.documents.get(name)

    def chapter(self, backend, fingerprint, reset):
        known, number = self.chapters.get(backend, ("", 0))
        self.chapters[backend] = (fingerprint, number + (reset or known != fingerprint))
        return self.chapters[backend][1]

    def next_number(self):
        return 1 + max((pair.number for pair, _, _ in self.added), default=0)

    def publish(self, reports, **more):
        self.reports.append(reports)
        self.more = more

    def close(self):
        self.closed = True


@dataclass
class FakeObserved:
    """What the workers have counted: A has answered `answered` requests."""

    run: str = "first"
    answered: int = 1000
    by_route: dict[str, Any] = field(default_factory=dict)
    whole: Counts = field(default_factory=Counts)

    def sums(self):
        return {"canary": self.by_route}

    def names(self):
        return [list(self.by_route)]

    def counts(self, backend, sums):
        return self.whole

    def primary(self):
        buckets = [self.answered, *[0] * len(BOUNDS)]
        return PrimaryStatement({200: self.answered}, {}, {}, Latency(tuple(buckets), 0.0), 0, 0, 0)

    def share(self):
        return 1.0


class FakeAsker:
    """Answers as `outcomes` says, by backend."""

    def __init__(self, **outcomes):
        self.outcomes = outcomes
        self.asked = []
        self.closed = False

    def close(self):
        self.closed = True

    def ask(self, request, backend, most):
        self.asked.append((backend, request, most))
        return self.outcomes[backend or "a"]
