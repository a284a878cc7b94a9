"""In the process that writes for all worker processes: takes their records, replaces secrets and writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from marshal import loads
from os import sched_yield
from time import monotonic, sleep

from httptee.ledger import Batch, Faults, RecordAccount, Ring
from httptee.recording.exchange import arrival, row_at
from httptee.recording.outlet import RECORDS
from httptee.recording.record import Sieve
from httptee.recording.recorder import NOT_RECORDED
from httptee.recording.register import Record, Register

_AT_ONCE = 256 * 1024  # bytes
_MUCH = 128 * 1024  # bytes in a turn, after which the next one follows at once: many small turns cost more
_PAUSE = 0.05  # seconds between two looks
_LONGEST_PAUSE = 0.25
_QUIET = 2.0  # seconds without an exchange, after which an orphan ends


class Inlet:
    """Takes from the `rings`, in turn. `account` is the one of the `register`. `on_backlog` gets the part of the
    fullest ring that is in use, before each turn; at the end, 1.0.

    What a predecessor had written when it was killed is not written twice, and the rest of its batch is written.
    """

    def __init__(
        self,
        rings: Sequence[Ring],
        register: Register,
        account: RecordAccount,
        sieve: Sieve,
        faults: Faults | None = None,
        on_backlog: Callable[[float], object] = lambda share: None,
    ) -> None:
        self._on_backlog = on_backlog
        self._rings = rings
        self._register = register
        self._account = account
        self._sieve = sieve
        self._faults = faults or Faults()
        self._written: dict[Ring, int] = {}  # how many of the next records of a ring a predecessor has written
        settled = account.settled - sum(each.taken for each in rings)  # of the batch that is in progress
        for ring in rings:
            if ring.in_progress is None:
                continue
            if settled >= ring.in_progress:
                ring.settle()
            else:
                self._written[ring] = settled

    def run(self, ending: Callable[[], bool], wanted: Callable[[], bool]) -> None:
        """Write until `ending` is true and nothing is left. When `wanted` is false, the supervisor was killed and the
        worker processes end by themselves: wait for their last exchanges."""
        pause, last = _PAUSE, monotonic()
        while True:
            at_end = ending() or not wanted()  # read first: what was put in before is written
            if at_end:
                self._on_backlog(1.0)
                self._on_backlog = lambda share: None
            found = self.turn()
            if found:
                pause, last = _PAUSE, monotonic()
            if found > _MUCH or (found and at_end):
                continue
            if at_end and (wanted() or monotonic() - last > _QUIET):
                break
            sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        self._register.close()

    def turn(self) -> int:
        """Write what is in the rings, up to a bound. How many bytes there were."""
        found = 0
        self._on_backlog(max(ring.held / ring.size for ring in self._rings))
        for ring in self._rings:
            batches = ring.batches(_AT_ONCE)
            if batches:
                found += sum(len(batch.data) for batch in batches)
                ring.begin(batches[-1])
                self._write(batches, self._written.pop(ring, 0))
                ring.settle()
        held = sum(ring.held for ring in self._rings)
        self._faults.watch(NOT_RECORDED, self._register.publish, held)
        return found

    def _write(self, batches: Sequence[Batch], written: int) -> None:
        """Write the records of batches, but for the first ones that are `written`.

        Those that cannot be made are counted behind the write and all at once. So a successor can tell what is settled:
        some of the records, all of them, or everything.
        """
        records: list[Record] = []
        for batch in batches:
            records += self._records(batch)
            sched_yield()  # a worker process that has woken up would wait here for a tick of some milliseconds
        if records[written:]:
            self._faults.watch(NOT_RECORDED, self._register.append, records[written:])
        unreadable = sum(batch.count for batch in batches) - len(records)
        if unreadable:
            self._account.lost("unreadable", unreadable)

    def _records(self, batch: Batch) -> list[Record]:
        """The records of a batch, without those that cannot be made."""
        made: list[Record] = []
        try:
            if batch.kind == RECORDS:
                return list(loads(batch.data))
            at, data = 0, batch.data
            while (at := self._sieve.pass_clean(data, at, made)) < len(data):
                row = row_at(data, at)
                at += len(row)
                try:
                    made.append((arrival(row), self._sieve.record(row)))
                except Exception:
                    self._faults.report(NOT_RECORDED)
        except Exception:
            self._faults.report(NOT_RECORDED)
        return made
