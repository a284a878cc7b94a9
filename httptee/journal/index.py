"""The index of a segment: when each record was stamped, and where it stands. It is the last frame of a closed segment.

A segment without one, or with a damaged one, is scanned. Pure: bytes in, bytes out.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from itertools import accumulate, islice
from struct import Struct

from httptee.journal.framing import HEADER_SIZE

_HEAD = Struct("<QQ")  # the number of records, and the sequence of the first one
_PLACE = Struct("<Q")  # of the frame itself: the last bytes of the file
PLACE_SIZE = _PLACE.size
_OFFSET_BITS = 40  # of a place; above them is the number of the record in its block from 1, or 0 if it is in none


class Index:
    """The stamps in nanoseconds and the places of the records of one segment, in their order in the file. A place is an
    offset in bytes, or `within` a block.

    `first_sequence` is the sequence of the first record, 0 if there is none.
    """

    def __init__(self) -> None:
        self.stamps = array("q")
        self.offsets = array("Q")
        self.first_sequence = 0

    def __len__(self) -> int:
        return len(self.stamps)

    @property
    def first(self) -> int:
        """The earliest stamp, or 0."""
        return min(self.stamps, default=0)

    @property
    def last(self) -> int:
        """The latest stamp, or 0."""
        return max(self.stamps, default=0)

    def add(self, sequence: int, stamp: int, offset: int) -> None:
        """Add the next record."""
        if not self.stamps:
            self.first_sequence = sequence
        self.stamps.append(stamp)
        self.offsets.append(offset)

    def extend(self, sequence: int, records: Sequence[tuple[int, bytes]], offset: int) -> None:
        """Add records that were written one behind the other from an offset on. `sequence` is that of the first."""
        if not self.stamps:
            self.first_sequence = sequence
        self.stamps.extend([stamp for stamp, _ in records])
        sizes = [HEADER_SIZE + len(payload) for _, payload in records]
        self.offsets.extend(islice(accumulate(sizes, initial=offset), len(sizes)))

    def extend_block(self, sequence: int, stamps: Sequence[int], offset: int) -> None:
        """Add the records of a block at an offset. `sequence` is that of the first."""
        if not self.stamps:
            self.first_sequence = sequence
        self.stamps.extend(stamps)
        self.offsets.extend([within(offset, number) for number in range(len(stamps))])

    def in_order(self) -> list[int]:
        """The numbers of the records, from 0, by their stamps."""
        return sorted(range(len(self.stamps)), key=self.stamps.__getitem__)

    def packed(self, offset: int) -> bytes:
        """The payload of the frame at `offset`."""
        head = _HEAD.pack(len(self.stamps), self.first_sequence)
        return b"".join((head, _little(self.stamps), _little(self.offsets), _PLACE.pack(offset)))

    @classmethod
    def unpacked(cls, payload: bytes) -> Index:
        """The index in the payload of a frame. Raises ValueError."""
        index = cls()
        if len(payload) < _HEAD.size + PLACE_SIZE:
            raise ValueError("the index is too short")
        count, index.first_sequence = _HEAD.unpack_from(payload)
        size = 8 * count
        if len(payload) != _HEAD.size + 2 * size + PLACE_SIZE:
            raise ValueError("the index does not have the length that it says")
        middle = _HEAD.size + size
        index.stamps.frombytes(payload[_HEAD.size : middle])
        index.offsets.frombytes(payload[middle : middle + size])
        if sys.byteorder == "big":
            index.stamps.byteswap()
            index.offsets.byteswap()
        return index


def within(offset: int, number: int) -> int:
    """The place of a record, numbered from 0, in the block at an offset."""
    return (number + 1) << _OFFSET_BITS | offset


def parted(place: int) -> tuple[int, int]:
    """The offset of a place, and the number of the record in the block there from 0; -1 if it is in none."""
    return place & ((1 << _OFFSET_BITS) - 1), (place >> _OFFSET_BITS) - 1


def place_in(end: bytes) -> int:
    """Where the index of a file with this end begins, if it has one."""
    place: int = _PLACE.unpack(end[-PLACE_SIZE:])[0] if len(end) >= PLACE_SIZE else 0
    return place


def _little(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return numbers.tobytes()
