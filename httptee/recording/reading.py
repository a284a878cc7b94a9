"""Reads a recording: its exchanges in the order of their arrival, and what is missing in it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heappush, heapreplace
from itertools import chain
from pathlib import Path
from weakref import WeakSet

from httptee.journal import Segment, stored
from httptee.recording.exchange import Exchange, decode
from httptee.recording.files import SUFFIX, Head
from httptee.recording.gaps import Gap, gaps_of


@dataclass(frozen=True, slots=True)
class _Part:
    """One file: its records, and the first and the last arrival."""

    path: Path
    head: Head | None
    count: int
    first: int
    last: int
    size: int


class Recording:
    """A recording. Iterate over it for its exchanges, as often as needed.

    `primary` is A's address, or empty if it is not known; of several As, their addresses with spaces between. `count`
    is the number of exchanges by the index of each file, so one that is damaged counts too. `first` and `last` are the
    earliest and the latest arrival, in nanoseconds since the epoch; 0 if there is none. `size` is in bytes. `masked`:
    no file holds secrets as they were.
    """

    def __init__(self, parts: Sequence[_Part]) -> None:
        self._parts = [part for part in parts if part.count]
        heads = [part.head for part in parts if part.head is not None]
        self._running: WeakSet[Generator[Exchange, None, None]] = WeakSet()
        self.files = tuple(part.path for part in parts)
        self.size = sum(part.size for part in parts)
        self.primary = " ".join(dict.fromkeys(chain.from_iterable(head.primary.split() for head in heads)))
        self.masked = all(head.masked for head in heads)
        self.count = sum(part.count for part in self._parts)
        self.first = min((part.first for part in self._parts), default=0)
        self.last = max((part.last for part in self._parts), default=0)

    def __repr__(self) -> str:
        return f"<Recording [{self.count} exchanges, {len(self.files)} files, {self.size} bytes]>"

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up what is being read. May be called twice."""
        for reading in list(self._running):
            reading.close()

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """What is missing, in order. The first use reads every byte and looks at every checksum. Raises OSError."""
        return gaps_of(self.files)

    def __iter__(self) -> Iterator[Exchange]:
        """The exchanges in the order of their arrival. What is damaged is left out.

        Of each exchange that is still to come in an open file, only its place is held in memory. Raises OSError, and
        MalformedExchange for an exchange of a format that is not known.
        """
        return self.between()

    def between(
        self, first: int = 0, last: int | None = None, on_damaged: Callable[[int], object] = lambda arrived: None
    ) -> Iterator[Exchange]:
        """The exchanges that arrived from `first` up to `last`, in nanoseconds since the epoch.

        `on_damaged` is called with the arrival of each one that is damaged and left out.
        """
        reading = self._between(first, self.last if last is None else last, on_damaged)
        self._running.add(reading)
        return reading

    def _between(self, first: int, last: int, on_damaged: Callable[[int], object]) -> Generator[Exchange, None, None]:
        wanted = [part for part in self._parts if part.last >= first and part.first <= last]
        waiting = [(max(part.first, first), number, part) for number, part in enumerate(wanted)]
        heapify(waiting)
        running: list[tuple[int, int, _Cursor]] = []
        try:
            while waiting or running:
                # A file is opened when its first exchange is due.
                while waiting and (not running or waiting[0][0] <= running[0][0]):
                    _, number, part = heappop(waiting)
                    cursor = _Cursor(part, first, last)
                    if cursor.ended:
                        cursor.close()
                    else:
                        heappush(running, (cursor.stamp, number, cursor))
                if running:
                    arrived, number, cursor = running[0]
                    if (data := cursor.take()) is not None:
                        yield decode(data)
                    else:
                        on_damaged(arrived)
                    if cursor.ended:
                        cursor.close()
                        heappop(running)
                    else:
                        heapreplace(running, (cursor.stamp, number, cursor))
        finally:
            for _, _, cursor in running:
                cursor.close()


class _Cursor:
    """The place in one file, in the order of arrival."""

    def __init__(self, part: _Part, first: int, last: int) -> None:
        self._segment = Segment(part.path)
        index = self._segment.index
        self._stamps, self._offsets = index.stamps, index.offsets
        order = index.in_order()
        self._order = [number for number in order if first <= self._stamps[number] <= last]
        self._at = 0

    @property
    def ended(self) -> bool:
        return self._at >= len(self._order)

    @property
    def stamp(self) -> int:
        """The arrival of the next exchange."""
        return self._stamps[self._order[self._at]]

    def take(self) -> bytes | None:
        """The next exchange, or None if it is damaged."""
        frame = self._segment.record_at(self._offsets[self._order[self._at]])
        self._at += 1
        return None if frame is None else frame.payload

    def close(self) -> None:
        self._segment.close()


def read_recording(paths: Iterable[str | Path]) -> Recording:
    """Open a recording: files and directories of files, of one tee or of several.

    Raises OSError if one cannot be read, and ValueError if one is no recording.
    """
    files: list[Path] = []
    named: set[Path] = set()
    for path in map(Path, paths):
        if path.is_dir():
            found = [one.path for one in stored(path, SUFFIX)]
            if not found:
                raise ValueError(f"{path}: there is no recording in it: no name ends with {SUFFIX}")
            files += found
        else:
            files.append(path)
            named.add(path)
    parts = [_part(file) for file in dict.fromkeys(files)]
    for part in parts:
        # Beside others in a directory, such a file is one whose start is damaged.
        if part.head is None and part.size and not part.count and (part.path in named or len(parts) == 1):
            raise ValueError(f"{part.path}: this is no recording")
    return Recording(parts)


def _part(path: Path) -> _Part:
    segment = Segment(path)
    try:
        index = segment.index
        return _Part(path, Head.unpacked(segment.head), len(index), index.first, index.last, segment.size)
    finally:
        segment.close()
