"""The thread that writes a recording: one for each process, with one file.

It takes what waits, replaces secrets, encodes, and appends to the journal. What cannot be written is counted, and named
in the recording as soon as something can be written again. It never ends the tee.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections import deque
from time import monotonic, sleep, time_ns

from httptee.journal import Appended, JournalWriter
from httptee.ledger import Faults, RecordAccount
from httptee.recording.files import Loss
from httptee.recording.pending import Pending
from httptee.recording.record import RecordMaker
from httptee.recording.recorder import NOT_RECORDED

logger = logging.getLogger(__name__)

_PAUSE = 0.02  # seconds between two turns: short ones, because other threads want the GIL
_LONGEST_PAUSE = 0.25
_BATCH = 256 * 1024  # bytes
_MOST = 32  # exchanges in one batch: other threads wait for the GIL meanwhile
_BREATH = 0.001  # seconds between two batches
_TELL = 1.0  # seconds between two notes
_REASONS = {Appended.FULL: "disk_full", Appended.UNAVAILABLE: "disk_failed"}


class Scribe:
    """`<Scribe [waiting 3]>`: writes what is put into it. The thread starts with the first exchange."""

    def __init__(
        self, journal: JournalWriter, account: RecordAccount, maker: RecordMaker, faults: Faults | None = None
    ) -> None:
        self._journal = journal
        self._account = account
        self._maker = maker
        self._faults = faults or Faults()
        self._queue: deque[Pending | tuple[int, bytes]] = deque()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._end = threading.Event()
        self._since = account.last or time_ns()  # when everything was told
        self._tell_at = 0.0
        self._removed = 0
        self._failing = ""

    def __repr__(self) -> str:
        return f"<Scribe [waiting {len(self._queue)}]>"

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, pending: Pending) -> None:
        """Add an exchange. Never waits: `Recorder` has made sure that there is room."""
        self._queue.append(pending)
        if self._thread is None and self._starting.acquire(blocking=False):
            self._start()

    def put_record(self, arrived: int, record: bytes) -> None:
        """Add an exchange whose record is made. Never waits."""
        self._queue.append((arrived, record))
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
        with contextlib.suppress(Exception):
            self._tell(now=True)
        self._journal.close()

    def _turn(self) -> bool:
        """Write one batch. Whether there was anything to write."""
        records: list[tuple[int, bytes]] = []
        size = freed = last = taken = 0
        queue, make = self._queue, self._maker.record
        while queue and size < _BATCH and taken < _MOST:
            one = queue.popleft()
            taken += 1
            if isinstance(one, tuple):
                records.append(one)
                size += len(one[1])
                last = max(last, one[0])
                continue
            freed += one.size
            try:
                data = make(one)
                records.append((one.arrived, data))
                size += len(data)
                last = max(last, one.arrived)
            except Exception:
                self._account.lost("unreadable")
                self._faults.report(NOT_RECORDED)
            finally:
                one.release()
        try:
            if records:
                self._append(records, last)
            self._tell()
        except Exception:
            self._faults.report(NOT_RECORDED)
        self._account.free(freed)
        removed, self._removed = self._journal.removed - self._removed, self._journal.removed
        self._account.publish(removed)
        return taken > 0

    def _append(self, records: list[tuple[int, bytes]], last: int) -> None:
        try:
            outcome = self._journal.append(records)
        except Exception:
            self._account.lost("unreadable", len(records))
            raise
        if outcome is Appended.COMMITTED:
            self._account.recorded(self._journal.sequence, last)
        else:
            self._account.lost(_REASONS[outcome], len(records))
        self._say(outcome)

    def _say(self, outcome: Appended) -> None:
        """Log when the recording stops and when it goes on."""
        failing = "" if outcome is Appended.COMMITTED else self._journal.error
        if failing and not self._failing:
            logger.warning("requests are not recorded: %s; they are counted, and it is tried again", failing)
        elif self._failing and not failing:
            logger.info("requests are recorded again")
        self._failing = failing

    def _tell(self, now: bool = False) -> None:
        """Name in the recording what was lost since the last time."""
        if not now and monotonic() < self._tell_at:
            return
        self._tell_at = monotonic() + _TELL
        until = time_ns()
        for reason, count in self._account.untold().items():
            note = Loss(reason, count, self._since, until)
            if self._journal.note(until, note.packed()) is not Appended.COMMITTED:
                return
            self._account.told(reason, count)
        self._since = until
