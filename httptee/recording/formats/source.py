"""Exchanges read from a recording, or from a file of another program. Which one it is, its first bytes say."""

from __future__ import annotations

import gzip
import os
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from httptee.recording import Exchange, Recording, read_recording
from httptee.recording.formats.gor import GorReader
from httptee.recording.formats.har import HarReader
from httptee.recording.formats.payloads import begins_payload

_GZIP = b"\x1f\x8b"
_FIRST = 512  # bytes that are looked at
_PIECE = 1 << 18


class Source:
    """Exchanges to read, as often as wanted, in bounded memory.

    `format` is `recording`, `gor` or `har`. `losses` counts what could not be taken, once all was read. Recordings of
    several processes or tees may be read as one. Raises OSError if it cannot be read, and ValueError if it is none of
    these.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.losses: Counter[str] = Counter()
        self.recording: Recording | None = None
        self._paths = paths
        self.format = "recording" if len(paths) > 1 or os.path.isdir(paths[0]) else _format_of(paths[0])
        if self.format == "recording":
            self.recording = read_recording(paths)

    def __iter__(self) -> Iterator[Exchange]:
        if self.recording is not None:
            yield from self.recording
            return
        self.losses.clear()
        with open(self._paths[0], "rb") as raw:
            file = _Unzipped(raw)
            reader = GorReader(file) if self.format == "gor" else HarReader(file)
            yield from reader
            self.losses.update(reader.losses)
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


def _format_of(path: str) -> str:
    """The format of a file by its first bytes. Raises OSError."""
    with open(path, "rb") as raw:
        start = _Unzipped(raw).read(_FIRST)
    if begins_payload(start):
        return "gor"
    return "har" if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else "recording"
