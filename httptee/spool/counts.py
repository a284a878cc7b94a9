"""Counts what leaves the spool of one B: each clone once, also if the drainer is killed at any place.

These change when a clone is settled: the count of its outcome, how many clones of its slot have left the spool, how
long B took, and the mark in the cursor of its stream. What they will be is written into shared memory before. The next
drainer does it again: to set them twice is the same as once.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Sequence

from httptee.ledger import ADOPTED, BOUNDS, ShadowLine, SpoolWords
from httptee.spool.entry import Entry, Whence
from httptee.spool.names import StreamName

_PENDING, _COLUMN, _COUNT, _SLOT, _LEFT, _SEQUENCE, _NAME = 0, 1, 2, 3, 4, 5, 6
_NAME_SIZE = 64
_BUCKET, _IN_BUCKET, _MICROSECONDS = 14, 15, 16


def delivered(status: int) -> int:
    """The column of clones that B answered with a status."""
    return ShadowLine.DELIVERED.get(status, ShadowLine.OTHER_STATUS)


FAILED = ShadowLine.FAILED
DROPPED = ShadowLine.DROPPED


class Counts:
    """The drainer's account with one B. `run` is the name of this start of the tee."""

    def __init__(self, words: SpoolWords, run: str) -> None:
        self.words = words
        self._run = run
        self._name = words.intent[_NAME : _NAME + _NAME_SIZE // 8].cast("B")
        self.adopted: list[StreamName] = []
        """The streams of earlier runs that are counted."""
        self.recovered = 0
        """The clones of earlier runs that are counted."""
        self._named: Whence | None = None  # the one whose name is in the shared memory
        self._slot = 0
        if words.names:
            found = json.loads(words.names)
            self.adopted = [name for text in found["streams"] if (name := StreamName.parse(text))]
            self._count_recovered(found["total"])

    def slot_of(self, name: StreamName) -> int:
        """The slot in which the clones of a stream are counted."""
        return name.slot if name.run == self._run else ADOPTED

    def unfinished(self) -> tuple[StreamName | None, int] | None:
        """Count again what the last drainer was about to count: the stream and the sequence that are to be marked as
        settled. Call `finish` after that."""
        intent = self.words.intent
        if not intent[_PENDING]:
            return None
        self._apply()
        name = bytes(self._name).rstrip(b"\0").decode("latin-1")
        return StreamName.parse(name), intent[_SEQUENCE]

    def finish(self) -> None:
        """What was about to be counted is counted and marked."""
        self.words.intent[_PENDING] = 0

    def settle(self, entry: Entry, column: int, seconds: float | None = None) -> None:
        """Count the outcome of a clone and mark it as settled. `seconds` is what the exchange took, if B answered."""
        stream = entry.stream
        if stream is not self._named:
            self._name[:] = stream.label.encode("latin-1")[:_NAME_SIZE].ljust(_NAME_SIZE, b"\0")
            self._named, self._slot = stream, self.slot_of(stream.name)
        self._count(column, self._slot, 1, entry.sequence, seconds)
        stream.settle(entry.sequence)
        self.finish()

    def lose(self, slot: int, count: int) -> None:
        """Count clones as `lost` that ended processes have put into a slot and that are on no disk."""
        self._name[:] = bytes(_NAME_SIZE)
        self._named = None
        self._count(FAILED["lost"], slot, count, 0)
        self.finish()

    def adopt(self, found: Sequence[tuple[StreamName, int]], missed: int = 0) -> bool:
        """Count the streams of earlier runs, each with the number of its clones, and what these runs had `missed` to
        write. False if there are too many streams."""
        adopted = [*self.adopted, *(name for name, _ in found)]
        total = self.recovered + sum(count for _, count in found) + missed
        stored = json.dumps({"total": total, "streams": [str(name) for name in adopted]}).encode()
        if not self.words.store(stored):
            return False
        self.adopted = adopted
        self._count_recovered(total)
        return True

    def _count_recovered(self, total: int) -> None:
        self.recovered = total
        self.words.line[ShadowLine.SEEN] = total
        self.words.put[ADOPTED] = total

    def _count(self, column: int, slot: int, count: int, sequence: int, seconds: float | None = None) -> None:
        words, intent = self.words, self.words.intent
        line = words.line
        intent[_COLUMN], intent[_COUNT] = column, line[column] + count
        intent[_SLOT], intent[_LEFT] = slot, words.left[slot] + count
        intent[_SEQUENCE] = sequence
        if seconds is None:
            intent[_BUCKET] = 0  # which is the column of something else
        else:
            bucket = ShadowLine.BUCKETS[bisect_left(BOUNDS, seconds)]
            intent[_BUCKET], intent[_IN_BUCKET] = bucket, line[bucket] + 1
            intent[_MICROSECONDS] = line[ShadowLine.MICROSECONDS] + int(seconds * 1e6)
        intent[_PENDING] = 1
        self._apply()

    def _apply(self) -> None:
        """Set what is to be counted."""
        words, intent = self.words, self.words.intent
        words.line[intent[_COLUMN]] = intent[_COUNT]
        words.left[intent[_SLOT]] = intent[_LEFT]
        if bucket := intent[_BUCKET]:
            words.line[bucket] = intent[_IN_BUCKET]
            words.line[ShadowLine.MICROSECONDS] = intent[_MICROSECONDS]
