"""The way of exchanges from a worker process to the process that writes for all: through memory that both have.

Small exchanges go flat, with their secrets: to look for those costs more than everything else here, and the other
process has time for it. The threads that answer clients fill a batch, and the one that makes it full copies it.
It does not wait: if another thread copies, that one takes its records too.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, pairwise
from marshal import dumps
from time import monotonic, sleep
from typing import Any

from httptee.ledger import RecordAccount, Ring
from httptee.recording.exchange import NUMBERS, STRINGS, TEXTS, Flat, FlatBytes
from httptee.recording.register import Record

FLAT, RECORDS = 1, 2
"""The kinds of a batch: flat exchanges, and records that are made."""

_BATCH = 32  # records; more are held longer, and that costs more than to copy them one batch at a time
_MOST = 256  # records that may wait for the thread that copies
_PATIENCE = 1.0  # seconds that a thread which answers nobody waits for room
_BREATH = 0.01


class Outlet:
    """`<Outlet [waiting 3]>`: puts records of one worker process into its ring, and counts what finds no room."""

    def __init__(self, ring: Ring, account: RecordAccount) -> None:
        self._ring = ring
        self._account = account
        self._waiting: list[Flat] = []
        self._copying = threading.Lock()

    def __repr__(self) -> str:
        return f"<Outlet [waiting {len(self._waiting)}]>"

    def put(self, exchange: Flat) -> None:
        """Add a small exchange, or count it as lost. Never waits."""
        waiting = self._waiting
        if len(waiting) >= _MOST:
            self._account.lost("queue_full")
            return
        waiting.append(exchange)
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
                self._put(batch)
        finally:
            self._copying.release()

    def _put(self, batch: list[Flat]) -> None:
        try:
            data = batch_of(batch)
        except Exception:
            self._account.lost("unreadable", len(batch))
            raise
        if not self._ring.put(FLAT, len(batch), data):
            self._account.lost("queue_full", len(batch))


def batch_of(exchanges: Sequence[Flat]) -> bytes:
    """Flat exchanges as the bytes of a batch: all numbers, the lengths of all texts, then the texts, each kind for
    itself. Texts beyond latin-1 have a question mark for each such character."""
    columns: list[tuple[Any, ...]] = list(zip(*exchanges, strict=True))
    numbers, texts = columns[:NUMBERS], columns[NUMBERS:]
    strings = "".join(chain.from_iterable(texts[:STRINGS])).encode("latin-1", "replace")
    return b"".join(
        (
            array("q", chain.from_iterable(numbers)).tobytes(),
            array("I", map(len, chain.from_iterable(texts))).tobytes(),
            strings,
            *chain.from_iterable(texts[STRINGS:]),
        )
    )


def exchanges_in(data: bytes, count: int) -> Iterator[FlatBytes]:
    """The flat exchanges in a batch. Raises ValueError."""
    numbers, lengths = array("q"), array("I")
    second = numbers.itemsize * NUMBERS * count
    at = second + lengths.itemsize * TEXTS * count
    numbers.frombytes(data[:second])
    lengths.frombytes(data[second:at])
    texts = [data[start:end] for start, end in pairwise(accumulate(lengths, initial=at))]
    columns = (column[first : first + count] for column in (numbers, texts) for first in range(0, len(column), count))
    return zip(*columns, strict=True)
