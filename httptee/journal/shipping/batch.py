"""The next messages of one segment, and what is missing between them. The same bytes always give the same batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from httptee.journal import BLOCK, HEAD, NOTE, RECORD, Damage, Frame, Segment
from httptee.journal.shipping import parcel
from httptee.journal.shipping.parcel import Missing
from httptee.journal.shipping.state import Place

_BYTES = 1 << 20
_MESSAGES = 1000

Piece = tuple[int, bytes, bytes]
"""A stamp in nanoseconds since the epoch, the letter of the parcel, and its content."""


@dataclass(slots=True)
class Batch:
    """What is put into the engine at once: at most 1,000 pieces and 1 MiB, or one longer record. `after` is the place
    behind it, `missing` what it says is missing. `ended`: nothing of the segment is left."""

    stream: str
    after: Place
    pieces: list[Piece] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    records: int = 0
    ended: bool = False
    abandoned: bool = False

    def miss(self, missing: Missing) -> None:
        """Say that records are missing."""
        self.missing.append(missing)
        self.pieces.append((missing.last, parcel.MISSING, missing.packed()))


def offset_in(segment: Segment, place: Place) -> int:
    """Where in a segment its stream goes on. A segment that became shorter is read again: its records have numbers."""
    known = place.marker == segment.marker.hex() and place.offset <= segment.size
    return place.offset if known else 0


def batch_of(
    stream: str, segment: Segment, place: Place, *, finished: bool, abandoned: bool = False, upto: int = 0
) -> Batch:
    """The batch that follows a place, up to an offset if `upto` says one.

    `finished`: nobody writes the segment. `abandoned`: no other one follows, and its writer has not closed it. Raises
    OSError.
    """
    start = offset_in(segment, place)
    batch = Batch(stream, replace(place, marker=segment.marker.hex(), offset=start), abandoned=abandoned)
    size, end, damaged = 0, start, place.damaged
    for found in _frames(segment, start):
        if found.end > (upto or segment.size):
            return batch
        if isinstance(found, Damage):
            damaged = True  # at the end of a segment that is being written, the rest is still to come
            continue
        if found.end != end and (size >= _BYTES or len(batch.pieces) >= _MESSAGES) and not upto:
            return batch
        before = len(batch.pieces)
        batch.after = replace(batch.after, damaged=damaged)
        _take(batch, found)
        end, damaged = found.end, False
        batch.after = replace(batch.after, offset=end, damaged=False)
        size += sum(len(content) for _, _, content in batch.pieces[before:])
    if finished and (not upto or upto >= segment.size):
        batch.ended = True
        batch.after = replace(batch.after, offset=segment.size, damaged=damaged)
        if abandoned:
            batch.miss(Missing(None, batch.after.stamp, batch.after.stamp, parcel.LOST))
    return batch


def _frames(segment: Segment, start: int) -> Iterator[Frame | Damage]:
    return segment.scan(start) if start < segment.size else iter(())


def _take(batch: Batch, found: Frame) -> None:
    """Add what a frame holds, and what is missing before it."""
    place = batch.after
    if found.kind == RECORD:
        if place.sequence >= 0 and found.sequence <= place.sequence:
            return  # it was shipped from a segment that was read before
        _fill(batch, found.sequence - 1, found.stamp, parcel.DAMAGED)
        batch.after = replace(batch.after, sequence=found.sequence, stamp=found.stamp)
        if found.whole:
            batch.pieces.append((found.stamp, parcel.RECORD, found.payload))
            batch.records += 1
        else:
            batch.miss(Missing(1, found.stamp, found.stamp, parcel.DAMAGED))
    elif found.kind == NOTE:
        if found.whole:
            batch.pieces.append((found.stamp, parcel.NOTE, found.payload))
    else:  # the head, the index or a damaged block: it has the sequence of the last record
        head = found.kind == HEAD
        removed = head and not place.damaged
        stamp = max(found.stamp, place.stamp) if found.kind in (HEAD, BLOCK) else place.stamp
        _fill(batch, found.sequence, stamp, parcel.REMOVED if removed else parcel.DAMAGED)
        batch.after = replace(batch.after, sequence=max(batch.after.sequence, found.sequence), stamp=stamp)
        if head and found.payload:
            batch.pieces.append((found.stamp, parcel.HEAD, found.payload))


def _fill(batch: Batch, sequence: int, until: int, reason: str) -> None:
    """Say what is missing before a place at which the last record had this sequence."""
    place = batch.after
    if 0 <= place.sequence < sequence:
        since = place.stamp or until
        batch.miss(Missing(sequence - place.sequence, min(since, until), max(since, until), reason))
