"""The writing side of a journal: appends records to segments, and never leaves a record that is half written.

A full disk gives a short write: what was written of the batch is cut off again, and the caller learns that nothing of
it is stored. A disk that fails costs the batch and the segment. In both cases a later batch tries again.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from time import time

from httptee.journal.blocks import divided, packed
from httptee.journal.framing import BLOCK, HEAD, INDEX, NOTE, RECORD, marker_of, pack
from httptee.journal.index import Index
from httptee.journal.names import UNFINISHED, number_of, segments_of
from httptee.journal.retention import Limits, trim

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DEFAULT = Limits()
_TEND = 1.0  # seconds between two looks at the directory, and until a segment that could not be made is tried again

Record = tuple[int, bytes]
"""A stamp in nanoseconds since the epoch, and the bytes."""


class Appended(Enum):
    """What became of a batch: all of it is in the file, or nothing of it."""

    COMMITTED = "committed"
    FULL = "full"
    UNAVAILABLE = "unavailable"


class JournalWriter:
    """Appends to segments `STREAM.NUMBER SUFFIX` in `directory`: one writer for one stream, used by one thread.

    `head` is the first record of every segment, for readers. Sequences go on after `sequence`. The directory is made
    with the first batch. `sync`: each batch is on the disk before it is committed. `compress`: records are written in
    blocks, for which the library must be there.
    """

    def __init__(
        self,
        directory: Path,
        stream: str,
        suffix: str,
        head: bytes = b"",
        limits: Limits = _DEFAULT,
        *,
        sequence: int = 0,
        sync: bool = False,
        compress: bool = False,
        clock: Callable[[], float] = time,
    ) -> None:
        self.sequence = sequence
        """The sequence of the last record that was committed."""
        self.removed = 0
        """Segments that were removed because of the limits."""
        self.error = ""
        """Why the last batch was not committed, or empty."""
        self._directory = directory
        self._stream = stream
        self._suffix = suffix
        self._head = head
        self._limits = limits
        self._sync = sync
        self._compress = compress
        self._clock = clock
        self._descriptor = -1
        self._size = 0
        self._marker = b""
        self._index = Index()
        self._full = False
        self._tend_at = self._try_at = 0.0
        self._failed = Appended.UNAVAILABLE  # until `_try_at`

    def append(self, records: Sequence[Record]) -> Appended:
        """Append records. Does not raise an OSError. Raises ValueError if one is too long."""
        return self._append(RECORD, records)

    def note(self, stamp: int, payload: bytes) -> Appended:
        """Append what the writer has to say about its records."""
        return self._append(NOTE, [(stamp, payload)])

    @property
    def rotates(self) -> bool:
        """Whether the next batch begins a new segment. What is not flushed of the last one can only be so before."""
        return self._descriptor < 0 or self._size >= self._limits.segment_bytes

    def flush(self) -> str:
        """Have the disk hold all that is committed. Returns the error, or an empty text."""
        try:
            if self._descriptor >= 0:
                os.fdatasync(self._descriptor)
        except OSError as error:
            return error.strerror or str(error)
        return ""

    def close(self) -> None:
        """Write the index and close the segment. May be called twice."""
        if self._descriptor >= 0:
            index = pack(self._marker, INDEX, self.sequence, [(0, self._index.packed(self._size))])
            if self._write(index) is Appended.COMMITTED and self._sync:
                with contextlib.suppress(OSError):
                    os.fsync(self._descriptor)
            self._abandon()

    def _append(self, kind: int, records: Sequence[Record]) -> Appended:
        if (outcome := self._prepared()) is not Appended.COMMITTED:
            return outcome
        if kind == RECORD and self._compress:
            return self._append_blocks(records)
        first = self.sequence + int(kind == RECORD)  # a note has the sequence of the record before it
        place = self._size
        outcome = self._write(pack(self._marker, kind, first, records))
        if outcome is Appended.COMMITTED and kind == RECORD:
            self._index.extend(first, records, place)
            self.sequence += len(records)
        return outcome

    def _append_blocks(self, records: Sequence[Record]) -> Appended:
        blocks = list(divided(records))
        place, last, frames = self._size, self.sequence, []
        for block in blocks:
            last += len(block)
            frames.append(pack(self._marker, BLOCK, last, [(max(stamp for stamp, _ in block), packed(block))]))
        outcome = self._write(b"".join(frames))
        if outcome is Appended.COMMITTED:
            for block, frame in zip(blocks, frames, strict=True):
                self._index.extend_block(self.sequence + 1, [stamp for stamp, _ in block], place)
                self.sequence += len(block)
                place += len(frame)
        return outcome

    def _prepared(self) -> Appended:
        """Have a segment with room that is open. After a failure, nothing is tried for a while."""
        now = self._clock()
        if now < self._try_at:
            return self._failed
        try:
            if now >= self._tend_at:
                self._tend_at = now + _TEND
                self._tend(now)
            if self._full:
                return self._not(Appended.FULL, "the directory is at its limit")
            if self._size >= self._limits.segment_bytes:
                self.close()
            return Appended.COMMITTED if self._descriptor >= 0 else self._open()
        except OSError as error:
            return self._not_for(error)

    def _tend(self, now: float) -> None:
        """Look at the directory: keep the limits, and notice if it was taken away."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._descriptor >= 0 and not os.fstat(self._descriptor).st_nlink:
            self._abandon()
        self._full = self._trim(now)
        if self._full and self._descriptor >= 0 and self._limits.removes:
            self.close()  # what is being written is never removed: this may be all that is left
            self._full = self._trim(now)

    def _trim(self, now: float) -> bool:
        """Remove the oldest segments until the limits hold. Whether they still do not. Raises OSError."""
        trimmed = trim(self._directory, self._suffix, self._limits, now)
        self.removed += trimmed.files
        return trimmed.full

    def _open(self) -> Appended:
        """Open a new segment. Raises OSError."""
        number = 1 + max(map(number_of, segments_of(self._directory, self._stream, self._suffix)), default=0)
        path = self._directory / f"{self._stream}.{number:06d}{self._suffix}"
        made = path.with_name(path.name + UNFINISHED)
        self._descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._size, self._index, self._marker = 0, Index(), marker_of(os.urandom(4))
            head = pack(self._marker, HEAD, self.sequence, [(int(self._clock() * 1e9), self._head)])
            outcome = self._write(head)
            if outcome is Appended.COMMITTED:
                # Only now does it get its name: readers take a segment that nobody has locked for a closed one.
                made.rename(path)
        except OSError:
            self._give_up(made)
            raise
        if outcome is not Appended.COMMITTED:
            self._give_up(made)
        return outcome

    def _give_up(self, made: Path) -> None:
        """Remove a segment that could not be made."""
        self._abandon()
        with contextlib.suppress(OSError):
            made.unlink()

    def _write(self, data: bytes) -> Appended:
        """Write all bytes, or none."""
        done = 0
        try:
            while done < len(data):
                done += os.write(self._descriptor, memoryview(data)[done:])
            if self._sync:
                os.fdatasync(self._descriptor)
        except OSError as error:
            outcome = self._not_for(error)
            try:
                os.ftruncate(self._descriptor, self._size)
            except OSError:
                self._abandon()
            else:
                if outcome is Appended.UNAVAILABLE:  # this file may be what fails
                    self._abandon()
            return outcome
        self._size += len(data)
        self.error = ""
        return Appended.COMMITTED

    def _not_for(self, error: OSError) -> Appended:
        outcome = Appended.FULL if error.errno in _FULL else Appended.UNAVAILABLE
        return self._not(outcome, error.strerror or str(error))

    def _not(self, outcome: Appended, error: str) -> Appended:
        self.error, self._failed = error, outcome
        self._try_at = self._clock() + _TEND
        return outcome

    def _abandon(self) -> None:
        """Close the segment as it is. A reader scans one that has no index."""
        descriptor, self._descriptor, self._size = self._descriptor, -1, 0
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # a child process that was forked meanwhile shares the lock
            with contextlib.suppress(OSError):
                os.close(descriptor)
