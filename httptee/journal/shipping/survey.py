"""What waits in a directory, and what was removed from it before it was shipped: by the sequences in each segment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from httptee.journal import RECORD, Frame, Segment, number_of, stored
from httptee.journal.shipping.parcel import REMOVED, Missing
from httptee.journal.shipping.state import Place


@dataclass(slots=True)
class Known:
    """What is known of a segment: the sequence before its first record, -1 if it has none, and the sequence and the
    stamp of its last one. `read` is the offset up to which it was looked at; `whole`: nothing comes behind that."""

    before: int = -1
    last: int = -1
    stamp: int = 0
    read: int = 0
    whole: bool = False


class Survey:
    """`<Survey of 2 streams>`: the segments of a directory, by the names of their streams."""

    def __init__(self, directory: Path, suffix: str) -> None:
        self._directory = directory
        self._suffix = suffix
        self.streams: dict[str, list[Path]] = {}
        """The segments of each stream in their order. The stream that was not written for the longest time is first."""
        self.size = 0
        """The bytes of all segments."""
        self._known: dict[str, dict[str, Known]] = defaultdict(dict)  # by their streams and their markers
        self._there: set[str] = set()  # markers

    def __repr__(self) -> str:
        return f"<Survey of {len(self.streams)} streams>"

    def read(self) -> None:
        """List the directory. Raises OSError."""
        streams: dict[str, list[Path]] = defaultdict(list)
        self.size = 0
        with suppress(FileNotFoundError):  # it is made with the first record
            for one in stored(self._directory, self._suffix):
                if number := number_of(one.path):
                    streams[one.path.name[: -len(f".{number:06d}{self._suffix}")]].append(one.path)
                    self.size += one.size
        self.streams = {name: sorted(paths, key=number_of) for name, paths in streams.items()}

    def look(self) -> None:
        """Learn what the listed segments hold. Their bytes are looked at once. An error of the disk is nothing
        learned."""
        self._there = set()
        for stream, paths in self.streams.items():
            for path in paths:
                with suppress(OSError):
                    segment = Segment(path)
                    try:
                        self._learn(self._known[stream], segment)
                    finally:
                        segment.close()

    def _learn(self, known: dict[str, Known], segment: Segment) -> None:
        marker = segment.marker.hex()
        self._there.add(marker)
        one = known.setdefault(marker, Known())
        if one.whole:
            return
        if one.read > segment.size:
            one = known[marker] = Known()
        finished = not segment.being_written()
        segment.look_again()
        if segment.closed and len(segment.index):
            index = segment.index
            one.before = index.first_sequence - 1
            one.last, one.stamp = one.before + len(index), max(one.stamp, index.last)
        else:
            _scan(one, segment)
        one.whole = finished

    def outlook(self, places: Mapping[str, Place], held: set[str]) -> tuple[int, list[Missing]]:
        """How many records wait behind these places, and what was removed before it was shipped. The segments
        with the markers `held` are open, so they are not removed."""
        waiting, removed = 0, []
        for stream, known in self._known.items():
            place = places.get(stream, Place())
            at, stamp = place.sequence, place.stamp
            for marker, one in sorted(known.items(), key=lambda item: (item[1].before, item[1].last)):
                there = marker in self._there or marker in held
                if not there and one.last <= place.sequence:
                    del known[marker]
                elif one.before >= 0:
                    at = one.before if at < 0 else at
                    reached = one.before if there else one.last
                    if reached > at:
                        since = min(stamp or one.stamp, one.stamp)
                        removed.append(Missing(reached - at, since, one.stamp, REMOVED))
                    waiting += max(0, one.last - max(at, reached))
                    at, stamp = max(at, one.last), max(stamp, one.stamp)
        return waiting, removed

    def begun(self) -> Iterator[tuple[str, int]]:
        """Each stream that was looked at, and the sequence before its first record that is there."""
        for stream, known in self._known.items():
            first = min((one.before for one in known.values() if one.before >= 0), default=-1)
            if first >= 0:
                yield stream, first

    def vanished(self, places: Mapping[str, Place], held: set[str]) -> Iterator[tuple[str, Place]]:
        """The streams without a segment whose last records were removed, and the place behind these."""
        for stream, known in self._known.items():
            if stream not in self.streams and known and not held & known.keys():
                end = max(known.values(), key=lambda one: one.last)
                place = places.get(stream, Place())
                if end.last > max(0, place.sequence):
                    yield stream, Place("", 0, end.last, max(end.stamp, place.stamp))


def _scan(one: Known, segment: Segment) -> None:
    """Learn from the frames that were not looked at. Raises OSError."""
    for found in segment.frames(one.read):
        if isinstance(found, Frame):
            if one.before < 0:
                one.before = found.sequence - int(found.kind == RECORD)
            one.last, one.stamp = max(one.last, found.sequence), max(one.stamp, found.stamp)
            one.read = found.end
