"""Exchanges read from a recording, or from a file of another program. Which one it is, its first bytes say."""

from __future__ import annotations

import gzip
import os
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from itertools import starmap
from operator import itemgetter
from typing import BinaryIO

from httptee.recording import Exchange, Recording, read_recording
from httptee.recording.formats.gor import GorReader
from httptee.recording.formats.har import HarReader
from httptee.recording.formats.payloads import first_stamp

_GZIP = b"\x1f\x8b"
_FIRST = 512  # bytes that are looked at
_PIECE = 1 << 18
_NAMES = {"recording": "a recording", "gor": "a file of GoReplay", "har": "a HAR file"}


class Source:
    """Exchanges to read, as often as wanted, in bounded memory.

    `format` is `recording`, `gor` or `har`. `losses` counts what could not be taken, once all was read. Several
    recordings are read as one, in the order of arrival, and so are several files of GoReplay and several HAR files:
    the one that begins first comes first. Raises OSError if one cannot be read, and ValueError if it is none of these,
    or if they are not of one form.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.losses: Counter[str] = Counter()
        self.recording: Recording | None = None
        starts = {path: _Start.of(path) for path in paths}
        self.format = starts[paths[0]].format
        for path, start in starts.items():
            if start.format != self.format:
                for one in (path, paths[0]):
                    if starts[one].format == "recording":
                        read_recording([one])  # it may be none at all, and then that is the reason
                raise ValueError(
                    f"{path} is {_NAMES[start.format]} and {paths[0]} is {_NAMES[self.format]}: only those of one form "
                    "are read as one; httptee recording convert makes one of the other"
                )
        self._paths = sorted(starts, key=lambda path: starts[path].stamp)
        if self.format == "recording":
            self.recording = read_recording(self._paths)

    def __iter__(self) -> Iterator[Exchange]:
        self.losses.clear()
        if self.recording is not None:
            return iter(self.recording)
        return self._of_gor() if self.format == "gor" else self._of_har()

    def _of_gor(self) -> Iterator[Exchange]:
        reader = GorReader(more=self._opened())
        yield from reader
        self.losses.update(reader.losses)

    def _of_har(self) -> Iterator[Exchange]:
        readers = [HarReader(file) for file in self._opened()]
        connections: dict[tuple[int, int], int] = {}
        alone = len(readers) == 1

        def renumbered(number: int, reader: HarReader) -> Iterator[tuple[int, Exchange]]:
            """With its arrival; a connection of one file is none of another."""
            for one in reader:
                connection = connections.setdefault((number, one.connection), len(connections) + 1)
                yield one.arrived, one if alone else replace(one, connection=connection)

        for _, exchange in merge(*starmap(renumbered, enumerate(readers)), key=itemgetter(0)):
            yield exchange
        for reader in readers:
            self.losses.update(reader.losses)

    def _opened(self) -> Iterator[_Unzipped]:
        """The files, each open until the next one is asked for."""
        for path in self._paths:
            with open(path, "rb") as raw:
                file = _Unzipped(raw)
                yield file
                if file.broken:
                    self.losses["ends of a file that is compressed: it breaks off"] += 1


class _Unzipped:
    """A file that may be compressed by gzip. `broken`: its compression broke off, or is damaged, where it ends."""

    def __init__(self, raw: BinaryIO) -> None:
        start = raw.read(len(_GZIP))
        raw.seek(0)
        self._file = gzip.GzipFile(fileobj=raw) if start == _GZIP else raw
        self.broken = False

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; fewer only at the end."""
        pieces, left = [], size
        while left and (piece := self._piece(min(left, _PIECE))):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def _piece(self, size: int) -> bytes:
        try:
            return self._file.read1(size) if isinstance(self._file, gzip.GzipFile) else self._file.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            self.broken = True
            return b""


@dataclass(frozen=True, slots=True)
class _Start:
    """What a path is by its first bytes: its form and, of a file of GoReplay, its first stamp."""

    format: str
    stamp: int = 0

    @classmethod
    def of(cls, path: str) -> _Start:
        """Look at a path. Raises OSError."""
        if os.path.isdir(path):
            return cls("recording")
        with open(path, "rb") as raw:
            start = _Unzipped(raw).read(_FIRST)
        if (stamp := first_stamp(start)) is not None:
            return cls("gor", stamp)
        return cls("har" if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else "recording")
