"""Words in a file that processes share, and locks on numbers in it, which the kernel frees when a process ends.

Each process has the file open for itself: a lock belongs to the open file, so a forked child opens it anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct

from httptee.ledger.shared import WORD

_PRESENCE = 2**62
"""The number that every process of a passing file has locked, together with the others."""


class SharedFile:
    """`count` words in a file at `path`, or in memory for forked processes if that is empty.

    A `passing` file ends with the last process that has it open: `leave` removes it, and a process that finds one that
    killed processes have left begins with an empty one. Raises OSError if the file cannot be made. It has no room on
    the disk before `allocate`.
    """

    def __init__(self, path: str, count: int, *, passing: bool = False) -> None:
        self._path = path
        self._passing = passing and bool(path)
        size = WORD * count
        self._descriptor = os.memfd_create("httptee") if not path else self._opened() if self._passing else _open(path)
        os.ftruncate(self._descriptor, size)
        mapped = self._another()  # a map keeps what it was made from open, and with it all locks, in a child too
        self.words: memoryview = memoryview(mmap.mmap(mapped, size)).cast("Q")
        os.close(mapped)
        self._pid = os.getpid()

    def allocate(self, start: int, count: int) -> None:
        """Have room for these words, and keep it. Raises OSError. To write to a place of a file that has no room on a
        full disk ends the process."""
        if self._path:
            os.posix_fallocate(self._descriptor, WORD * start, WORD * count)

    def open_again(self) -> bool:
        """In a child: open the file for this process. False if that was done already."""
        if self._pid == os.getpid():
            return False
        inherited = self._descriptor
        self._descriptor = self._another()
        if self._passing:
            self.lock(_PRESENCE, fcntl.F_RDLCK)  # as the parent, whose lock was held up to here by the inherited one
        os.close(inherited)
        self._pid = os.getpid()
        return True

    def lock(self, number: int, kind: int = fcntl.F_WRLCK, *, wait: bool = False) -> bool:
        """Lock or unlock a number; False if another open file has it, unless this is to `wait`."""
        wanted = struct.pack("hhqqi4x", kind, os.SEEK_SET, number, 1, 0)  # struct flock
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK, wanted)
        except OSError:
            return False
        return True

    def leave(self) -> None:
        """Remove a passing file if no other process has it open. For the end of a process; what it has mapped stays."""
        if not self._passing or self._pid != os.getpid():
            return
        self.lock(_PRESENCE, fcntl.F_UNLCK)  # first: of several that end together, one must find itself alone
        if self.lock(_PRESENCE) and self._is_there():
            with contextlib.suppress(OSError):
                os.unlink(self._path)

    def _another(self) -> int:
        return os.open(f"/proc/self/fd/{self._descriptor}", os.O_RDWR | os.O_CLOEXEC)

    def _opened(self) -> int:
        while True:
            self._descriptor = _open(self._path)
            if self.lock(_PRESENCE) and self._is_there() and os.fstat(self._descriptor).st_size:
                os.unlink(self._path)  # not emptied: one that is just ending may still have it mapped
            self.lock(_PRESENCE, fcntl.F_RDLCK, wait=True)
            if self._is_there():
                return self._descriptor
            os.close(self._descriptor)  # it was removed just now

    def _is_there(self) -> bool:
        """Whether the path still leads to this file."""
        with contextlib.suppress(OSError):
            return os.path.samestat(os.fstat(self._descriptor), os.lstat(self._path))
        return False


def _open(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
