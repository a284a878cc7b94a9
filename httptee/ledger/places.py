"""One ledger for processes that do not come from one start: a file with a place for each of them.

Under a pre-fork server each process begins by itself. It takes a free place in the file, counts there, and reads the
places of the others. A place is locked by its process, so the kernel frees it however that process ends. The next
process settles what was in flight there, and goes on with its counts.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Lock
from time import time

from httptee.ledger.ledger import Ledger
from httptee.ledger.shared import Anonymous, Memory, shared_words
from httptee.ledger.shared_file import SharedFile
from httptee.ledger.statements import Worker

logger = logging.getLogger(__name__)

PLACES = 64
"""Processes that may count at the same time."""

_LEADER = PLACES
_SINCE = PLACES
_HEAD = PLACES + 1
"""Words before those of the ledgers: which places were ever taken, and when the first process began, in
milliseconds."""


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

    The `name` of the file is that of those that are to count together. A `passing` one ends with the last process that
    has it: see `SharedFile`. Raises OSError if the file cannot be made.
    """

    def __init__(
        self, backends: Sequence[str], directory: str = "", name: str = "httptee", *, passing: bool = False
    ) -> None:
        self._backends = list(backends)
        measured = _Measured()
        Ledger(self._backends, memory=measured)
        self._common, self._own = measured.common_words, measured.own_words
        # The layout is in the name: another one is another file.
        layout = hashlib.sha256(repr((self._backends, _HEAD, self._common, self._own)).encode()).hexdigest()[:16]
        path = os.path.join(directory, f"{name}-{layout}.ledger") if directory else ""
        self._file = SharedFile(path, _HEAD + self._common + PLACES * self._own, passing=passing)
        self._file.allocate(0, _HEAD + self._common)
        self._words = self._file.words  # first: which of the places were ever taken
        self._words[_SINCE] = self._words[_SINCE] or round(time() * 1000)
        self._found: dict[int, Ledger] = {}
        self._mine: int | None = None
        self._together: Ledger = _Together(self._backends, _Part(self._words, _HEAD, None), self.taken)
        self._lock = Lock()
        os.register_at_fork(after_in_child=self._forked)

    def take(self) -> Ledger:
        """The ledger of this process, at a free place; if none is free, or has room, one that the others do not
        read."""
        with self._lock:
            self._open_again()
            number = next((each for each in range(PLACES) if self._file.lock(each)), None)
            if number is not None and self._has_room(number):
                self._mine = number
                ledger = self._at(number)
                ledger.settle_lost(0)
                self._words[number] = 1
                return ledger
        logger.warning("process %d counts for itself: there is no room with the others of its server", os.getpid())
        return Ledger(self._backends, memory=Anonymous())

    def read(self) -> Ledger:
        """The ledger of all processes together, to be read only. It has every place, also those taken later on."""
        self.settle()
        return self._together

    def settle(self) -> None:
        """Settle the places of processes that have ended."""
        with self._lock:
            self._open_again()
            for number, ledger in self.taken().items():
                self._settle(number, ledger)

    def taken(self) -> dict[int, Ledger]:
        """The ledger of each place that was ever taken, by its number."""
        for number in range(PLACES):
            if self._words[number] and number not in self._found:
                self._found[number] = self._at(number)
        return dict(self._found)

    def leads(self) -> bool:
        """Whether this process is the one that serves the others, or may be from now on, up to its end."""
        return self._file.lock(_LEADER)

    def follow(self) -> None:
        """Let another process lead."""
        self._file.lock(_LEADER, fcntl.F_UNLCK)

    def leave(self) -> None:
        """For the end of a process: remove a passing file if it is the last one."""
        self._file.leave()

    @property
    def since(self) -> float:
        """When the first process began, in seconds since the epoch."""
        return self._words[_SINCE] / 1000

    def _forked(self) -> None:
        self._lock = Lock()  # a thread of the parent may have held it
        with contextlib.suppress(OSError):  # at once: what this process inherits keeps the locks of its parent
            self._open_again()

    def _open_again(self) -> None:
        if self._file.open_again():
            self._mine = None

    def _settle(self, number: int, ledger: Ledger) -> None:
        """Settle the place of a process that has ended, unless the next one does."""
        used = any(worker.pid for worker in ledger.workers()) or ledger.holds_any(0)
        if used and number != self._mine and self._file.lock(number):
            try:
                ledger.settle_lost(0)
            finally:
                self._file.lock(number, fcntl.F_UNLCK)

    def _has_room(self, number: int) -> bool:
        try:
            self._file.allocate(self._start(number), self._own)
        except OSError:
            self._file.lock(number, fcntl.F_UNLCK)
            return False
        return True

    def _start(self, number: int) -> int:
        return _HEAD + self._common + number * self._own

    def _at(self, number: int) -> Ledger:
        return Ledger(self._backends, 1, memory=_Part(self._words, _HEAD, self._start(number)))


class _Together(Ledger):
    """Reads the ledgers of all places that `taken` returns. Its own row stays empty."""

    def __init__(self, backends: Sequence[str], memory: Memory, taken: Callable[[], dict[int, Ledger]]) -> None:
        self._taken = taken
        super().__init__(backends, memory=memory)

    @property
    def history(self) -> list[Ledger]:
        """Itself and all places."""
        return [self, *self._taken().values()]

    def workers(self) -> list[Worker]:
        """The processes that are alive. The row of each is the number of its place."""
        return [replace(worker, row=number) for number, ledger in self._taken().items() for worker in ledger.workers()]
