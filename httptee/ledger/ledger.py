"""The outcome of every clone and of every request to A: fixed 64-bit counters, one row for each worker process.

The counters are in anonymous shared memory that is mapped before any fork. Every process that maps it reads the
counts of all worker processes, and the counts of a killed process remain. For each B, at every moment:

    seen = delivered + failed + dropped + in flight + spooled + handed over

Every figure is a sum over all rows, so a new worker process continues in the row of one that has ended.
"""

from __future__ import annotations

from collections.abc import Sequence

from httptee.ledger.accounts import Account, WorkerAccount
from httptee.ledger.columns import CIRCUIT_WORDS, IS_OPEN, OUTAGE_WORDS, ShadowLine, WorkerLine, row_width
from httptee.ledger.control import Control, Orders, continued
from httptee.ledger.recording import RecordLedger, RecordStatement
from httptee.ledger.shared import Anonymous, Memory, as_numbers
from httptee.ledger.spools import Spools
from httptee.ledger.statements import PrimaryStatement, Statement, Worker
from httptee.ledger.sums import add_lines, counts, latency, statuses, summed, tunnels

_Backend = tuple[str, int]
"""A B's name, and the number of Bs with the same name before it."""


class Ledger:
    """All accounts: `rows` worker processes by the Bs in `backends`. `circuits` holds the state of each B's breaker.

    `outage` says whether A is down, `control` what concerns the whole tee, `orders` what was ordered for each B. They
    outlive reloads. `clocks` is the state of the rate limits: one float for each B.

    A reload makes a new ledger for the new worker processes. It continues the counts of the `earlier` ledgers: the
    lines of finished ones are added to one row of its own, the others are read along with it. So in every process that
    is forked after it was made, the newest ledger has all counts since the start, and no count ever decreases. A B that
    the reload removed keeps its line.
    """

    def __init__(
        self,
        backends: Sequence[str],
        rows: int = 1,
        earlier: Sequence[Ledger] = (),
        memory: Memory | None = None,
    ) -> None:
        memory, self.finished = memory or Anonymous(), False
        """Set when no process writes to this ledger and all its clones are settled."""
        self._accounts = len(backends)
        self._running = [ledger for ledger in earlier if not ledger.finished]
        # Two Bs may have the same name: they are different Bs.
        self._backends = _numbered(backends)
        for ledger in earlier:
            self._backends += [backend for backend in ledger._listed() if backend not in self._backends]
        self._of_failed: list[_Backend] = []  # Bs that only a failed reload has named
        self._rejected = False
        self._writers: list[tuple[int, Account]] = []
        self.rows = self._rows = rows
        self.circuits = tuple(memory.common(CIRCUIT_WORDS) for _ in backends)
        self.outage: memoryview = earlier[0].outage if earlier else memory.common(OUTAGE_WORDS)
        self.control: Control = earlier[0].control if earlier else Control()
        known = dict(zip(earlier[0]._backends, earlier[0].orders, strict=False)) if earlier else {}
        self.orders: tuple[Orders, ...] = continued(self._backends[: self._accounts], known)
        self.clocks = as_numbers(memory.common(len(backends)))[: len(backends)]
        self.spools: Spools = Spools(earlier[0].spools if earlier else None)
        self.recording = RecordLedger(rows, memory)
        self._cells = memory.own((rows + 1) * row_width(len(self._backends)))
        for ledger in (one for one in earlier if one.finished):
            self._take_over(ledger)

    def accounts(self, row: int) -> list[Account]:
        """A worker process's accounts with the Bs, in the order of the Bs."""
        made = [Account(self._backends[number][0], self._shadow_line(row, number)) for number in range(self._accounts)]
        self._writers += [(row, account) for account in made]
        return made

    def worker(self, row: int) -> WorkerAccount:
        """A worker process's own account."""
        return WorkerAccount(self._worker_line(row))

    @property
    def history(self) -> list[Ledger]:
        """The ledger itself and those that are read along with it: the `earlier` ones of the next ledger."""
        return [self, *self._running]

    def statements(self) -> list[Statement]:
        """The account of every B at this moment."""
        return [self._statement(backend) for backend in self._listed()]

    def primary(self) -> PrimaryStatement:
        """A's account at this moment, over all worker processes."""
        total = summed([line for ledger in self.history for line in ledger._worker_lines()])
        return PrimaryStatement(
            answered_by_status=statuses(total, WorkerLine.ANSWERED, WorkerLine.OTHER_STATUS),
            errors_by_reason=counts(total, WorkerLine.ERRORS),
            refused_by_reason=counts(total, WorkerLine.REFUSED),
            latency=latency(total, WorkerLine.BUCKETS, WorkerLine.MICROSECONDS),
            client_gone=total[WorkerLine.CLIENT_GONE],
            log_dropped=total[WorkerLine.LOG_DROPPED],
            share_changes=total[WorkerLine.SHARE_CHANGES],
            cut_off=total[WorkerLine.CUT_OFF],
            unanswered=total[WorkerLine.UNANSWERED],
            unobserved=total[WorkerLine.UNOBSERVED],
            tunnels=tunnels(total),
        )

    def recorded(self) -> RecordStatement:
        """The recording's account at this moment, over all worker processes."""
        return self.recording.statement([ledger.recording for ledger in self.history])

    def workers(self) -> list[Worker]:
        """The worker processes that are alive."""
        found = []
        for row, line in ((row, line) for ledger in self.history for row, line in enumerate(ledger._worker_lines())):
            gauges = {name: line[column] for name, column in WorkerLine.GAUGES.items()}
            core, draining, cut = gauges.pop("core"), gauges.pop("draining"), gauges.pop("cut")
            if gauges["pid"]:
                found.append(
                    Worker(row, core=core - 1 if core else None, draining=bool(draining), share=1 - cut / 1e6, **gauges)
                )
        return found

    def fewest_connections(self) -> int:
        """The lowest number of connections of a worker process that accepts. Read for each new connection."""
        width, cells = row_width(len(self._backends)), self._cells
        pid, draining, connections = (WorkerLine.GAUGES[name] for name in ("pid", "draining", "connections"))
        starts = range(0, self._rows * width, width)
        found = [cells[at + connections] for at in starts if cells[at + pid] and not cells[at + draining]]
        return min(found, default=0)

    def settle_lost(self, row: int) -> None:
        """Count the clones in flight and the open tunnels of a worker process that has ended as `lost`, and set its
        gauges to zero. Call it only when no process writes to its row."""
        for number in range(self._accounts):
            line = self._shadow_line(row, number)
            line[ShadowLine.FAILED["lost"]] += max(0, ShadowLine.in_flight(line.tolist()))
            self.spools.settle_death(row, number, ShadowLine.spooled(line.tolist()))
            for column in ShadowLine.GAUGES.values():
                line[column] = 0
        line = self._worker_line(row)
        line[WorkerLine.TUNNELS_ENDED["lost"]] += tunnels(line.tolist()).open
        for column in WorkerLine.GAUGES.values():
            line[column] = 0
        self.recording.settle_lost(row)

    def settle_unanswered(self, row: int) -> None:
        """Settle the clones in flight of a worker process as failed with `timeout`, and count nothing more for it.

        Call it in that worker process, after its drain: what is in flight then was sent, and B may have executed it.
        """
        unanswered = sum(account.close() for each, account in self._writers if each == row)
        self._worker_line(row)[WorkerLine.UNANSWERED] += unanswered

    def continue_after(self, failed: Ledger) -> None:
        """Be the newest ledger again after the reload that made `failed`. Its worker processes may have served, so its
        counts are read too, but a B that only it has is listed only if it was offered a clone."""
        failed._rejected = True
        self._running = [ledger for ledger in failed.history if ledger is not self]
        known = self._backends + self._of_failed
        self._of_failed += [backend for backend in failed._backends if backend not in known]

    def holds_any(self, row: int) -> bool:
        """Whether a worker process's row has a clone in flight."""
        lines = (self._shadow_line(row, number).tolist() for number in range(self._accounts))
        return any(ShadowLine.in_flight(line) > 0 for line in lines)

    def lines(self) -> list[str]:
        """The ledger as it is logged: the line of A, one for each B, one of the tunnels and of the recording if any."""
        a = self.primary()
        return [str(a), *map(str, self.statements()), *a.tunnels.lines, *self.recorded().lines]

    def __str__(self) -> str:
        return "\n".join(map(str, self.statements()))

    def _listed(self) -> list[_Backend]:
        """The Bs that have a statement."""
        sure, others = (self._backends, self._of_failed) if not self._rejected else ([], self._backends)
        return sure + [backend for backend in others if self._seen(backend)]

    def _seen(self, backend: _Backend) -> int:
        lines = [line for ledger in self.history for line in ledger._shadow_lines(backend)]
        return sum(line[ShadowLine.SEEN] for line in lines)

    def _worker_line(self, row: int) -> memoryview:
        start = row * row_width(len(self._backends))
        return self._cells[start : start + WorkerLine.WIDTH]

    def _shadow_line(self, row: int, number: int) -> memoryview:
        start = row * row_width(len(self._backends)) + WorkerLine.WIDTH + number * ShadowLine.WIDTH
        return self._cells[start : start + ShadowLine.WIDTH]

    def _worker_lines(self) -> list[list[int]]:
        """Every worker process's line in this ledger alone, then the line of the finished ledgers."""
        return [self._worker_line(row).tolist() for row in range(self._rows + 1)]

    def _shadow_lines(self, backend: _Backend) -> list[list[int]]:
        if backend not in self._backends:
            return []
        number = self._backends.index(backend)
        return [self._shadow_line(row, number).tolist() for row in range(self._rows + 1)]

    def _live_lines(self, backend: _Backend) -> list[list[int]]:
        """The lines of worker processes that are alive: only their gauges count."""
        both, pid = zip(self._shadow_lines(backend), self._worker_lines(), strict=False), WorkerLine.GAUGES["pid"]
        return [line for line, worker in both if worker[pid]]

    def _take_over(self, ledger: Ledger) -> None:
        """Add the counts of a finished ledger, but not its gauges, to the last row.

        The finished ledger drops its references to earlier ones: otherwise each reload would make that chain longer.
        """
        ledger._running = []
        self.recording.take_over(ledger.recording)
        add_lines(self._worker_line(self._rows), ledger._worker_lines(), WorkerLine.COUNTERS)
        for number, backend in enumerate(self._backends):
            add_lines(self._shadow_line(self._rows, number), ledger._shadow_lines(backend), ShadowLine.COUNTERS)

    def _statement(self, backend: _Backend) -> Statement:
        # First: what leaves the spool now is still in it when the lines of the worker processes are read.
        drained, taken, spool = self.spools.read(backend[0])
        workers = summed([line for ledger in self.history for line in ledger._shadow_lines(backend)])
        live = [line for ledger in self.history for line in ledger._live_lines(backend)]
        total, recovered = summed([workers, drained, taken]), drained[ShadowLine.SEEN]
        return Statement(
            backend=backend[0],
            seen=total[ShadowLine.SEEN],
            delivered_by_status=statuses(total, ShadowLine.DELIVERED, ShadowLine.OTHER_STATUS),
            failed_by_reason=counts(total, ShadowLine.FAILED),
            dropped_by_reason=counts(total, ShadowLine.DROPPED),
            latency=latency(total, ShadowLine.BUCKETS, ShadowLine.MICROSECONDS),
            waiting=sum(line[ShadowLine.GAUGES["waiting"]] for line in live),
            state=self._state(backend),
            spooled=ShadowLine.spooled(workers) + recovered - sum(drained[: ShadowLine.SEEN]),
            recovered=recovered,
            spool=spool,
            handed_over=drained[ShadowLine.HANDED_OVER],
            taken_over=taken[ShadowLine.SEEN],
        )

    def _state(self, backend: _Backend) -> str:
        present = self._backends[: self._accounts]
        if backend not in present:
            return "gone"
        number = present.index(backend)
        return "down" if self.circuits[number][IS_OPEN] else "up"


def _numbered(names: Sequence[str]) -> list[_Backend]:
    """Every name, with the number of equal names before it."""
    return [(name, names[:at].count(name)) for at, name in enumerate(names)]
