"""What became of every clone and of every request to A: fixed 64-bit counters, one row a worker process.

The counters lie in anonymous shared memory that is mapped before any fork: the parent reads what its workers count,
and a worker that is killed takes nothing with it. A row has one writer process, so a lock of that process's own is
all the care a count needs. For each B, at every moment:

    seen = delivered + failed + dropped + in flight
"""

from __future__ import annotations

import mmap
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from httptee.errors import UPSTREAM_REASONS
from httptee.rate import shared_clocks

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
    "closing",
)
"""Why a clone may never be sent: the closed set."""

_STATUSES = range(100, 600)
_FAILED = 0
_DROPPED = _FAILED + len(FAILURE_REASONS)
_DELIVERED = _DROPPED + len(DROP_REASONS)
_OTHER_STATUS = _DELIVERED + len(_STATUSES)
# Last, because a row is read in this order: what is read before `seen` can only have been counted before it.
_SEEN = _OTHER_STATUS + 1
_COLUMNS = _SEEN + 1
_WORD = 8


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
    """All accounts: `rows` workers by the B's named in `backends`."""

    def __init__(self, backends: Sequence[str], rows: int = 1) -> None:
        self._backends = tuple(backends)
        self._rows = rows
        self._memory = mmap.mmap(-1, max(1, rows * len(self._backends) * _COLUMNS) * _WORD)
        self._cells = memoryview(self._memory).cast("Q")
        self.clocks = shared_clocks(len(self._backends))
        """What the rate limits of all workers share, one a B."""

    def accounts(self, row: int) -> list[Account]:
        """A worker's accounts, one a B, in their order."""
        return [Account(self._line(row, backend), threading.Lock()) for backend in range(len(self._backends))]

    def statements(self) -> list[Statement]:
        """Where every B stands now, all workers together."""
        return [self._statement(backend) for backend in range(len(self._backends))]

    def settle_lost(self, row: int) -> None:
        """Account for what a worker held when it died: call it only when nobody writes to its row any more."""
        for backend in range(len(self._backends)):
            line = self._line(row, backend)
            line[_FAILED_AT["lost"]] += line[_SEEN] - sum(line[:_SEEN])

    def __str__(self) -> str:
        return "\n".join(map(str, self.statements()))

    def _line(self, row: int, backend: int) -> memoryview:
        start = (row * len(self._backends) + backend) * _COLUMNS
        return self._cells[start : start + _COLUMNS]

    def _statement(self, backend: int) -> Statement:
        lines = [self._line(row, backend).tolist() for row in range(self._rows)]
        total = [sum(column) for column in zip(*lines, strict=True)]
        return Statement(
            backend=self._backends[backend],
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
