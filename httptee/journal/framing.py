"""Records as bytes that can be read again after damage. Pure: no file, no clock.

A frame is a header of 40 bytes and a payload:

    marker 8 | crc32 of the header without this 4 | kind 4 | length 4 | crc32 of the payload 4 | sequence 8 | stamp 8

All numbers are little-endian. The marker is four fixed bytes and four random ones, the same in a whole file. So a
payload that contains the bytes of another file's frames is never taken for frames of this one. A reader that finds
damage goes on at the next marker whose header has the right checksum. If only a payload is damaged, the header still
says how long it is, and which record it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

from httptee.quick import MARKED, MAX_PAYLOAD, REST, frames

MARKER_SIZE = 8
_MAGIC = b"\xf5HTJ"
HEADER_SIZE = MARKED.size + REST.size
HEAD, RECORD, NOTE, INDEX, BLOCK = 1, 2, 3, 4, 5
"""The kinds: the first frame of a file, a record, what the writer says about its records, the last frame of a file, and
many records, of which it has the last sequence and the latest stamp."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame that was read. `offset` is where it begins. `whole` is False if its payload is damaged; it is then
    empty. `stamp` is in nanoseconds since the epoch, as the writer gave it."""

    kind: int
    sequence: int
    stamp: int
    payload: bytes
    offset: int
    end: int
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes from `offset` up to `end` in which no frame was found."""

    offset: int
    end: int


def marker_of(salt: bytes) -> bytes:
    """The marker of a file. `salt` is four random bytes."""
    return _MAGIC + salt


def pack(marker: bytes, kind: int, sequence: int, records: Sequence[tuple[int, bytes]]) -> bytes:
    """The frames of records with consecutive sequences from `sequence` on, each a stamp and a payload. Raises
    ValueError if a payload is too long."""
    return frames(marker, kind, sequence, records)


def size_of(data: bytes, marker: bytes) -> int:
    """The bytes of the frame that begins with these at least 40, or 0 if no frame does."""
    found, header_crc = MARKED.unpack_from(data)
    length = int(REST.unpack_from(data, MARKED.size)[1])
    right = (
        found == marker
        and crc32(data[MARKED.size : HEADER_SIZE], crc32(marker)) == header_crc
        and length <= MAX_PAYLOAD
    )
    return HEADER_SIZE + length if right else 0


class FrameReader:
    """Finds the frames in the bytes of a file, given piece by piece. Holds no more than one frame and one piece.

    Without a `marker`, the first frame that is whole decides. `offset` is the place of the first byte in the file.
    """

    def __init__(self, marker: bytes = b"", offset: int = 0) -> None:
        self.marker = marker
        self._buffer = bytearray()
        self._base = offset  # the place of the buffer's first byte in the file
        self._at = 0  # in the buffer: everything before is done
        self._bad_from: int | None = None

    def feed(self, data: bytes) -> Iterator[Frame | Damage]:
        """Take the next bytes, and give what is complete."""
        self._drop_done()
        self._buffer += data
        yield from self._advance(ended=False)

    def end(self) -> Iterator[Frame | Damage]:
        """The file has ended: give the rest."""
        yield from self._advance(ended=True)
        self._bad()
        self._at = len(self._buffer)
        yield from self._damage()

    def _drop_done(self) -> None:
        del self._buffer[: self._at]
        self._base += self._at
        self._at = 0

    def _advance(self, *, ended: bool) -> Iterator[Frame | Damage]:
        buffer = self._buffer
        while len(buffer) - self._at >= HEADER_SIZE:
            frame = self._frame(ended)
            if isinstance(frame, Frame):
                yield from self._damage()
                self._at = frame.end - self._base
                yield frame
            elif frame:  # the payload has not arrived
                return
            else:
                self._bad()
                self._next_marker()

    def _frame(self, ended: bool) -> Frame | bool:
        """The frame at this place; True if more bytes are needed to tell, False if there is none."""
        buffer, at = self._buffer, self._at
        marker, header_crc = MARKED.unpack_from(buffer, at)
        if not marker.startswith(_MAGIC) or (self.marker and marker != self.marker):
            return False
        start = at + HEADER_SIZE
        if crc32(buffer[at + MARKED.size : start], crc32(marker)) != header_crc:
            return False
        kind, length, payload_crc, sequence, stamp = REST.unpack_from(buffer, at + MARKED.size)
        if length > MAX_PAYLOAD:
            return False
        end = start + length
        if len(buffer) < end:
            return not ended
        payload = bytes(memoryview(buffer)[start:end])
        whole = crc32(payload) == payload_crc
        self.marker = self.marker or marker
        offset = self._base + at
        return Frame(kind, sequence, stamp, payload if whole else b"", offset, self._base + end, whole)

    def _next_marker(self) -> None:
        """Go to the next place at which a frame may begin."""
        buffer, sought = self._buffer, self.marker or _MAGIC
        found = buffer.find(sought, self._at + 1)
        # Behind the last one, the first bytes of a marker may stand at the end of the buffer.
        self._at = found if found >= 0 else max(self._at + 1, len(buffer) - len(sought) + 1)

    def _bad(self) -> None:
        if self._bad_from is None:
            self._bad_from = self._base + self._at

    def _damage(self) -> Iterator[Damage]:
        start, self._bad_from = self._bad_from, None
        if start is not None and start < self._base + self._at:
            yield Damage(start, self._base + self._at)
