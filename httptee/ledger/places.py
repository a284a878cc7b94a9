"""One ledger for processes that do not come from one start: a file with a place for each of them.

Under a pre-fork server each process begins by itself. It takes a free place in the file, counts there, and reads the
places of the others. A place is locked by its process, so the kernel frees it however that process ends. The next
process settles what was in flight there, and goes on with its counts.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import struct
from collections.abc import Sequence

from httptee.ledger.ledger import Ledger
from httptee.ledger.shared import WORD, Anonymous, shared_words

PLACES = 64
"""Processes that may count at the same time."""


class _Measured:
    """Counts the words that a ledger asks for."""

    def __init__(self) -> None:
        self.common_words = self.own_words = 0

    def common(self, count: int) -> memoryview:
        self.common_words += count
        return shared_words(count)

    def own(self, count: int) -> memoryview:
        self.own_words += count
        return shared_words(count)


class _Part:
    """Hands out the words of a mapped file, from two positions on."""

    def __init__(self, words: memoryview, common: int, own: int | None) -> None:
        self._words = words
        self._common = common
        self._own = own

    def common(self, count: int) -> memoryview:
        start, self._common = self._common, self._common + count
        return self._words[start : self._common]

    def own(self, count: int) -> memoryview:
        if self._own is None:
            return shared_words(count)
        start, self._own = self._own, self._own + count
        return self._words[start : self._own]


class Places:
    """The places for the Bs in `backends`: in a file in `directory`, or in memory for forked processes if it is empty.

    Raises OSError if the file cannot be made.
    """

    def __init__(self, backends: Sequence[str], directory: str = "") -> None:
        self._backends = list(backends)
        measured = _Measured()
        Ledger(self._backends, memory=measured)
        self._common, self._own = measured.common_words, measured.own_words
        size = WORD * (PLACES + self._common + PLACES * self._own)
        if directory:
            # The layout is in the name: another one is another file.
            layout = hashlib.sha256(repr((self._backends, self._common, self._own)).encode()).hexdigest()[:16]
            self._descriptor = os.open(
                os.path.join(directory, f"httptee-{layout}.ledger"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        else:
            self._descriptor = os.memfd_create("httptee-ledger")
        os.ftruncate(self._descriptor, size)
        self._words = memoryview(mmap.mmap(self._descriptor, size)).cast("Q")  # which of them were taken, first
        self._mine: int | None = None
        self._pid = os.getpid()

    def take(self) -> Ledger:
        """The ledger of this process, at a free place; if none is free, one that the others do not read."""
        self._open_again()
        for number in range(PLACES):
            if self._lock(number):
                self._mine = number
                ledger = self._at(number)
                ledger.settle_lost(0)
                self._words[number] = 1
                return ledger
        return Ledger(self._backends, memory=Anonymous())

    def read(self) -> Ledger:
        """The ledger of all processes together, to be read only."""
        self._open_again()
        found = []
        for number in range(PLACES):
            if self._words[number]:
                found.append(self._at(number))
                self._settle(number, found[-1])
        return Ledger(self._backends, 1, found, memory=_Part(self._words, PLACES, None))

    def _open_again(self) -> None:
        """Open the file anew after a fork: a lock belongs to the open file, which parent and child would share."""
        if self._pid != os.getpid():
            inherited = self._descriptor
            self._descriptor = os.open(f"/proc/self/fd/{inherited}", os.O_RDWR | os.O_CLOEXEC)
            os.close(inherited)
            self._mine = None
            self._pid = os.getpid()

    def _settle(self, number: int, ledger: Ledger) -> None:
        """Settle the place of a process that has ended, unless the next one does."""
        used = any(worker.pid for worker in ledger.workers()) or ledger.holds_any(0)
        if used and number != self._mine and self._lock(number):
            try:
                ledger.settle_lost(0)
            finally:
                self._lock(number, fcntl.F_UNLCK)

    def _at(self, number: int) -> Ledger:
        own = PLACES + self._common + number * self._own
        return Ledger(self._backends, 1, memory=_Part(self._words, PLACES, own))

    def _lock(self, number: int, kind: int = fcntl.F_WRLCK) -> bool:
        """Lock or unlock a place, without a wait; False if another open file has it."""
        wanted = struct.pack("hhqqi4x", kind, os.SEEK_SET, number, 1, 0)  # struct flock
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, wanted)
        except OSError:
            return False
        return True
