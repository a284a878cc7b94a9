"""Writes lines in a thread of its own, so that no other thread waits for a disk or a pipe.

The bytes that wait for the thread have a limit; lines over it are dropped and counted, and so are lines that cannot be
written. If the file was moved away, a new one is made under its name. So every way to rotate logs works.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import weakref
from collections.abc import Callable, Sequence
from math import inf
from queue import Empty, SimpleQueue
from time import monotonic, sleep

from httptee.logs.log_file import LogFile, reason_of

logger = logging.getLogger(__name__)

STANDARD_OUTPUT = "-"

_WAITING = 8 * 1024 * 1024  # bytes of lines that may wait for the thread
_PAUSE = 0.1  # seconds between writes
_START_AGAIN = 1.0  # seconds until the start of a thread is tried again
_GRACE = 0.5  # seconds for a thread that has to end


class _Report(bytes):
    """A line that says how many lines were lost. If it is lost too, their number counts again."""

    lines: int


class LineWriter:
    """Appends to the file at `path`, or to standard output for `-`. It calls `dropped` for each line that is lost.

    The thread starts with the first line, so a writer may be made before a fork. A fork is safe at any time: the parent
    writes the lines that wait, and the child starts a thread of its own.
    """

    def __init__(self, path: str, dropped: Callable[[], None], most: int = _WAITING) -> None:
        self._dropped = dropped
        self._most = most
        self._name = f"the access log {path}"
        self._file = LogFile(1 if path == STANDARD_OUTPUT else path)
        self._pause = _PAUSE
        self._deadline = inf  # the end of the wait for a reader
        self._closing = False
        self._reset()
        _WRITERS.add(self)

    def _reset(self) -> None:
        """Begin without lines and without a thread."""
        # Guards all that follows; held for a few instructions. A signal handler may log, hence an RLock.
        self._lock = threading.RLock()
        self._lines: list[bytes] = []
        self._waiting = 0  # bytes of all lines that are not written yet
        self._unwritten: list[bytes] = []  # lines that the thread has taken
        self._abandoned = False  # whether `close` has counted the lines that the thread has taken
        self._lost = 0  # lines that were lost since the last report
        self._thread: threading.Thread | None = None
        self._start_at = 0.0
        self._bell: SimpleQueue[None] = SimpleQueue()  # its `put` is safe in a signal handler

    def after_fork(self) -> None:
        """Begin anew in the child: the thread and the lines belong to the parent."""
        self._reset()
        self._file.close()

    def put(self, line: bytes) -> None:
        """Queue a line, which includes its line end. Never waits."""
        with self._lock:
            taken = self._waiting + len(line) <= self._most and not self._closing
            if taken:
                self._lines.append(line)
                self._waiting += len(line)
                if self._thread is None:
                    self._start()
        if not taken:
            self._lose([line])

    def flush(self, timeout: float) -> None:
        """Wait up to `timeout` seconds until every line is written."""
        deadline = monotonic() + timeout
        self._hurry(deadline)
        while (self._lines or self._unwritten) and monotonic() < deadline:
            sleep(0.002)

    def lost(self) -> None:
        """Count a line that could not be made."""
        self._dropped()

    def close(self, timeout: float) -> None:
        """Write the lines that wait, for up to `timeout` seconds, and drop the rest. May be called twice."""
        with self._lock:
            self._deadline, self._closing = monotonic() + timeout, True
        self._hurry(self._deadline)
        if self._thread is not None:
            self._thread.join(timeout + _GRACE)
        self._take()
        self._lose(self._unwritten, last=True)

    def _hurry(self, deadline: float) -> None:
        """Have the lines written now: by the thread, or by the caller if the process may start no more threads."""
        self._bell.put(None)
        with self._lock:
            if self._thread is None and self._lines:
                self._start_at = 0.0
                self._start()
            if self._thread is None:
                self._take()
                self._deadline = deadline
                self._write()

    def _start(self) -> None:
        """Start the thread. If the process may start no more threads, the lines wait, and a later line tries again."""
        now = monotonic()
        if now < self._start_at:
            return
        thread = threading.Thread(target=self._run, name="log", daemon=True)
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # signals are for the main thread
        try:
            thread.start()
            self._thread = thread
        except (RuntimeError, MemoryError):
            self._start_at = now + _START_AGAIN
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _run(self) -> None:
        closing = False
        while not closing:
            with contextlib.suppress(Empty):
                self._bell.get(timeout=self._pause)
            closing = self._closing  # read first: after it is set, no line is added
            self._take()
            self._write()
        self._lose(self._unwritten)
        self._file.close()

    def _take(self) -> None:
        with self._lock:
            self._unwritten += self._lines
            self._lines = []

    def _write(self) -> None:
        """Write lines in the order in which they came. Lines that cannot be written are dropped."""
        lines = self._unwritten
        taken = sum(map(len, lines))
        with self._lock:
            report, self._lost = self._report(self._lost), 0
        lines += report
        if not lines:
            return
        try:
            self._file.write(lines, lambda: monotonic() > self._deadline)
        except OSError as error:
            self._complain(error)
            self._lose(lines, first=1 if self._file.begun else 0)  # a line that is torn is to be completed
        with self._lock:
            self._waiting -= taken - sum(map(len, lines))

    def _report(self, lost: int) -> Sequence[bytes]:
        """The line that says how many lines were lost before it, if there is one."""
        return ()

    def _complain(self, error: OSError) -> None:
        logger.warning("cannot write %s: %s", self._name, reason_of(error))

    def _lose(self, lines: list[bytes], first: int = 0, last: bool = False) -> None:
        """Count and remove the lines from number `first` on. After the `last` call, nothing is counted any more."""
        with self._lock:
            if self._abandoned and lines is self._unwritten:
                return
            self._abandoned = self._abandoned or last
            lost = sum(line.lines if isinstance(line, _Report) else 1 for line in lines[first:])
            del lines[first:]
            self._lost += lost
        for _ in range(lost):
            self._dropped()


class StreamWriter(LineWriter):
    """Writes to standard error as soon as a line comes. A line in it says how many lines were lost."""

    def __init__(self, stream: int, most: int) -> None:
        super().__init__(STANDARD_OUTPUT, lambda: None, most)
        self._file = LogFile(stream)
        self._pause = 3600.0

    def start(self) -> None:
        """Start the thread now: later, the process may have reached its limit of threads."""
        with self._lock:
            if self._thread is None and not self._closing:
                self._start()

    def put(self, line: bytes) -> None:
        """Queue a line, which includes its line end, and wake the thread. Never waits."""
        super().put(line)
        self._bell.put(None)

    def _report(self, lost: int) -> Sequence[bytes]:
        if not lost:
            return ()
        report = _Report(b"%d lines of this log were lost\n" % lost)
        report.lines = lost
        return (report,)

    def _complain(self, error: OSError) -> None:
        """Say nothing: this is the log that it would be said in."""


_WRITERS: weakref.WeakSet[LineWriter] = weakref.WeakSet()


def _after_fork() -> None:
    for writer in list(_WRITERS):
        writer.after_fork()


os.register_at_fork(after_in_child=_after_fork)
