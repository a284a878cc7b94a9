"""Adds up what the runs of all tees have published: the same that one tee would have counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import TypeVar

from httptee.ledger import BOUNDS, Latency, PrimaryStatement, Statement
from httptee.verdict.court import Counts, RouteSums
from httptee.verdict.fleet.document import Lost, OfB, TeeDocument
from httptee.verdict.fleet.lines import Line, sums_of

_SILENT = 10.0  # seconds without a document, after which a tee is not heard of any more
_TOTALS = ("client_gone", "log_dropped", "share_changes", "cut_off", "unanswered", "unobserved")

_NO_TIMES = Latency((0,) * (len(BOUNDS) + 1), 0.0)

Key = TypeVar("Key", bound=Hashable)


class Fleet:
    """What all tees have counted, as a judge reads it (`judge.Observed`), and their ledger."""

    def __init__(self, documents: Sequence[TeeDocument] = ()) -> None:
        self.documents = sorted(documents, key=lambda one: (one.instance, one.began, one.run))

    @property
    def run(self) -> str:
        """No run of one tee."""
        return ""

    @property
    def backends(self) -> list[str]:
        """The names of all Bs."""
        return list({name: None for one in self.documents for name in one.backends})

    def sums(self) -> Mapping[str, Mapping[str, RouteSums]]:
        """The counts of each B by route."""
        found: dict[str, dict[str, RouteSums]] = {}
        for name in self.backends:
            routes: dict[str, list[Line]] = {}
            for one in self._of(name):
                for route, line in one.routes.items():
                    routes.setdefault(route, []).append(line)
            found[name] = {route: sums_of(each) for route, each in routes.items()}
        return found

    def names(self) -> Sequence[Collection[str]]:
        """The names of the routes in each worker process of each tee."""
        return [group for one in self.documents for group in one.names]

    def counts(self, backend: str, sums: Mapping[str, RouteSums]) -> Counts:
        """The counts of a whole B, with its counts by route."""
        every = self._of(backend)
        return Counts(
            offered=sum(one.offered for one in every),
            delivered=sum(one.delivered for one in every),
            chosen=sum(one.chosen for one in sums.values()),
            judged=sum(one.judged for one in sums.values()),
            writes_missed=sum(one.missed for one in every),
        )

    def primary(self) -> PrimaryStatement:
        """The account of A, over all tees."""
        every = [one.primary for one in self.documents]
        return PrimaryStatement(
            _added(one.answered_by_status for one in every),
            _added(one.errors_by_reason for one in every),
            _added(one.refused_by_reason for one in every),
            _latency(one.latency for one in every),
            **{name: sum(getattr(one, name) for one in every) for name in _TOTALS},
        )

    def statements(self) -> list[Statement]:
        """The account of each B, over all tees."""
        return [_statement(name, [one.statement for one in self._of(name)]) for name in self.backends]

    def share(self) -> float:
        """The part of the clones that the cutoffs let through, in the tee where it is the smallest."""
        latest = max((one.at for one in self.documents), default=0.0)
        return min((one.share for one in self.documents if self._is_heard(one, latest)), default=1.0)

    def lost(self) -> Lost:
        """The pairs for which an outbox had no room."""
        return sum((one.pairs.lost for one in self.documents), start=Lost())

    def _is_heard(self, one: TeeDocument, latest: float) -> bool:
        return not one.ended and latest - one.at < _SILENT

    def _of(self, backend: str) -> list[OfB]:
        return [one.backends[backend] for one in self.documents if backend in one.backends]


def _statement(name: str, every: Sequence[Statement]) -> Statement:
    """The sum of these accounts. A clone that one has left in a spool, and another has found there, is seen once."""
    states = {one.state for one in every}
    found = sum(one.recovered + one.taken_over for one in every)
    return Statement(
        backend=name,
        seen=sum(one.seen for one in every) - found,
        delivered_by_status=_added(one.delivered_by_status for one in every),
        failed_by_reason=_added(one.failed_by_reason for one in every),
        dropped_by_reason=_added(one.dropped_by_reason for one in every),
        latency=_latency(one.latency for one in every),
        waiting=sum(one.waiting for one in every),
        state="down" if "down" in states else "up" if "up" in states else "gone",
        spooled=sum(one.spooled + one.handed_over for one in every) - found,
    )


def _latency(every: Iterable[Latency]) -> Latency:
    found = [_NO_TIMES, *every]
    columns = zip_longest(*(one.buckets for one in found), fillvalue=0)
    return Latency(tuple(map(sum, columns)), sum(one.seconds for one in found))


def _added(every: Iterable[Mapping[Key, int]]) -> dict[Key, int]:
    total: Counter[Key] = Counter()
    for one in every:
        total.update(one)
    return dict(sorted(total.items(), key=str))
