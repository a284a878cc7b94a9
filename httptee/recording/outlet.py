"""The way of exchanges from a worker process to the process that writes for all: through memory that both have.

Small exchanges go as they are: to make their records costs more than everything else here, and the other process has
time for it. The threads that answer clients fill a batch, and the one that makes it full copies it. It does not wait:
if another thread copies, that one takes its exchange too.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from marshal import dumps
from time import monotonic, sleep
from typing import Any

import orjson

from httptee.http import Request, Response
from httptee.ledger import RecordAccount, Ring
from httptee.recording.register import Record

EXCHANGES, RECORDS = 1, 2
"""The kinds of a batch: exchanges as `put` gets them, and records that are made."""

_BATCH = 16  # exchanges; more are held longer, and that costs more than to copy them one batch at a time
_MOST = 256  # exchanges that may wait for the thread that copies
_PATIENCE = 1.0  # seconds that a thread which answers nobody waits for room
_BREATH = 0.01


class Outlet:
    """`<Outlet [waiting 3]>`: puts exchanges and records of one worker process into its ring, and counts what finds no
    room. `base` is added to the numbers of connections, to make them unique in the recording."""

    def __init__(self, ring: Ring, account: RecordAccount, base: int = 0) -> None:
        self._ring = ring
        self._account = account
        self._base = base
        self._waiting: deque[tuple[Any, ...]] = deque()
        self._copying = threading.Lock()

    def __repr__(self) -> str:
        return f"<Outlet [waiting {len(self._waiting)}]>"

    def put(self, request: Request, response: Response, place: tuple[int, int], arrived: int, now: int) -> None:
        """Count an exchange with small bodies in memory, and add it. Never waits."""
        waiting = self._waiting
        asked: Any = request.body
        body: Any = response.body
        if self._account.counted(len(waiting) < _MOST):
            waiting.append((
                self._base + place[0], place[1], request.client, arrived, now, request.method, request.target,
                request.headers, str(asked, "latin-1"), response.status, response.reason, response.headers,
                str(body, "latin-1"), response.error,
            ))  # fmt: skip
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
        """Copy batches while there are `least` exchanges, unless another thread does."""
        waiting = self._waiting
        if not self._copying.acquire(blocking=False):
            return
        try:
            while (count := min(_BATCH, len(waiting))) >= least:
                self._put([waiting.popleft() for _ in range(count)])
        finally:
            self._copying.release()

    def _put(self, batch: list[tuple[Any, ...]]) -> None:
        try:
            data = orjson.dumps(batch)  # half the time of marshal, which therefore only has what is no text
        except TypeError:
            self._account.lost("unreadable", len(batch))
            raise
        if not self._ring.put(EXCHANGES, len(batch), data):
            self._account.lost("queue_full", len(batch))
