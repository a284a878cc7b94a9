"""What one process writes for one B: its segments, and the cursor file of its stream."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Protocol

from httptee.journal import Appended, JournalWriter, Limits
from httptee.spool.cursor import make_cursor, note_written
from httptee.spool.names import CURSOR, SUFFIX, StreamName

logger = logging.getLogger(__name__)

_LARGEST, _SMALLEST = 16 * 1024 * 1024, 64 * 1024  # bytes of a segment
_PARTS = 16  # segments within the limit of all
_SYNC = 1.0  # seconds
_FULL = 0.9  # of the limit: beyond it, the oldest clones make room
_LEAST_FREE = 1 << 20  # bytes that are left free in any case, unless that is much of the disk
_PIECE = 256 * 1024  # bytes that are dropped at once: a file is removed only with its last clone


class Policy(Protocol):
    """The settings of one B's spool: see `SpoolSettings` in `settings/settings.py`."""

    @property
    def max_bytes(self) -> int: ...  # noqa: D102
    @property
    def max_age(self) -> float: ...  # noqa: D102
    @property
    def min_free(self) -> float: ...  # noqa: D102
    @property
    def fsync(self) -> str: ...  # noqa: D102
    @property
    def ambiguous(self) -> str: ...  # noqa: D102
    @property
    def full(self) -> str: ...  # noqa: D102
    @property
    def check(self) -> str: ...  # noqa: D102


def lacking_room(settings: Policy, directory: Path, size: int) -> int:
    """The bytes of the clones that are to make room now, the oldest ones; 0 if none are. `size` is that of the spool.
    What others take of the disk does not count if even the whole spool is less than that: then to drop it would be of
    no use. Raises OSError."""
    if settings.full != "oldest":
        return 0
    disk = os.statvfs(directory)
    total = disk.f_blocks * disk.f_frsize
    least = max(int(settings.min_free / 100 * total), min(_LEAST_FREE, total // 20))
    lacking = least - disk.f_bavail * disk.f_frsize
    excess = max(size - int(_FULL * settings.max_bytes), lacking if lacking <= size else 0, 0)
    return max(excess, _PIECE) if excess else 0


class Sheet:
    """Appends records for one B. Used by one thread.

    The files are made with the first record. `number` gives the number of this process in its slot.
    """

    def __init__(
        self,
        directory: Path,
        name: Callable[[], StreamName],
        settings: Policy,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.error = ""
        """Why the last records were not stored, or empty."""
        self._directory = directory
        self._name = name
        self._settings = settings
        self._clock = clock
        self._journal: JournalWriter | None = None
        self._cursor = -1
        self._sync_at = 0.0
        self._dirty = False
        self._renamed = False  # whether the directory has names that may not be on the disk

    def append(self, records: Sequence[tuple[int, bytes]]) -> bool:
        """Store records: all of them, or none."""
        journal = self._journal or self._opened()
        if journal is None:
            return False
        if journal.rotates:
            self._sync(journal)
            self._renamed = True
        outcome = journal.append(records)
        if outcome is not Appended.COMMITTED:
            self._failed(journal.error or self.error)  # it tries again only after a while
            journal.close()  # only what is closed can be removed, and that may make room
            return False
        self.error = ""
        with contextlib.suppress(OSError):
            note_written(self._cursor, journal.sequence)
        self._dirty = True
        if self._settings.fsync == "always":  # the journal has synced all but the names
            self._dirty = False
            self._renamed = self._renamed and bool(_flush_names(self._directory))
        self.sync_due()
        return True

    def sync_due(self) -> None:
        """Have the disk hold all if that is due. Call it many times a second while anything may be due."""
        if self._dirty and self._clock() >= self._sync_at and self._journal is not None:
            self._sync(self._journal)

    def rest(self) -> None:
        """Have the disk hold all, and close the segment, so that it can be removed once it is settled."""
        if self._journal is not None:
            self._sync(self._journal)
            self._journal.close()

    def close(self) -> None:
        """End the stream. May be called twice."""
        self.rest()
        if self._cursor >= 0:
            os.close(self._cursor)
            self._cursor = -1
        self._journal = None

    def _opened(self) -> JournalWriter | None:
        settings, name = self._settings, str(self._name())
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._cursor = make_cursor(self._directory / f"{name}{CURSOR}")
        except OSError as error:
            self._failed(error.strerror or str(error))
            return None
        limits = Limits(
            segment_bytes=min(_LARGEST, max(_SMALLEST, settings.max_bytes // _PARTS)),
            max_bytes=settings.max_bytes,
            min_free=settings.min_free / 100,
            removes=False,
        )
        self._journal = JournalWriter(
            self._directory, name, SUFFIX, name.encode(), limits, sync=settings.fsync == "always"
        )
        return self._journal

    def _sync(self, journal: JournalWriter) -> None:
        """Have the disk hold what is written, and the names of its files, unless it is never asked for."""
        if not self._dirty:
            return
        self._dirty, self._sync_at = False, self._clock() + _SYNC
        if self._settings.fsync == "never":
            return
        error = journal.flush()
        if self._renamed and not error:
            error = _flush_names(self._directory)
            self._renamed = bool(error)
        if error:
            self._failed(error)

    def _failed(self, error: str) -> None:
        if error != self.error:
            logger.warning("the spool in %s takes no clones: %s; they wait in memory", self._directory, error)
        self.error = error


def _flush_names(directory: Path) -> str:
    """Have the disk hold the names in a directory. Returns the error, or an empty text."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        return error.strerror or str(error)
    try:
        os.fsync(descriptor)
    except OSError as error:
        return error.strerror or str(error)
    finally:
        os.close(descriptor)
    return ""
