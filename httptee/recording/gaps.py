"""What is missing in a recording: what its writers say that they lost, and what is damaged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from httptee.journal import BLOCK, NOTE, RECORD, Damage, Frame, Segment, number_of
from httptee.recording.files import Loss

DAMAGED = "damaged"
LOST = "lost"


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """A time in which exchanges are missing, in nanoseconds since the epoch, both ends included.

    `lost` is their number, or None if it is not known. `reason` is `damaged`, or one of the ledger's reasons; `lost`
    stands for what a process held that was killed.
    """

    first: int
    last: int
    lost: int | None
    reason: str


def gaps_of(files: Iterable[Path]) -> tuple[Gap, ...]:
    """The gaps of a recording, in order. Reads every byte. Raises OSError."""
    streams: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        number = number_of(path)
        streams[str(path) if not number else str(path)[: -len(f"{number:06d}{path.suffix}")]].append(path)
    found = [gap for paths in streams.values() for gap in _Stream().gaps(sorted(paths, key=number_of))]
    return tuple(sorted(found, key=lambda gap: (gap.first, gap.last, gap.reason)))


class _Stream:
    """The files of one writer, read in their order."""

    def __init__(self) -> None:
        self._sequence: int | None = None  # of the last record before this place, if it is known
        self._stamp = 0
        self._damaged = False  # since the last record

    def gaps(self, paths: list[Path]) -> Iterator[Gap]:
        """All gaps of this stream."""
        ended = True
        if number_of(paths[0]) == 1:
            self._sequence = 0  # else, older files were removed to keep the limits: they are not missing
        for path in paths:
            segment = Segment(path)
            try:
                for found in segment.scan():
                    yield from self._next(found)
                # Where a later file follows, its writer has said what was lost.
                ended = segment.closed or segment.being_written()
            finally:
                segment.close()
        if not ended or self._damaged:
            yield Gap(self._stamp, self._stamp, None, DAMAGED if ended else LOST)

    def _next(self, found: Frame | Damage) -> Iterator[Gap]:
        if isinstance(found, Damage):
            self._damaged = True
        elif found.kind == NOTE:
            if (loss := Loss.unpacked(found.payload)) is not None:
                yield Gap(loss.since, loss.until, loss.lost, loss.reason)
        elif found.kind == RECORD:
            yield from self._missing(found.sequence - 1, found.stamp)
            self._sequence, self._stamp = found.sequence, found.stamp
            if not found.whole:
                yield Gap(found.stamp, found.stamp, 1, DAMAGED)
        elif found.kind == BLOCK:  # it is damaged, and has the sequence and the stamp of its last record
            if self._sequence is None:
                yield Gap(found.stamp, found.stamp, None, DAMAGED)
            yield from self._missing(found.sequence, max(found.stamp, self._stamp))
            self._stamp = max(found.stamp, self._stamp)
        else:  # the head or the index: it has the sequence of the last record before it
            yield from self._missing(found.sequence, max(found.stamp, self._stamp))

    def _missing(self, sequence: int, until: int) -> Iterator[Gap]:
        """The gap before a place at which the last record had this sequence."""
        if self._sequence is not None and sequence > self._sequence:
            since = self._stamp or until
            yield Gap(min(since, until), max(since, until), sequence - self._sequence, DAMAGED)
        self._sequence = sequence
        self._damaged = False
