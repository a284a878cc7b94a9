"""In the process that writes for all worker processes: takes their exchanges, makes records and writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from marshal import loads
from time import monotonic, sleep
from typing import Any

import orjson

from httptee.http import Request, Response
from httptee.ledger import Batch, Faults, RecordAccount, Ring
from httptee.recording.outlet import RECORDS
from httptee.recording.pending import Pending
from httptee.recording.record import RecordMaker
from httptee.recording.recorder import NOT_RECORDED
from httptee.recording.register import Record, Register

_AT_ONCE = 256 * 1024  # bytes
_PAUSE = 0.05  # seconds between two looks
_LONGEST_PAUSE = 0.25
_QUIET = 2.0  # seconds without an exchange, after which an orphan ends


class Inlet:
    """Takes from the `rings`, in turn. `account` is the one of the `register`. `on_backlog` gets the part of the
    fullest ring that is in use, before each turn; at the end, 1.0.

    What a predecessor had written and not freed when it was killed is freed, so nothing is written twice.
    """

    def __init__(
        self,
        rings: Sequence[Ring],
        register: Register,
        account: RecordAccount,
        maker: RecordMaker,
        faults: Faults | None = None,
        on_backlog: Callable[[float], object] = lambda share: None,
    ) -> None:
        self._on_backlog = on_backlog
        self._rings = rings
        self._register = register
        self._account = account
        self._maker = maker
        self._faults = faults or Faults()
        for ring in rings:
            if ring.in_progress and account.settled > sum(each.taken for each in rings):
                ring.settle()

    def run(self, ending: Callable[[], bool], wanted: Callable[[], bool]) -> None:
        """Write until `ending` is true and nothing is left. When `wanted` is false, the supervisor was killed and the
        worker processes end by themselves: wait for their last exchanges."""
        pause, last = _PAUSE, monotonic()
        while True:
            at_end = ending() or not wanted()  # read first: what was put in before is written
            if at_end:
                self._on_backlog(1.0)
                self._on_backlog = lambda share: None
            if self.turn():
                pause, last = _PAUSE, monotonic()
                continue
            if at_end and (wanted() or monotonic() - last > _QUIET):
                break
            sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        self._register.close()

    def turn(self) -> bool:
        """Write what is in the rings. Whether there was anything."""
        found = False
        self._on_backlog(max(ring.held / ring.size for ring in self._rings))
        for ring in self._rings:
            batches = ring.batches(_AT_ONCE)
            if batches:
                found = True
                ring.begin(batches[-1])
                self._write([record for batch in batches for record in self._records(batch)])
                ring.settle()
        held = sum(ring.held for ring in self._rings)
        self._faults.watch(NOT_RECORDED, self._register.publish, held)
        return found

    def _write(self, records: list[Record]) -> None:
        if records:
            self._faults.watch(NOT_RECORDED, self._register.append, records)

    def _records(self, batch: Batch) -> list[Record]:
        """The records of a batch, without those that cannot be made: they are counted."""
        made: list[Record] = []
        try:
            if batch.kind == RECORDS:
                return list(loads(batch.data))
            for one in orjson.loads(batch.data):
                try:
                    made.append((one[3], self._record(*one)))
                except Exception:
                    self._faults.report(NOT_RECORDED)
        except Exception:
            self._faults.report(NOT_RECORDED)
        if len(made) < batch.count:
            self._account.lost("unreadable", batch.count - len(made))
        return made

    def _record(
        self, connection: int, number: int, client: str, arrived: int, now: int, method: str, target: str,
        headers: Any, asked_text: str, status: int, reason: str, answered: Any, body_text: str, error: str,
    ) -> bytes:  # fmt: skip
        """The record of an exchange as `Outlet.put` has put it in."""
        asked, body = asked_text.encode("latin-1"), body_text.encode("latin-1")
        if not error:
            record = self._maker.plain(
                connection, number, client, arrived, max(0, now), method, target, headers, asked, status, reason,
                answered, body,
            )  # fmt: skip
            if record is not None:
                return record
        request = Request(method, target, headers, asked, client, "")
        response = Response(status, reason, answered, body, error=error)
        return self._maker.record(Pending(request, response, (connection, number), arrived, now))
