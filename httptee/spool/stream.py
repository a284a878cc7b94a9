"""Reads what one process has written for one B, while it is still written, and removes what is settled.

Each record has a sequence, one more than that of the record before it. So what is missing or damaged is known by its
number: it is an entry without a clone. What the writer says that it has stored, and what is not there, is missing too.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from httptee.journal import RECORD, Damage, Frame, Segment, number_of
from httptee.spool.cursor import Cursor
from httptee.spool.entry import Entry
from httptee.spool.names import CURSOR, SUFFIX, StreamName
from httptee.spool.record import MalformedClone, StoredClone, decode


@dataclass(slots=True)
class _Gap:
    """Records that are missing, from the first to the last one: there may be millions of them."""

    first: int
    last: int
    stamp: int


class Stream:
    """One stream of a directory. `look_only`: nothing is written. Raises OSError if its cursor cannot be opened."""

    def __init__(self, directory: Path, name: StreamName, *, look_only: bool = False) -> None:
        self.name = name
        self.label = str(name)
        self._directory = directory
        self.cursor = Cursor(directory / f"{name}{CURSOR}", look_only=look_only)
        self.ended = False
        """Whether everything that was written has been read."""
        self.quiet_until = 0.0
        """Until when it need not be looked at, by the monotonic clock: nothing new was found just now."""
        self.slot = 0
        """The slot in which its clones are counted."""
        self.last = 0
        """The sequence of the last record that was read."""
        self._stamp = 0
        self._segment: Segment | None = None
        self._scan: Iterator[Frame | Damage] | None = None
        self._offset = 0
        self._last_look = False
        self._done: deque[tuple[Path, int]] = deque()  # segments that were read, with their last sequence
        self._ahead: deque[Entry | _Gap] = deque()
        self._began = False

    def __repr__(self) -> str:
        return f"<Stream {self.name} [read {self.last}, settled {self.cursor.low}]>"

    @property
    def settled(self) -> bool:
        """Whether it has ended and nothing of it is left to be settled."""
        return self.ended and not self._ahead and self.cursor.low >= self.last

    def peek(self, *, alive: bool) -> Entry | None:
        """The next record that is not settled, or None if there is none now. `alive`: its process may write more.
        Raises OSError."""
        ahead = self._ahead
        while True:
            while not ahead and not self.ended and self._read(alive):
                pass
            if not ahead:
                return None
            first = ahead[0]
            if isinstance(first, Entry):
                return first
            self._open_gap(first)

    def take(self) -> Entry:
        """The record that `peek` returned."""
        first = self._ahead.popleft()
        assert isinstance(first, Entry)
        return first

    def settle(self, sequence: int) -> None:
        """Note that a record is settled."""
        self.cursor.settle(sequence)

    def tidy(self) -> int:
        """Remove the segments that are settled, after the place was saved; return their number. Raises OSError."""
        removed = 0
        while self._done and self._done[0][1] <= self.cursor.low:
            if not removed:
                self.cursor.save(sync=True)
            with contextlib.suppress(FileNotFoundError):
                self._done[0][0].unlink()
            self._done.popleft()
            removed += 1
        return removed

    def remove(self) -> None:
        """Remove all files: everything is settled. Raises OSError."""
        self.tidy()
        self._close_segment()
        self.cursor.remove()

    def close(self) -> None:
        """Save the place and close the files. May be called twice."""
        self._close_segment()
        self.cursor.close()

    def _read(self, alive: bool) -> bool:
        """Read one frame; False if there is none now."""
        if self._segment is None and not self._open_next(alive):
            return False
        segment = self._segment
        if segment is None:
            return False
        if self._scan is None:
            segment.look_again()
            self._scan = segment.scan(self._offset)
        found = next(self._scan, None)
        if found is None:
            self._scan = None
            return self._at_end(segment)
        if isinstance(found, Frame):
            self._offset = found.end
            self._last_look = False
            self._take(found)
        return True

    def _at_end(self, segment: Segment) -> bool:
        """Everything that is there was read: wait for more, or go on to the next segment."""
        if not self._last_look:
            if segment.being_written():
                return False
            self._last_look = True  # its writer may have written more before it closed it
            return True
        self._last_look = False
        self._done.append((segment.path, self.last))
        self._close_segment()
        return True

    def _open_next(self, alive: bool) -> bool:
        read = {path for path, _ in self._done}
        names = [path for path in self._directory.glob(f"{self.name}.*{SUFFIX}") if path not in read]
        paths = sorted(names, key=number_of)
        if not paths:
            if not alive:
                self._end()
            return False
        self._segment = Segment(paths[0])
        self._offset, self._scan, self._last_look = 0, None, False
        return True

    def _end(self) -> None:
        """The writer has gone. What it says that it has stored, and was not found, is missing."""
        self._missing_up_to(self.cursor.written)
        self.ended = True

    def _take(self, frame: Frame) -> None:
        if frame.kind != RECORD:
            if not self._began and self.cursor.fresh:  # what came before the first file was settled
                self.cursor.skip_to(frame.sequence)
            self._began = True
            self._missing_up_to(frame.sequence)
            return
        self._began = True
        if frame.sequence > self.last + 1:
            self._missing_up_to(frame.sequence - 1)
        self._stamp = frame.stamp
        if frame.sequence <= self.last:
            return
        self.last = frame.sequence
        if not self.cursor.settled(frame.sequence):
            self._ahead.append(Entry(self, frame.sequence, frame.stamp, _clone(frame)))

    def _missing_up_to(self, sequence: int) -> None:
        """The records after the last one that was read, up to this one, are not there."""
        first = max(self.last, self.cursor.low) + 1
        if first <= sequence:
            self._ahead.append(_Gap(first, sequence, self._stamp))
        self.last = max(self.last, sequence)

    def _open_gap(self, gap: _Gap) -> None:
        """Put the next record of a gap that is not settled before the rest of it."""
        while gap.first <= gap.last and self.cursor.settled(gap.first):
            gap.first += 1
        if gap.first <= gap.last:
            self._ahead.appendleft(Entry(self, gap.first, gap.stamp, None))
            gap.first += 1
        else:
            self._ahead.popleft()

    def _close_segment(self) -> None:
        segment, self._segment, self._scan = self._segment, None, None
        if segment is not None:
            segment.close()


def _clone(frame: Frame) -> StoredClone | None:
    if not frame.whole:
        return None
    try:
        return decode(frame.payload)
    except MalformedClone:
        return None


def streams_in(directory: Path) -> set[StreamName]:
    """The streams of which something is in a directory. Raises OSError; a directory that is missing is empty."""
    try:
        names = [path.name for path in directory.iterdir()]
    except FileNotFoundError:
        return set()
    found = (StreamName.parse(name) for name in names if name.endswith((SUFFIX, CURSOR)))
    return {name for name in found if name is not None}
