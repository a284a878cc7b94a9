"""What became of every request that a recording was offered: `recorded + not recorded = seen`, once nothing waits.

A row belongs to one worker process, as in the ledger. Where there are several, they hand their exchanges through a
`Ring` each to one process that writes for all, and has a row of its own. The records of a writer are numbered through,
so the last number in its file says how many are stored, even if the process was killed before it could count them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from httptee.ledger.boards import Board, Shipped
from httptee.ledger.ring import Ring
from httptee.ledger.shared import Anonymous, Memory
from httptee.quick import add_one

RECORD_REASONS: tuple[str, ...] = (
    "sampled_out",
    "filtered",
    "unanswered",
    "queue_full",
    "unread",
    "disk_full",
    "disk_failed",
    "unreadable",
    "lost",
)
"""Why a request is not recorded: the closed set. The first two are the operator's choice, and `unanswered` are requests
that did not go to A after all. The others are losses."""

LOSSES: tuple[str, ...] = RECORD_REASONS[3:]
"""The reasons that a recording itself names, as gaps."""

_REASONS = {reason: number for number, reason in enumerate(RECORD_REASONS)}
_RECORDED = len(RECORD_REASONS)
_SEEN = _RECORDED + 1  # after all outcomes: a reader never gets more outcomes than this
_REMOVED = _SEEN + 1
_COUNTERS = _REMOVED + 1
_TOLD = {reason: _COUNTERS + number for number, reason in enumerate(LOSSES)}
_LAST = _COUNTERS + len(LOSSES)
_HELD = _LAST + 1
_ENDED = _HELD + 1
_WIDTH = _ENDED + 1


@dataclass(frozen=True, slots=True)
class RecordStatement:
    """The recording's account at one moment. `removed` is the number of files that the limits have removed, and `held`
    the bytes in memory that are not written yet. `shipped` says what became of the records of an outbox."""

    seen: int
    recorded: int
    not_recorded_by_reason: dict[str, int]
    removed: int
    held: int
    shipped: Shipped | None = None

    @property
    def not_recorded(self) -> int:
        """Requests that are in no file, for any reason."""
        return sum(self.not_recorded_by_reason.values())

    @property
    def waiting(self) -> int:
        """Requests that A answers, or whose record is not written yet."""
        return self.seen - self.recorded - self.not_recorded

    @property
    def lines(self) -> list[str]:
        """The account as it is logged; nothing if no request was seen."""
        return [str(self)] if self.seen else []

    def __str__(self) -> str:
        reasons = " ".join(f"{reason}={count}" for reason, count in self.not_recorded_by_reason.items())
        return (
            f"recording seen={self.seen} recorded={self.recorded} not_recorded={self.not_recorded}"
            f"{f' ({reasons})' if reasons else ''} waiting={self.waiting}"
            f"{f' {self.shipped}' if self.shipped else ''}"
        )


class RecordAccount:
    """The counts of one worker process. The threads that answer clients call `seen`, `take` and `refused`, the one that
    writes calls the others, and all call `lost`. All but `seen` share a lock that is held for a few instructions: no
    thread waits for a disk or for another process behind it."""

    def __init__(self, cells: memoryview) -> None:
        self._cells = cells
        self._lock = threading.Lock()
        self._taken = 0
        self._freed = 0
        self.seen: Callable[[], None] = partial(add_one, cells, _SEEN)
        """Count a request that is to be recorded, before A is asked."""

    def take(self, size: int, most: int) -> bool:
        """Take `size` bytes for a request that was seen, of the `most` that may be held. False if there is no room."""
        with self._lock:
            fits = self._taken + size - self._freed <= most
            if fits:
                self._taken += size
            return fits

    def refused(self, reason: str) -> None:
        """Count a request that is not to be recorded."""
        self.seen()
        self.lost(reason)

    def free(self, size: int) -> None:
        """Give bytes back that were taken. Only the writing thread calls it."""
        self._freed += size

    def recorded(self, sequence: int, stamp: int) -> None:
        """Note that all records up to this number are stored, and when the last request arrived, in nanoseconds."""
        self._cells[_LAST] = stamp
        self._cells[_RECORDED] = sequence

    def lost(self, reason: str, count: int = 1) -> None:
        """Count requests that were seen and are not recorded."""
        with self._lock:
            self._cells[_REASONS[reason]] += count

    def publish(self, removed: int, more: int = 0) -> None:
        """Add files that the limits have removed, and publish how many bytes are held, with `more` held elsewhere."""
        self._cells[_REMOVED] += removed
        self._cells[_HELD] = self.held + more

    @property
    def held(self) -> int:
        """The bytes that are held, about."""
        return max(0, self._taken - self._freed)

    @property
    def sequence(self) -> int:
        """The number of the last record of this row that is stored."""
        return int(self._cells[_RECORDED])

    @property
    def settled(self) -> int:
        """How many requests of this row are recorded, or counted as not recorded."""
        return sum(self._cells[:_SEEN])

    @property
    def last(self) -> int:
        """When the last request arrived that is stored, in nanoseconds since the epoch; 0 before the first."""
        return int(self._cells[_LAST])

    def untold(self) -> dict[str, int]:
        """The losses of this row that the recording does not name yet. A process that was killed may have left some."""
        cells = self._cells
        return {reason: more for reason in LOSSES if (more := cells[_REASONS[reason]] - cells[_TOLD[reason]]) > 0}

    def told(self, reason: str, count: int) -> None:
        """Note that the recording names these losses."""
        self._cells[_TOLD[reason]] += count


class RecordLedger:
    """The accounts of the worker processes in `rows`, and the counts of all earlier ones.

    `name` is in the names of their files, and `key` is for what the recording replaces: a reload keeps it. `written`
    returns the number of the last record that is stored in the files of a row. With `rings`, one for each worker
    process, one process writes for all of them, in the row `writer`. `earlier` are ledgers that are not finished. The
    files are in `directory`, and end with `suffix`; if they are shipped into an engine, `board` says what became of
    them. `private`: the directory ends with the tee. Who builds the ledger sets all of these.
    """

    def __init__(self, rows: int, memory: Memory | None = None) -> None:
        self.name = ""
        self.key = b""
        self.written: Callable[[int], int] = lambda row: 0
        self.rings: Sequence[Ring] = ()
        self.directory = self.suffix = ""
        self.board: Board | None = None
        self.private = False
        self.writer = rows + 1
        self.earlier: Sequence[RecordLedger] = ()
        self._rows = rows
        # The row before the last is for ledgers that have finished.
        self._cells = (memory or Anonymous()).own((rows + 2) * _WIDTH)

    def account(self, row: int) -> RecordAccount:
        """A worker process's account. A new process continues in the row of one that has ended."""
        return RecordAccount(self._row(row))

    def to_name(self) -> list[RecordAccount]:
        """The accounts whose losses the process that writes is to name: all of this ledger, and those of earlier ones
        for which nobody writes any more."""
        ended = [ledger for ledger in self.earlier if ledger._row(ledger.writer)[_ENDED]]
        return [ledger.account(row) for ledger in (self, *ended) for row in (*range(ledger._rows), ledger.writer)]

    def settle_lost(self, row: int) -> None:
        """Count what a worker process held that has ended. Call it only when no process writes to its row."""
        line = self._row(row)
        line[_HELD] = 0
        if line[_SEEN]:
            if not self.rings:
                line[_RECORDED] = max(line[_RECORDED], self.written(row))
            handed_on = self.rings[row].put_in if self.rings else 0
            line[_REASONS["lost"]] += max(0, line[_SEEN] - sum(line[:_SEEN]) - handed_on)

    def settle_writer(self) -> None:
        """Count what is in the rings and will not be written. Call it when all worker processes and the one that writes
        have ended."""
        line, handed_on = self._row(self.writer), sum(ring.put_in for ring in self.rings)
        line[_HELD] = 0
        if handed_on:
            line[_RECORDED] = max(line[_RECORDED], self.written(self.writer))
            line[_REASONS["lost"]] += max(0, handed_on - sum(line[:_SEEN]))
        line[_ENDED] = 1

    def take_over(self, finished: RecordLedger) -> None:
        """Add the counts of a ledger that has finished. It drops its references to earlier ones."""
        finished.earlier = ()
        line = self._row(self._rows)
        for number, more in enumerate(finished._sums()[:_COUNTERS]):
            line[number] += more

    def statement(self, running: Sequence[RecordLedger]) -> RecordStatement:
        """The account of these ledgers together, at this moment."""
        total = [sum(column) for column in zip(*(ledger._sums() for ledger in running), strict=True)]
        reasons = {reason: total[number] for reason, number in _REASONS.items() if total[number]}
        shipped = self.board.read() if self.board else None
        return RecordStatement(total[_SEEN], total[_RECORDED], reasons, total[_REMOVED], total[_HELD], shipped)

    def _row(self, row: int) -> memoryview:
        return self._cells[row * _WIDTH : (row + 1) * _WIDTH]

    def _sums(self) -> list[int]:
        # The row of the one that writes first: what is settled there was seen in another row before.
        rows = [self._row(row).tolist() for row in reversed(range(self._rows + 2))]
        return [sum(column) for column in zip(*rows, strict=True)]
