"""Appends lines to a file in a thread of its own, so that no other thread waits for a disk or a pipe.

The bytes that wait for the thread have a limit; lines over it are dropped and counted. The file is open for appending,
and each write is whole lines. If the file was moved away, a new one is made under its name. So every way to rotate logs
works.
"""

from __future__ import annotations

import logging
import os
import select
import stat
import threading
from collections.abc import Callable
from time import monotonic

logger = logging.getLogger(__name__)

STANDARD_OUTPUT = "-"

_WAITING = 8 * 1024 * 1024  # bytes of lines that may wait for the thread
_PAUSE = 0.1  # seconds between writes
_LOOK = 1.0  # seconds between checks whether the file is still there
_AT_ONCE = 256 * 1024  # bytes in one write to a file; PIPE_BUF to a pipe, which other processes may write to as well


class LineWriter:
    """Appends to the file at `path`, or to standard output for `-`. It calls `dropped` for each line that is lost.

    The thread starts with the first line, so a writer may be made before a fork.
    """

    def __init__(self, path: str, dropped: Callable[[], None], most: int = _WAITING) -> None:
        self._path = path
        self._dropped = dropped
        self._most = most
        self._lock = threading.Lock()  # guards the next three; held for a few instructions
        self._lines: list[bytes] = []
        self._waiting = 0
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._file = -1
        self._looked = 0.0

    def put(self, line: bytes) -> None:
        """Queue a line, which includes its line end. Never waits."""
        with self._lock:
            taken = self._waiting + len(line) <= self._most and not self._closing.is_set()
            if taken:
                self._lines.append(line)
                self._waiting += len(line)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
                    self._thread.start()
        if not taken:
            self._dropped()

    def lost(self) -> None:
        """Count a line that could not be made."""
        self._dropped()

    def close(self, timeout: float) -> None:
        """Write the lines that wait, for up to `timeout` seconds, and drop the rest. May be called twice."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout)
        for _ in self._take():
            self._dropped()

    def _run(self) -> None:
        while not self._closing.wait(_PAUSE):
            self._write(self._take())
        self._write(self._take())
        if self._file > 2:
            os.close(self._file)

    def _take(self) -> list[bytes]:
        with self._lock:
            lines, self._lines, self._waiting = self._lines, [], 0
        return lines

    def _write(self, lines: list[bytes]) -> None:
        """Write lines in the order in which they came. Lines that cannot be written are dropped."""
        while lines:
            written = 0
            try:
                self._reopen()
                written, size = 1, len(lines[0])
                most = _AT_ONCE if stat.S_ISREG(os.fstat(self._file).st_mode) else select.PIPE_BUF
                while written < len(lines) and size + len(lines[written]) <= most:
                    size += len(lines[written])
                    written += 1
                _write_all(self._file, b"".join(lines[:written]))
            except OSError as error:
                logger.warning("cannot write the access log %s: %s", self._path, error.strerror or error)
                for _ in lines[: max(1, written)]:
                    self._dropped()
            del lines[: max(1, written)]

    def _reopen(self) -> None:
        """Open the file if it is not open, or if it was moved away or removed."""
        now = monotonic()
        if self._file >= 0 and (self._path == STANDARD_OUTPUT or now - self._looked < _LOOK):
            return
        self._looked = now
        if self._file >= 0 and _same(self._path, self._file):
            return
        old, self._file = self._file, open_log(self._path)
        if old > 2:
            os.close(old)


def open_log(path: str) -> int:
    """The descriptor of a log that is open for appending. Raises OSError."""
    if path == STANDARD_OUTPUT:
        return 1
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def check_log(path: str) -> None:
    """Open and close the log, if there is a path, to find out whether that works. Raises OSError."""
    if not path:
        return
    descriptor = open_log(path)
    if descriptor > 2:
        os.close(descriptor)


def _same(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
