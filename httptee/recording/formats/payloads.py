"""The payloads of a GoReplay file, in the order of the file.

A payload is a line `type id nanoseconds latency`, then a message as it was on the wire, then a line of three monkeys.
Nothing is escaped: a body may hold that line too. So the end of a payload is where its message says that its body ends,
if the separator is there, and else the next separator before a line that can begin a payload.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from httptee.recording.formats.message import (
    CHUNK_LINE,
    CHUNKED,
    LONGEST_HEAD,
    framed_size,
    head_of,
    trailers_end,
)

SEPARATOR = "\n\U0001f435\U0001f648\U0001f649\n".encode()
REQUEST, ANSWER, REPLAYED = 1, 2, 3
"""The types of a payload. The third is the answer to a replay."""

# A stamp has at most 19 digits, as a number of 64 bits. Old files have no latency in the lines of requests.
_LINE = re.compile(rb"([123]) ([0-9A-Za-z_-]{1,128}) ([0-9]{1,19})(?: (-?[0-9]{1,19}))?\n")
_LONGEST_LINE = 256
_PIECE = 1 << 18
_MOST = 1 << 26
"""Bytes of one payload. GoReplay itself cuts messages off at 5 MB by default."""


class Readable(Protocol):
    """A file that is read from its start to its end."""

    def read(self, size: int) -> bytes:
        """The next bytes: at most `size`, none at the end."""


@dataclass(frozen=True, slots=True)
class Payload:
    """One payload. `stamp` is in nanoseconds since the epoch, `latency` in nanoseconds or None. `index` counts from 0.

    `ending` is the number of bytes of the separator that the file has behind it: the last one may be missing.
    """

    type: int
    id: str
    stamp: int
    latency: int | None
    data: bytes
    index: int = 0
    ending: int = len(SEPARATOR)

    def line(self) -> bytes:
        """The line before the message."""
        latency = "" if self.latency is None else f" {self.latency}"
        return f"{self.type} {self.id} {self.stamp}{latency}\n".encode()


class PayloadReader:
    """Reads the payloads of a file in memory that does not grow with it. `skipped` is the number of bytes that belong
    to none. `first` is the index of the first one. Raises OSError, zlib.error and EOFError as the file does."""

    def __init__(self, file: Readable, first: int = 0) -> None:
        self._window = _Window(file)
        self._first = first
        self._heads: dict[str, None] = {}  # the ids of requests with HEAD: their answers have no body
        self.skipped = 0

    def __iter__(self) -> Iterator[Payload]:
        window, index = self._window, self._first
        while window.has(1):
            line = self._line()
            if line is None:
                self._skip()
                continue
            payload = self._payload(line, index)
            index += 1
            yield payload

    def _line(self) -> re.Match[bytes] | None:
        self._window.has(_LONGEST_LINE)
        return _LINE.match(bytes(self._window.data[:_LONGEST_LINE]))

    def _payload(self, line: re.Match[bytes], index: int) -> Payload:
        start = line.end()
        window = self._window
        end, ending = self._boundary(start)
        framed = self._framed(line, start, end)
        if framed is not None and framed != end:
            cut = self._separated(framed)
            if cut is not None:
                end, ending = framed, cut
        data = window.take(end + ending)[start:end]
        found = Payload(int(line[1]), line[2].decode(), int(line[3]), _number(line[4]), data, index, ending)
        if found.type == REQUEST and data.startswith(b"HEAD "):
            self._heads[found.id] = None
            if len(self._heads) > 10_000:
                del self._heads[next(iter(self._heads))]
        return found

    def _boundary(self, start: int) -> tuple[int, int]:
        """The next separator from `start` that ends a payload, and its length; at the end of the file, 0."""
        at = start
        while (found := self._window.find(SEPARATOR, at)) >= 0:
            if self._begins(found + len(SEPARATOR)):
                return found, len(SEPARATOR)
            at = found + 1
        return len(self._window.data), 0

    def _begins(self, at: int) -> bool:
        """Whether a payload can begin there, or the file ends there."""
        self._window.has(at + _LONGEST_LINE)
        rest = bytes(self._window.data[at : at + _LONGEST_LINE])
        return not rest.strip() or _LINE.match(rest) is not None

    def _framed(self, line: re.Match[bytes], start: int, end: int) -> int | None:
        """Where the message says that its body ends. None if it does not say."""
        data = self._window.data
        body = head_of(data, start, end)
        if body < 0:
            return None
        head = bytes(data[start:body])
        answered = int(line[1]) != REQUEST
        size = framed_size(head, bodiless=answered and line[2].decode() in self._heads)
        if size is CHUNKED:
            return self._chunks_end(body)
        return None if size is None or size > _MOST else body + size

    def _chunks_end(self, at: int) -> int | None:
        """Where the chunks end that begin at `at`, or None if they break the grammar."""
        window = self._window
        while at < _MOST and window.has(at + 1):
            window.has(at + _LONGEST_LINE)
            line = CHUNK_LINE.match(window.data, at, at + _LONGEST_LINE)
            if line is None:
                return None
            size = int(line[1], 16)
            at = line.end()
            if not size:
                window.has(at + LONGEST_HEAD) if window.data[at : at + 2] != b"\r\n" else None
                end = trailers_end(window.data, at)
                return None if end < 0 else end
            at += size
            if size > _MOST or not window.has(at + 2):
                return None
            at += 2 if window.data[at : at + 1] == b"\r" else 1
        return None

    def _separated(self, end: int) -> int | None:
        """The length of the separator at `end`, if the file has one there or ends there; else None."""
        if not self._window.has(end):
            return None
        self._window.has(end + len(SEPARATOR))
        rest = bytes(self._window.data[end : end + len(SEPARATOR)])
        if rest == SEPARATOR:
            return len(SEPARATOR)
        return len(rest) if SEPARATOR.startswith(rest) else None  # at the end of the file

    def _skip(self) -> None:
        """Skip to the next payload, and hold nothing of what is skipped."""
        window, skipped = self._window, b""
        while window.has(1):
            found = window.data.find(SEPARATOR)
            skipped = window.take(found + len(SEPARATOR) if found >= 0 else max(1, len(window.data) - len(SEPARATOR)))
            self.skipped += len(skipped) if skipped.strip() else 0
            if found >= 0 and self._begins(0):
                return
            window.has(_PIECE)


class _Window:
    """The part of a file that is looked at."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._ended = False
        self.data = bytearray()

    def more(self) -> bool:
        """Read on. False at the end of the file. Raises ValueError if the window is too large."""
        if len(self.data) > _MOST:
            raise ValueError(f"no payload ends within {_MOST >> 20} MiB")
        piece = b"" if self._ended else self._file.read(_PIECE)
        self._ended = not piece
        self.data += piece
        return not self._ended

    def has(self, size: int) -> bool:
        """Whether there are so many bytes."""
        while len(self.data) < size and self.more():
            pass
        return len(self.data) >= size

    def find(self, what: bytes, start: int) -> int:
        """Where `what` stands, or -1."""
        at = start
        while (found := self.data.find(what, at)) < 0:
            at = max(start, len(self.data) - len(what) + 1)
            if not self.more():
                return -1
        return found

    def take(self, size: int) -> bytes:
        """The next bytes, which leave the window."""
        taken = bytes(self.data[:size])
        del self.data[:size]
        return taken


def first_stamp(start: bytes) -> int | None:
    """The stamp of the payload that a file begins with, by its first bytes. None if it begins with none."""
    line = _LINE.match(start)
    return None if line is None else int(line[3])


def _number(text: bytes | None) -> int | None:
    return None if text is None else int(text)
