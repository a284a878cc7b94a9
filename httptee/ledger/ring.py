"""Memory through which one process hands batches to another: with a bound, without a wait, and without a system call.

A batch is published by one store of one word, behind its bytes. So a process that is killed while it puts one in leaves
nothing of it, and what was published survives it.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct

from httptee.ledger.shared import shared_words

_FRAME = Struct("<QII")  # the bytes, the number of things in them, and their kind; no bytes: go on at the beginning
# The word `_STATE` counts the batches. Its last bit says which of two pairs is valid: a place, and a number of things.
_STATE, _PAIRS = 0, 1
_TAIL, _TAKEN = 5, 6
_PROGRESS = 7  # the place and the number behind the batch that is being taken; zeros if there is none
_FROM = 9  # where filling began anew when the ring was empty: nothing before it holds anything
_WORDS = 10


@dataclass(frozen=True, slots=True)
class Batch:
    """What was put in at once. `end` and `taken` are for `Ring.settle`."""

    kind: int
    count: int
    data: bytes
    end: int
    taken: int


class Ring:
    """`<Ring [3 of 1024 bytes]>`: batches of up to about `size` bytes in all. One process puts in, one takes out.

    Positions and numbers only grow. An empty ring is filled from its beginning, so only as much of the memory is used
    as was ever needed. It must be made before the processes are forked.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._data = mmap.mmap(-1, size)
        self._words = shared_words(_WORDS)

    def __repr__(self) -> str:
        return f"<Ring [{self.held} of {self.size} bytes]>"

    @property
    def held(self) -> int:
        """Bytes that were put in and are not taken out."""
        return max(0, self._published()[0] - max(self._words[_TAIL], self._words[_FROM]))

    @property
    def put_in(self) -> int:
        """How many things were ever put in."""
        return self._published()[1]

    @property
    def taken(self) -> int:
        """How many of them were settled."""
        return int(self._words[_TAKEN])

    def put(self, kind: int, count: int, data: bytes) -> bool:
        """Put in `count` things of a kind, as bytes. False if there is no room. For one thread at a time."""
        words, size = self._words, self.size
        head, number = self._published()
        place, needed = head % size, _FRAME.size + len(data)
        if words[_FROM] > head:  # a process was killed before it had published what is there
            words[_FROM] = 0
        tail = max(words[_TAIL], words[_FROM])
        empty = head == tail
        begins = head - place + size if place and (empty or needed > size - place) else head
        if begins + needed - (begins if empty else tail) > size:
            return False
        if begins != head:
            if not empty and size - place >= _FRAME.size:
                _FRAME.pack_into(self._data, place, 0, 0, 0)
            place = 0
        _FRAME.pack_into(self._data, place, len(data), count, kind)
        self._data[place + _FRAME.size : place + needed] = data
        state = words[_STATE] + 1
        pair = _PAIRS + 2 * (state & 1)
        if empty:
            words[_FROM] = begins
        words[pair] = begins + needed
        words[pair + 1] = number + count
        words[_STATE] = state
        return True

    def batches(self, most: int) -> Sequence[Batch]:
        """The oldest batches, of `most` bytes or one more. They stay until they are settled."""
        found: list[Batch] = []
        place, taken = int(self._words[_TAIL]), self.taken
        head = self._published()[0]
        if place < self._words[_FROM] < head:
            place = int(self._words[_FROM])
        while place < head and most > 0:
            at = place % self.size
            length, count, kind = _FRAME.unpack_from(self._data, at) if self.size - at >= _FRAME.size else (0, 0, 0)
            if not length:
                place += self.size - at
                continue
            start = at + _FRAME.size
            place += _FRAME.size + length
            taken += count
            found.append(Batch(kind, count, self._data[start : start + length], place, taken))
            most -= length
        return found

    def begin(self, last: Batch) -> None:
        """Note that everything up to this batch is being taken."""
        self._words[_PROGRESS + 1] = last.taken
        self._words[_PROGRESS] = last.end

    def settle(self) -> None:
        """Free what was noted by `begin`. May be called twice, also by a successor of a process that was killed."""
        words = self._words
        if words[_PROGRESS]:
            words[_TAIL] = words[_PROGRESS]
            words[_TAKEN] = words[_PROGRESS + 1]
            words[_PROGRESS] = 0

    @property
    def in_progress(self) -> int | None:
        """How many things a process has begun to take and has not settled; None if it has not begun."""
        return int(self._words[_PROGRESS + 1]) - self.taken if self._words[_PROGRESS] else None

    def _published(self) -> tuple[int, int]:
        """The place behind the last batch, and how many things were put in."""
        words = self._words
        while True:
            state = words[_STATE]
            pair = _PAIRS + 2 * (state & 1)
            head, number = int(words[pair]), int(words[pair + 1])
            if words[_STATE] == state:  # else the other process has changed the pair meanwhile
                return head, number
