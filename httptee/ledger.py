"""What became of every clone and of every request to A: fixed 64-bit counters, one row a worker process.

The counters lie in anonymous shared memory that is mapped before any fork: the parent reads what its workers count,
and a worker that is killed takes nothing with it. A row has one writer process, so a lock of that process's own is
all the care a count needs. For each B, at every moment:

    seen = delivered + failed + dropped + in flight
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from httptee.errors import UPSTREAM_REASONS
from httptee.rate import shared_clocks
from httptee.shared import shared_words

FAILURE_REASONS: tuple[str, ...] = (*UPSTREAM_REASONS, "lost")
"""Why a clone that was sent got no whole answer: what became of its exchange, or `lost` with a killed worker."""

DROP_REASONS: tuple[str, ...] = (
    "sampled_out",
    "filtered",
    "too_large",
    "rate_limited",
    "saturated",
    "over_budget",
    "circuit_open",
    "cut_off",
    "closing",
)
"""Why a clone may never be sent: the closed set."""

CIRCUIT_WORDS = 4
"""Shared words for the state of one B's circuit breaker."""

_STATUSES = range(100, 600)
_FAILED = 0
_DROPPED = _FAILED + len(FAILURE_REASONS)
_DELIVERED = _DROPPED + len(DROP_REASONS)
_OTHER_STATUS = _DELIVERED + len(_STATUSES)
# Last, because a row is read in this order: what is read before `seen` can only have been counted before it.
_SEEN = _OTHER_STATUS + 1
_COLUMNS = _SEEN + 1


@dataclass(frozen=True, slots=True)
class Statement:
    """One B's account at one moment: counts since start, by status and by reason."""

    backend: str
    seen: int
    delivered_by_status: dict[int, int]
    failed_by_reason: dict[str, int]
    dropped_by_reason: dict[str, int]

    @property
    def delivered(self) -> int:
        """Clones that B answered, with whatever status."""
        return sum(self.delivered_by_status.values())

    @property
    def failed(self) -> int:
        """Clones that were sent, or could not be, and got no whole answer."""
        return sum(self.failed_by_reason.values())

    @property
    def dropped(self) -> int:
        """Clones that were never sent."""
        return sum(self.dropped_by_reason.values())

    @property
    def in_flight(self) -> int:
        """Clones that wait for a worker or for B."""
        return self.seen - self.delivered - self.failed - self.dropped

    def __str__(self) -> str:
        return (
            f"B {self.backend} seen={self.seen} delivered={self.delivered}{_detail(self.delivered_by_status)}"
            f" failed={self.failed}{_detail(self.failed_by_reason)}"
            f" dropped={self.dropped}{_detail(self.dropped_by_reason)} in_flight={self.in_flight}"
        )


class Account:
    """One B's line in one worker's row. Every clone is opened and settled once, or dropped once."""

    def __init__(self, cells: memoryview, lock: threading.Lock) -> None:
        self._cells = cells
        self._lock = lock

    def open(self) -> None:
        """A clone has been taken on; it is in flight until it is settled."""
        with self._lock:
            self._cells[_SEEN] += 1

    def drop(self, reason: str) -> None:
        """A clone was offered and refused in the same moment."""
        with self._lock:
            self._cells[_SEEN] += 1
            self._cells[_DROPPED_AT[reason]] += 1

    def settle_delivered(self, status: int) -> None:
        """A clone in flight got its answer."""
        with self._lock:
            self._cells[_DELIVERED_AT.get(status, _OTHER_STATUS)] += 1

    @property
    def dropped(self) -> int:
        """Clones dropped so far."""
        return sum(self._cells[_DROPPED : _DROPPED + len(DROP_REASONS)])

    def settle_failed(self, reason: str) -> None:
        """A clone in flight got none."""
        with self._lock:
            self._cells[_FAILED_AT[reason]] += 1

    def settle_dropped(self, reason: str) -> None:
        """A clone that waited will not be sent after all."""
        with self._lock:
            self._cells[_DROPPED_AT[reason]] += 1


class Ledger:
    """All accounts: `rows` workers by the B's named in `backends`. `circuits` is the state of each B's breaker.

    A reload starts a ledger of its own for the workers to come, which goes on counting where the `earlier` ones are:
    the lines of those that are finished are added up in one row of its own, the others are read along. So the newest
    ledger knows all there is since the start, in every process that was forked after it was made, and no count ever
    goes back. A B that the reload took away keeps its line.
    """

    def __init__(self, backends: Sequence[str], rows: int = 1, earlier: Sequence[Ledger] = ()) -> None:
        self.finished = False
        """Set once no process writes to this ledger any more, and what they held has been settled."""
        self._accounts = len(backends)
        self._running = [ledger for ledger in earlier if not ledger.finished]
        # A B may be named twice: the second one of a name is another B.
        self._backends = _numbered(backends)
        for ledger in earlier:
            self._backends += [backend for backend in ledger._backends if backend not in self._backends]
        self._rows = rows
        self.circuits = tuple(shared_words(CIRCUIT_WORDS) for _ in backends)
        self.clocks = shared_clocks(len(backends))
        """What the rate limits of all workers share, one a B."""
        self._cells = shared_words((rows + 1) * len(self._backends) * _COLUMNS)
        for ledger in earlier:
            if ledger.finished:
                self._take_over(ledger)

    def accounts(self, row: int) -> list[Account]:
        """A worker's accounts, one a B, in their order."""
        return [Account(self._line(row, backend), threading.Lock()) for backend in range(self._accounts)]

    @property
    def history(self) -> list[Ledger]:
        """The ledger itself and those it reads along: what the next one has to be told of as `earlier`."""
        return [self, *self._running]

    def statements(self) -> list[Statement]:
        """Where every B stands now, all workers together."""
        return [self._statement(backend) for backend in self._backends]

    def settle_lost(self, row: int) -> None:
        """Account for what a worker held when it died: call it only when nobody writes to its row any more."""
        for backend in range(self._accounts):
            line = self._line(row, backend)
            line[_FAILED_AT["lost"]] += line[_SEEN] - sum(line[:_SEEN])

    def holds_any(self, row: int) -> bool:
        """Whether a worker's row has a clone in flight."""
        lines = [self._line(row, backend).tolist() for backend in range(self._accounts)]
        return any(line[_SEEN] > sum(line[:_SEEN]) for line in lines)

    def __str__(self) -> str:
        return "\n".join(map(str, self.statements()))

    def _line(self, row: int, backend: int) -> memoryview:
        start = (row * len(self._backends) + backend) * _COLUMNS
        return self._cells[start : start + _COLUMNS]

    def _take_over(self, ledger: Ledger) -> None:
        for number, backend in enumerate(self._backends):
            line = self._line(self._rows, number)
            for at, count in enumerate(ledger._total(backend)):
                line[at] += count

    def _total(self, backend: tuple[str, int]) -> list[int]:
        """One B's counts in this ledger alone."""
        if backend not in self._backends:
            return [0] * _COLUMNS
        number = self._backends.index(backend)
        lines = [self._line(row, number).tolist() for row in range(self._rows + 1)]
        return [sum(column) for column in zip(*lines, strict=True)]

    def _statement(self, backend: tuple[str, int]) -> Statement:
        totals = [ledger._total(backend) for ledger in self.history]
        total = [sum(column) for column in zip(*totals, strict=True)]
        return Statement(
            backend=backend[0],
            seen=total[_SEEN],
            delivered_by_status={status: total[at] for status, at in _DELIVERED_AT.items() if total[at]}
            | ({0: total[_OTHER_STATUS]} if total[_OTHER_STATUS] else {}),
            failed_by_reason={reason: total[at] for reason, at in _FAILED_AT.items() if total[at]},
            dropped_by_reason={reason: total[at] for reason, at in _DROPPED_AT.items() if total[at]},
        )


_FAILED_AT = {reason: _FAILED + index for index, reason in enumerate(FAILURE_REASONS)}
_DROPPED_AT = {reason: _DROPPED + index for index, reason in enumerate(DROP_REASONS)}
_DELIVERED_AT = {status: _DELIVERED + index for index, status in enumerate(_STATUSES)}


def _detail(counts: dict[int, int] | dict[str, int]) -> str:
    return f" ({' '.join(f'{key}={count}' for key, count in counts.items())})" if counts else ""


def _numbered(names: Sequence[str]) -> list[tuple[str, int]]:
    """Every name with how many of its like stand before it."""
    return [(name, names[:at].count(name)) for at, name in enumerate(names)]
