"""Lines appended to a file by a thread of their own: whoever has a line to write never waits for a disk or a pipe.

What waits is bounded in bytes; beyond, lines are dropped and counted. The file is opened for appending, each write is
whole lines, and a file that was moved away is replaced by a new one under its name: any way of rotating logs will do.
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
_LOOK = 1.0  # seconds between looks at whether the file is still there
_AT_ONCE = 256 * 1024  # bytes in one write; no more than PIPE_BUF to a pipe, where others write too


class LineWriter:
    """Appends to the file at `path`, or to the standard output for `-`; `dropped` is called for each lost line.

    The thread starts with the first line, so that a writer may be made before a fork.
    """

    def __init__(self, path: str, dropped: Callable[[], None], most: int = _WAITING) -> None:
        self._path = path
        self._dropped = dropped
        self._most = most
        self._lock = threading.Lock()  # guards the three below; held for a few instructions
        self._lines: list[bytes] = []
        self._waiting = 0
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._file = -1
        self._looked = 0.0

    def put(self, line: bytes) -> None:
        """Take a line, its end included. Never waits."""
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

    def close(self, timeout: float) -> None:
        """Write what waits, for up to `timeout` seconds; the rest is dropped. May be called twice."""
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
        """Write lines in the order in which they came; those that cannot be written are dropped."""
        while lines:
            written = 0
            try:
                self._look()
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

    def _look(self) -> None:
        """Open the file, also where it was moved away or removed since it was last looked for."""
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
    """The descriptor of a log opened for appending. Raises OSError."""
    if path == STANDARD_OUTPUT:
        return 1
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def check_log(path: str) -> None:
    """Open and close the log, if there is to be one, to hear of what is wrong with it. Raises OSError."""
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
