"""The thread that makes records of exchanges: one for each process.

It takes what waits, replaces secrets, encodes, and hands batches on: to the journal, or to the process that writes for
all worker processes. It never ends the tee.
"""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Sequence
from time import sleep
from typing import Protocol

from httptee.ledger import Faults, RecordAccount
from httptee.recording.exchange import arrival
from httptee.recording.pending import Pending
from httptee.recording.record import RecordMaker, Sieve
from httptee.recording.recorder import NOT_RECORDED
from httptee.recording.register import Record

_PAUSE = 0.02  # seconds between two turns: short ones, because other threads want the GIL
_LONGEST_PAUSE = 0.25
_BATCH = 256 * 1024  # bytes
_MOST = 32  # exchanges in one batch: other threads wait for the GIL meanwhile
_BREATH = 0.001  # seconds between two batches


class Sink(Protocol):
    """Takes records: a `Register`, or an `Outlet`."""

    def append(self, records: Sequence[Record]) -> None:
        """Take records, and count them."""

    def publish(self) -> None:
        """Publish what is known, after each turn."""

    def close(self) -> None:
        """Nothing more comes."""


class Scribe:
    """`<Scribe [waiting 3]>`: makes records of what is put into it. The thread starts with the first exchange."""

    def __init__(
        self, sink: Sink, account: RecordAccount, maker: RecordMaker, sieve: Sieve, faults: Faults | None = None
    ) -> None:
        self._sink = sink
        self._account = account
        self._maker = maker
        self._sieve = sieve
        self._faults = faults or Faults()
        self._queue: deque[Pending | bytes] = deque()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._end = threading.Event()

    def __repr__(self) -> str:
        return f"<Scribe [waiting {len(self._queue)}]>"

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, pending: Pending) -> None:
        """Add an exchange. Never waits: `Recorder` has made sure that there is room."""
        self._queue.append(pending)
        if self._thread is None and self._starting.acquire(blocking=False):
            self._start()

    def put_row(self, row: bytes) -> None:
        """Add the row of a small exchange. Never waits."""
        self._queue.append(row)
        if self._thread is None and self._starting.acquire(blocking=False):
            self._start()

    def close(self, timeout: float) -> None:
        """Write what waits, for up to `timeout` seconds, and close the file. May be called twice."""
        self._end.set()
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        elif self._queue:
            self._run()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="recording", daemon=True)
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # signals are for the main thread
        try:
            thread.start()
            self._thread = thread
        except (RuntimeError, MemoryError):  # the process may start no more threads: the next exchange tries again
            self._starting.release()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _run(self) -> None:
        pause = _PAUSE
        while True:
            ending = self._end.is_set()  # read first: after it is set, little is added
            while self._turn():
                pause = _PAUSE
                if not ending:
                    sleep(_BREATH)
            if ending:
                break
            self._end.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        self._sink.close()

    def _turn(self) -> bool:
        """Write one batch. Whether there was anything to write."""
        records: list[Record] = []
        size = freed = taken = 0
        queue, make, sift = self._queue, self._maker.record, self._sieve.record
        while queue and size < _BATCH and taken < _MOST:
            one = queue.popleft()
            taken += 1
            try:
                record = (arrival(one), sift(one)) if isinstance(one, bytes) else (one.arrived, make(one))
                records.append(record)
                size += len(record[1])
            except Exception:
                self._account.lost("unreadable")
                self._faults.report(NOT_RECORDED)
            finally:
                if not isinstance(one, bytes):
                    freed += one.size
                    one.release()
        try:
            if records:
                self._sink.append(records)
        except Exception:
            self._faults.report(NOT_RECORDED)
        self._account.free(freed)
        self._faults.watch(NOT_RECORDED, self._sink.publish)
        return taken > 0
