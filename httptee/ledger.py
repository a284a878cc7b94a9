"""What became of every clone and of every request to A: fixed 64-bit counters, one row a worker process.

The counters lie in anonymous shared memory that is mapped before any fork: whoever maps it reads what the workers
count, and a worker that is killed takes nothing with it. For each B, at every moment:

    seen = delivered + failed + dropped + in flight

Whatever can be read is a sum over all rows, so a new worker goes on in the row of one that has ended.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping, Sequence

from httptee.accounts import Account, WorkerAccount
from httptee.columns import (
    DROP_REASONS,
    FAILURE_REASONS,
    STATES,
    ShadowLine,
    WorkerLine,
    bytes_of,
    row_width,
)
from httptee.statements import Latency, PrimaryStatement, Statement, Worker

__all__ = ["DROP_REASONS", "FAILURE_REASONS", "Account", "Ledger", "Statement", "WorkerAccount"]


class Ledger:
    """All accounts: `rows` workers by the B's named in `backends`."""

    def __init__(self, backends: Sequence[str], rows: int = 1) -> None:
        self._backends = tuple(backends)
        self._rows = range(rows)
        self._memory = mmap.mmap(-1, bytes_of(rows, len(self._backends)))
        self._cells = memoryview(self._memory).cast("Q")

    def accounts(self, row: int) -> list[Account]:
        """A worker's accounts with the B's, one a B, in their order."""
        return [Account(name, self._shadow_line(row, backend)) for backend, name in enumerate(self._backends)]

    def worker(self, row: int) -> WorkerAccount:
        """A worker's own account."""
        return WorkerAccount(self._worker_line(row))

    def statements(self) -> list[Statement]:
        """Where every B stands now, all workers together."""
        return [self._statement(backend) for backend in range(len(self._backends))]

    def primary(self) -> PrimaryStatement:
        """Where A stands now, all workers together."""
        total = _sum([self._worker_line(row).tolist() for row in self._rows])
        return PrimaryStatement(
            answered_by_status=_statuses(total, WorkerLine.ANSWERED, WorkerLine.OTHER_STATUS),
            errors_by_reason=_counts(total, WorkerLine.ERRORS),
            refused_by_reason=_counts(total, WorkerLine.REFUSED),
            latency=_latency(total, WorkerLine.BUCKETS, WorkerLine.MICROSECONDS),
            log_dropped=total[WorkerLine.LOG_DROPPED],
        )

    def workers(self) -> list[Worker]:
        """The workers that are alive."""
        found = []
        for row in self._rows:
            line = self._worker_line(row)
            gauges = {name: line[column] for name, column in WorkerLine.GAUGES.items()}
            core, draining = gauges.pop("core"), gauges.pop("draining")
            if gauges["pid"]:
                found.append(Worker(row, core=core - 1 if core else None, draining=bool(draining), **gauges))
        return found

    def settle_lost(self, row: int) -> None:
        """Account for what a worker held when it ended: call it only when nobody writes to its row any more."""
        for backend in range(len(self._backends)):
            line = self._shadow_line(row, backend)
            line[ShadowLine.FAILED["lost"]] += line[ShadowLine.SEEN] - sum(line[: ShadowLine.SEEN])
            for column in ShadowLine.GAUGES.values():
                line[column] = 0
        line = self._worker_line(row)
        for column in WorkerLine.GAUGES.values():
            line[column] = 0

    def __str__(self) -> str:
        return "\n".join(map(str, self.statements()))

    def _worker_line(self, row: int) -> memoryview:
        start = row * row_width(len(self._backends))
        return self._cells[start : start + WorkerLine.WIDTH]

    def _shadow_line(self, row: int, backend: int) -> memoryview:
        start = row * row_width(len(self._backends)) + WorkerLine.WIDTH + backend * ShadowLine.WIDTH
        return self._cells[start : start + ShadowLine.WIDTH]

    def _statement(self, backend: int) -> Statement:
        lines = [self._shadow_line(row, backend).tolist() for row in self._rows]
        total = _sum(lines)
        present = [line for row, line in enumerate(lines) if self._worker_line(row)[WorkerLine.GAUGES["pid"]]]
        states = [STATES[line[ShadowLine.GAUGES["state"]]] for line in present]
        return Statement(
            backend=self._backends[backend],
            seen=total[ShadowLine.SEEN],
            delivered_by_status=_statuses(total, ShadowLine.DELIVERED, ShadowLine.OTHER_STATUS),
            failed_by_reason=_counts(total, ShadowLine.FAILED),
            dropped_by_reason=_counts(total, ShadowLine.DROPPED),
            latency=_latency(total, ShadowLine.BUCKETS, ShadowLine.MICROSECONDS),
            waiting=total[ShadowLine.GAUGES["waiting"]],
            held_bytes=total[ShadowLine.GAUGES["held_bytes"]],
            states={state: states.count(state) for state in STATES if state in states},
        )


def _sum(lines: Sequence[Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip(*lines, strict=True)]


def _counts(total: Sequence[int], columns: Mapping[str, int]) -> dict[str, int]:
    return {key: total[column] for key, column in columns.items() if total[column]}


def _statuses(total: Sequence[int], columns: Mapping[int, int], other: int) -> dict[int, int]:
    """Counts by status; those that no one has heard of under 0."""
    found = {status: total[column] for status, column in columns.items() if total[column]}
    return found | ({0: total[other]} if total[other] else {})


def _latency(total: Sequence[int], buckets: Sequence[int], microseconds: int) -> Latency:
    return Latency(tuple(total[column] for column in buckets), total[microseconds] / 1e6)
