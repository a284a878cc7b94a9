"""The reading side of a journal: one segment, by its index, or scanned from its beginning."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from httptee.journal.blocks import available, unpacked
from httptee.journal.framing import BLOCK, HEAD, HEADER_SIZE, INDEX, NOTE, RECORD, Damage, Frame, FrameReader, size_of
from httptee.journal.index import PLACE_SIZE, Index, parted, place_in, within
from httptee.journal.names import segments_of

_PIECE = 1 << 20
_START = 64 * 1024
_LIKELY = 4096  # bytes; most records are not longer
_BLOCKS = 8  # that are held: the order of arrival is not quite that in the file


class Segment:
    """A segment that is open for reading. It may still be written: what is there when it is opened is read.

    `marker` is empty if the file holds no frame, so it is no segment or nothing of it is left. Raises OSError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY)
        self.size = os.fstat(self._descriptor).st_size
        self.marker = b""
        self._blocks: dict[int, list[Frame]] = {}
        self.head = b""
        """The record that the writer has put at the beginning, or empty."""
        reader = FrameReader()
        for found in reader.feed(os.pread(self._descriptor, _START, 0)):
            if isinstance(found, Frame):
                self.head = found.payload if found.kind == HEAD else b""
                break
        self.marker = reader.marker

    def __repr__(self) -> str:
        return f"<Segment {self.path.name} [{self.size} bytes]>"

    @cached_property
    def _stored(self) -> Index | None:
        place = place_in(os.pread(self._descriptor, PLACE_SIZE, max(0, self.size - PLACE_SIZE)))
        frame = self._frame_at(place, INDEX) if place < self.size else None
        if frame is None or frame.end != self.size:
            return None
        try:
            return Index.unpacked(frame.payload)
        except ValueError:
            return None

    @property
    def closed(self) -> bool:
        """Whether its writer has closed it: it ends with its index."""
        return self._stored is not None

    def being_written(self) -> bool:
        """Whether a process has it open for writing."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return False

    @cached_property
    def index(self) -> Index:
        """The index, as the writer stored it, or made by a scan: then it has the records that are whole."""
        stored = self._stored
        if stored is not None:
            return stored
        index = Index()
        for found in self.scan():
            if isinstance(found, Frame) and found.kind == RECORD and found.whole:
                index.add(found.sequence, found.stamp, found.offset)
        return index

    def record_at(self, place: int) -> Frame | None:
        """The record at a place of the index, or None if it is damaged. Raises OSError, also if the library for blocks
        is missing."""
        offset, number = parted(place)
        if number < 0:
            return self._frame_at(offset, RECORD)
        if offset not in self._blocks:
            if len(self._blocks) >= _BLOCKS:
                del self._blocks[next(iter(self._blocks))]
            block = self._frame_at(offset, BLOCK)
            self._blocks[offset] = [] if block is None else self._records(block)
        records = self._blocks[offset]
        return records[number] if number < len(records) and records[number].kind == RECORD else None

    def scan(self, offset: int = 0) -> Iterator[Frame | Damage]:
        """Everything from an offset on, with every checksum looked at. Of a block, its records; one that is damaged is
        given itself. Raises OSError as `record_at` does."""
        for found in self.frames(offset):
            if isinstance(found, Frame) and found.kind == BLOCK and found.whole:
                yield from self._records(found)
            else:
                yield found

    def _records(self, block: Frame) -> list[Frame]:
        if not available():
            said = "it is compressed: the extra zstd (the library zstandard) is needed"
            raise OSError(errno.ENOTSUP, said, str(self.path))
        try:
            records = unpacked(block.payload)
        except ValueError:
            return [replace(block, payload=b"", whole=False)]
        first, offset, end = block.sequence - len(records) + 1, block.offset, block.end
        return [
            Frame(RECORD, first + number, stamp, payload, within(offset, number), end)
            for number, (stamp, payload) in enumerate(records)
        ]

    def frames(self, offset: int = 0) -> Iterator[Frame | Damage]:
        """The same as `scan`, with blocks as they are."""
        reader = FrameReader(self.marker, offset)
        while offset < self.size and (piece := os.pread(self._descriptor, min(_PIECE, self.size - offset), offset)):
            offset += len(piece)
            yield from reader.feed(piece)
        yield from reader.end()

    def notes(self) -> Iterator[Frame]:
        """What the writer has said about its records. Reads the whole segment."""
        return (found for found in self.scan() if isinstance(found, Frame) and found.kind == NOTE and found.whole)

    def look_again(self) -> None:
        """Read also what was written since it was opened, with the next `scan`."""
        self.size = os.fstat(self._descriptor).st_size

    def close(self) -> None:
        """Close the file. May be called twice."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _frame_at(self, offset: int, kind: int) -> Frame | None:
        data = os.pread(self._descriptor, _LIKELY, offset)
        size = size_of(data, self.marker) if len(data) >= HEADER_SIZE else 0
        if size > len(data):
            data += os.pread(self._descriptor, size - len(data), offset + len(data))
        if not size or len(data) < size:
            return None
        frame = next(FrameReader(self.marker, offset).feed(data[:size]), None)
        return frame if isinstance(frame, Frame) and frame.kind == kind and frame.whole else None


def last_sequence(directory: Path, stream: str, suffix: str) -> int:
    """The sequence of the last record that is stored in the segments of a stream, 0 if there is none. Reads the newest
    segment. An error of the disk is no record."""
    last = 0
    try:
        for path in segments_of(directory, stream, suffix)[-1:]:
            segment = Segment(path)
            try:
                last = max((found.sequence for found in segment.frames() if isinstance(found, Frame)), default=0)
            finally:
                segment.close()
    except OSError:
        return 0
    return last
