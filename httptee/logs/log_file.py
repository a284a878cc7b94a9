"""The file, FIFO or standard stream that a log is written to. Every line in it is whole.

Only the writer's thread uses a `LogFile`: to open and to write may take any time. A FIFO without a reader is not opened
(ENXIO), and a pipe that nobody reads is not written to before it has room.

A full disk gives a short write, which leaves a part of a line. That part is cut off again. If other data follows it or
the file cannot be cut, the rest of the line is written first when there is room.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import select
import stat
from collections.abc import Callable, Iterator
from time import monotonic, sleep

logger = logging.getLogger(__name__)

_LOOK = 1.0  # seconds between checks whether the file is still there
_AT_ONCE = 256 * 1024  # bytes in one write to a file; PIPE_BUF to a pipe, which other processes may write to as well
_LOOK_UP = 100  # milliseconds between checks whether the wait for a reader has expired
_LOCK_TRIES = 100  # milliseconds to wait for the lock on a file; then the write goes on without it


class LogFile:
    """The log at a path, or the standard stream with that descriptor. It is opened at the first write."""

    def __init__(self, where: str | int) -> None:
        self.begun = 0
        """Bytes of the next line that are in the file already: the line is torn, and is completed first."""
        self._where = where
        self._descriptor = -1
        self._looked = 0.0

    def write(self, lines: list[bytes], expired: Callable[[], bool]) -> None:
        """Append lines in order. Those that are whole in the file are removed from the list.

        `expired` ends the wait for a reader. Raises OSError; the first line in the list is then the first that is not
        whole in the file.
        """
        self._reopen()
        regular = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        most = _AT_ONCE if regular else select.PIPE_BUF
        while lines:
            count, size = 1, len(lines[0])
            while count < len(lines) and size + len(lines[count]) <= most:
                size += len(lines[count])
                count += 1
            data = b"".join(lines[:count])
            with _locked(self._descriptor) if regular else contextlib.nullcontext():
                self._write_batch(lines, memoryview(data)[self.begun :], expired, regular)

    def close(self) -> None:
        """Close the file. A standard stream stays open."""
        if self._descriptor > 2:
            os.close(self._descriptor)
        self._descriptor, self.begun = -1, 0

    def _write_batch(self, lines: list[bytes], data: memoryview, expired: Callable[[], bool], regular: bool) -> None:
        """Write the first lines, whose bytes are `data`, and remove those that are whole in the file."""
        try:
            while data:
                if not regular:
                    self._wait_for_room(expired)
                with contextlib.suppress(BlockingIOError):  # another writer took the room
                    written = os.write(self._descriptor, data)
                    data = data[written:]
                    self.begun += written
        except BrokenPipeError:
            self._settle(lines)
            self.close()  # the next reader starts with a whole line
            raise
        except OSError:
            self._settle(lines)
            if self.begun and regular and self._cut_back():
                self.begun = 0
            raise
        self._settle(lines)

    def _settle(self, lines: list[bytes]) -> None:
        """Remove the lines that are whole in the file. `begun` then counts the bytes of the next one."""
        count = 0
        while count < len(lines) and self.begun >= len(lines[count]):
            self.begun -= len(lines[count])
            count += 1
        del lines[:count]

    def _cut_back(self) -> bool:
        """Remove the `begun` bytes at the end of the file. False if they are not at its end."""
        try:
            end = os.lseek(self._descriptor, 0, os.SEEK_CUR)
            if os.fstat(self._descriptor).st_size != end:
                return False
            os.ftruncate(self._descriptor, end - self.begun)
            os.lseek(self._descriptor, end - self.begun, os.SEEK_SET)
        except OSError:
            return False
        return True

    def _wait_for_room(self, expired: Callable[[], bool]) -> None:
        """Wait until the pipe, socket or terminal takes data. Raises TimeoutError."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        while not poll.poll(_LOOK_UP):
            if expired():
                raise TimeoutError(errno.ETIMEDOUT, "nobody reads it")

    def _reopen(self) -> None:
        """Open the file if it is not open, or if it was moved away or removed."""
        if isinstance(self._where, int):
            if self._descriptor < 0:
                self._descriptor = _open_stream(self._where)
            return
        now = monotonic()
        if self._descriptor >= 0 and now - self._looked < _LOOK:
            return
        self._looked = now
        if self._descriptor >= 0 and _same(self._where, self._descriptor):
            return
        try:
            descriptor = open_log(self._where)
        except OSError as error:
            if self._descriptor < 0:
                raise
            logger.warning(
                "cannot open the log %s: %s; the file that was open is still used", self._where, reason_of(error)
            )
            return
        self.close()
        self._descriptor = descriptor


def open_log(path: str) -> int:
    """The descriptor of a log that is open for appending. Never waits. Raises OSError: ENXIO for a FIFO that nobody
    reads."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    return os.open(path, flags, 0o640)


def check_log(path: str) -> None:
    """Find out whether a log can be written: open it, and close it again. Never waits. Raises OSError.

    A FIFO is not opened, because its reader would read to the end and go. `-` and an empty path are correct.
    """
    if path in ("", "-"):
        return
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISFIFO(os.stat(path).st_mode):
            if not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            return
    os.close(open_log(path))


def reason_of(error: OSError) -> str:
    """Why a log cannot be written, in a few words."""
    if error.errno in (errno.ENXIO, errno.EPIPE):
        return "nobody reads it"
    return error.strerror or str(error)


def _open_stream(number: int) -> int:
    """A standard stream. A pipe is opened once more: O_NONBLOCK on the stream itself would be set for every process
    that has it."""
    try:
        if stat.S_ISFIFO(os.fstat(number).st_mode):
            return os.open(f"/proc/self/fd/{number}", os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        pass  # the pipe belongs to another user, or nobody reads it
    return number


def _same(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
    except OSError:
        return True  # for example a directory that may not be read: the open file is the only one


@contextlib.contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    """Hold the lock on a file, so that no other process of the tee writes behind a line that is torn. Without the lock
    after a while, or on a file system that has none, the write goes on."""
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except (BlockingIOError, PermissionError):
            sleep(0.001)
        except OSError:
            break
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            fcntl.lockf(descriptor, fcntl.LOCK_UN)
