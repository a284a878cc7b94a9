"""A second reader of chunked bodies, after RFC 9112 §7.1 rule by rule: one byte at a time, no regular expression."""

from __future__ import annotations

import string
from dataclasses import dataclass

_TOKEN = frozenset((string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~").encode())
_TEXT = frozenset([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])  # HTAB, SP, VCHAR, obs-text
_DIGITS = frozenset(string.hexdigits.encode())
_MOST_DIGITS = 16  # after leading zeros


class _NotTheGrammarError(Exception):
    pass


class _TooLargeError(Exception):
    pass


class _NoMoreError(Exception):
    """The data ends, and more could follow."""


@dataclass
class Verdict:
    """What the reference makes of some bytes: `whole`, `broken`, `too large` or `unfinished`."""

    kind: str
    content: bytes
    used: int


def read_chunked(data: bytes, most: int) -> Verdict:
    """Read one chunked body at the start of `data`, of at most `most` bytes of content."""
    reader = _Reader(data, most)
    try:
        reader.body()
    except _NotTheGrammarError:
        kind = "broken"
    except _TooLargeError:
        kind = "too large"
    except _NoMoreError:
        kind = "unfinished"
    else:
        kind = "whole"
    return Verdict(kind, bytes(reader.content), reader.at)


class _Reader:
    def __init__(self, data: bytes, most: int) -> None:
        self.data, self.most = data, most
        self.at = 0
        self.total = 0
        self.content = bytearray()

    def body(self) -> None:
        """chunked-body = *chunk last-chunk trailer-section CRLF."""
        while size := self.chunk_line():
            for _ in range(size):
                self.content.append(self.any())
            self.crlf()
        while self.next() != 0x0D:
            self.field_line()
        self.crlf()

    def chunk_line(self) -> int:
        """chunk-size [ chunk-ext ] CRLF: the size."""
        digits = bytes(self.some(_DIGITS)).lstrip(b"0")
        if len(digits) > _MOST_DIGITS:
            raise _NotTheGrammarError
        size = int(digits or b"0", 16)
        while self.next() != 0x0D:
            self.extension()
        self.crlf()
        self.total += size
        if self.total > self.most:
            raise _TooLargeError
        return size

    def extension(self) -> None:
        """BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ]."""
        self.spaces()
        self.one(b";")
        self.spaces()
        self.some(_TOKEN)
        before = self.at
        self.spaces()
        if self.next() != ord("="):
            self.at = before  # this white space belongs to the next extension, if there is one
            return
        self.one(b"=")
        self.spaces()
        if self.next() == ord('"'):
            self.quoted()
        else:
            self.some(_TOKEN)

    def quoted(self) -> None:
        """quoted-string of RFC 9110 §5.6.4."""
        self.one(b'"')
        while (byte := self.any()) != ord('"'):
            if byte not in _TEXT or (byte == ord("\\") and self.any() not in _TEXT):
                raise _NotTheGrammarError

    def field_line(self) -> None:
        """field-name ":" OWS field-value OWS CRLF."""
        self.some(_TOKEN)
        self.one(b":")
        while self.next() != 0x0D:
            if self.any() not in _TEXT:
                raise _NotTheGrammarError
        self.crlf()

    def next(self) -> int:
        if self.at == len(self.data):
            raise _NoMoreError
        return self.data[self.at]

    def any(self) -> int:
        byte = self.next()
        self.at += 1
        return byte

    def one(self, expected: bytes) -> None:
        if self.any() != ord(expected):
            raise _NotTheGrammarError

    def crlf(self) -> None:
        self.one(b"\r")
        self.one(b"\n")

    def spaces(self) -> None:
        while self.next() in b" \t":
            self.at += 1

    def some(self, allowed: frozenset[int], most: int = 1000) -> list[int]:
        """One or more bytes of these, as many as there are."""
        taken = []
        while self.next() in allowed:
            taken.append(self.any())
            if len(taken) > most:
                raise _NotTheGrammarError
        if not taken:
            raise _NotTheGrammarError
        return taken
