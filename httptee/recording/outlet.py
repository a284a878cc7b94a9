"""The way of exchanges from a worker process to the process that writes for all: through memory that both have.

Small exchanges go as rows, with their secrets: to look for those costs more than everything else here, and the other
process has time for it. The threads that answer clients fill a batch, and the one that makes it full makes the rows and
copies them. It does not wait: if another thread copies, that one takes its records too.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from marshal import dumps
from time import monotonic, sleep

from httptee.ledger import Faults, RecordAccount, Ring
from httptee.quick import Item, rows
from httptee.recording.exchange import end_of
from httptee.recording.recorder import NOT_RECORDED
from httptee.recording.register import Record

ROWS, RECORDS = 1, 2
"""The kinds of a batch: rows, one behind the other, and records that are made."""

_BATCH = 32  # records; more are held longer, and that costs more than to copy them one batch at a time
_MOST = 256  # records that may wait for the thread that copies
_PATIENCE = 1.0  # seconds that a thread which answers nobody waits for room
_BREATH = 0.01


class Outlet:
    """`<Outlet [waiting 3]>`: puts records of one worker process into its ring, and counts what finds no room. `base`
    is added to the numbers of connections, and `via` is what the tee adds to Via."""

    def __init__(
        self, ring: Ring, account: RecordAccount, base: int = 0, via: str = "", faults: Faults | None = None
    ) -> None:
        self._ring = ring
        self._account = account
        self._base = base
        self._own = end_of(via)
        self._faults = faults or Faults()
        self._waiting: list[Item | bytes] = []
        self._copying = threading.Lock()

    def __repr__(self) -> str:
        return f"<Outlet [waiting {len(self._waiting)}]>"

    def put(self, item: Item | bytes) -> None:
        """Add a small exchange, or its row, or count it as lost. Never waits."""
        waiting = self._waiting
        if len(waiting) >= _MOST:
            self._account.lost("queue_full")
            return
        waiting.append(item)
        if len(waiting) >= _BATCH:
            self._copy(_BATCH)

    def flush(self) -> None:
        """Copy what waits. Never waits itself."""
        self._copy(1)

    def append(self, records: Sequence[Record]) -> None:
        """Add records. Waits for room, for a second at most: not for a thread that answers clients."""
        data, deadline = dumps(list(records)), monotonic() + _PATIENCE
        while True:
            with self._copying:
                if self._ring.put(RECORDS, len(records), data):
                    return
            if monotonic() > deadline:
                self._account.lost("queue_full", len(records))
                return
            sleep(_BREATH)

    def publish(self) -> None:
        """Publish how many bytes are held."""
        self._account.publish(0)

    def close(self) -> None:
        """Copy what waits."""
        self.flush()

    def _copy(self, least: int) -> None:
        """Copy batches while there are `least` records, unless another thread does."""
        waiting = self._waiting
        if not self._copying.acquire(blocking=False):
            return
        try:
            while (count := min(_BATCH, len(waiting))) >= least:
                batch = waiting[:count]
                del waiting[:count]  # others only append
                self._hand_on(batch)
        finally:
            self._copying.release()

    def _hand_on(self, batch: list[Item | bytes]) -> None:
        try:
            data = rows(batch, self._base, self._own)
        except Exception:
            if len(batch) == 1:
                self._account.lost("unreadable")
                self._faults.report(NOT_RECORDED)
                return
            for one in batch:
                self._hand_on([one])
            return
        if not self._ring.put(ROWS, len(batch), data):
            self._account.lost("queue_full", len(batch))
