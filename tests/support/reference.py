"""A reader of chunked bodies that follows the grammar of RFC 9112 §7.1 rule by rule, one byte at a time.

It is slow and shares nothing with the program under test.
"""

from __future__ import annotations

from math import inf

_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_HEX = frozenset(b"0123456789ABCDEFabcdef")
_VCHAR_AND_OBS_TEXT = frozenset([*range(0x21, 0x7F), *range(0x80, 0x100)])
_WHITE_SPACE = frozenset(b" \t")
_FIELD_CONTENT = _VCHAR_AND_OBS_TEXT | _WHITE_SPACE
_QDTEXT = _FIELD_CONTENT - frozenset(b'"\\')


class BrokenError(Exception):
    """The grammar allows no message that begins with these bytes.

    The fault is in the byte at `position`. A reader must have found it when it has read the next `end` after that.
    """

    def __init__(self, position: int, end: bytes) -> None:
        super().__init__(position, end)
        self.position = position
        self.end = end


class TooLargeError(Exception):
    """The sizes of the chunks add up to more than the limit."""


class UnfinishedError(Exception):
    """The bytes are the beginning of a message, with `content`."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.content = content


class ChunkedBody:
    """The chunked body at the start of `data`: its `content`, and the `size` of its bytes on the wire.

    `most` is the limit of its content, in bytes. Raises BrokenError, TooLargeError or UnfinishedError if there is none.
    """

    def __init__(self, data: bytes, most: float = inf) -> None:
        self._data = data
        self._left = most
        self.content = b""
        self.size = 0
        self._end = b"\n"
        while self._chunk():
            pass
        self._trailer_section()

    def _chunk(self) -> bool:
        """chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF; False for last-chunk, which has no chunk-data."""
        size = int(self._some(_HEX), 16)
        if size >= 1 << 64:
            raise self._broken()
        while self._chunk_extension():
            pass
        self._literal(b"\r\n")
        if not size:
            return False
        self._left -= size
        if self._left < 0:
            raise TooLargeError
        content = self._data[self.size : self.size + size]
        self.content += content
        self.size += len(content)
        if len(content) < size:
            raise UnfinishedError(self.content)
        self._literal(b"\r\n")
        return True

    def _chunk_extension(self) -> bool:
        """BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ]."""
        if not self._after_white_space(b";"):
            return False
        self._many(_WHITE_SPACE)
        self._some(_TOKEN)
        if self._after_white_space(b"="):
            self._many(_WHITE_SPACE)
            if self._next() == ord('"'):
                self._quoted_string()
            else:
                self._some(_TOKEN)
        return True

    def _quoted_string(self) -> None:
        """DQUOTE *( qdtext / quoted-pair ) DQUOTE (RFC 9110 §5.6.4)."""
        self._literal(b'"')
        while True:
            self._many(_QDTEXT)
            if self._next() != ord("\\"):
                break
            self.size += 1
            if self._next() not in _FIELD_CONTENT:
                raise self._broken()
            self.size += 1
        self._literal(b'"')

    def _trailer_section(self) -> None:
        """*( field-line CRLF ) CRLF."""
        self._end = b"\r\n\r\n"
        while self._next() != ord("\r"):
            self._some(_TOKEN)
            self._literal(b":")
            self._many(_FIELD_CONTENT)
            self._literal(b"\r\n")
        self._literal(b"\r\n")

    def _broken(self) -> BrokenError:
        return BrokenError(self.size, self._end)

    def _next(self) -> int:
        if self.size == len(self._data):
            raise UnfinishedError(self.content)
        return self._data[self.size]

    def _many(self, allowed: frozenset[int]) -> bytes:
        start = self.size
        while self._next() in allowed:
            self.size += 1
        return self._data[start : self.size]

    def _some(self, allowed: frozenset[int]) -> bytes:
        found = self._many(allowed)
        if not found:
            raise self._broken()
        return found

    def _literal(self, expected: bytes) -> None:
        for byte in expected:
            if self._next() != byte:
                raise self._broken()
            self.size += 1

    def _after_white_space(self, mark: bytes) -> bool:
        """Read BWS and `mark` if both are there, otherwise nothing."""
        start = self.size
        self._many(_WHITE_SPACE)
        if self._next() == mark[0]:
            self.size += 1
            return True
        self.size = start
        return False
