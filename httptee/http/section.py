"""A section of a message: lines up to an empty one, which arrive in pieces of any size.

Each byte is searched once, whatever the sizes of the pieces: a search begins where the last one ended, less the few
bytes that may be the start of the end mark. So a section costs in proportion to its size.
"""

from __future__ import annotations

from httptee.errors import BadRequest

_END = b"\r\n\r\n"


class Section:
    """The bytes of one section so far. `lines` is the number of its line ends, without the empty line's own."""

    __slots__ = ("buffer", "lines")

    def __init__(self, buffer: bytearray) -> None:
        self.buffer = buffer
        self.lines = 0

    def add(self, data: bytes) -> int:
        """Append `data`. If it ends the section, return how many bytes of `data` belong to it, else 0.

        Raises BadRequest for a line that ends in a bare LF (RFC 9112 §2.2).
        """
        buffer = self.buffer
        old = len(buffer)
        buffer += data
        end = buffer.find(_END, max(0, old - len(_END) + 1)) + len(_END)
        whole = end >= len(_END)
        if whole:
            del buffer[end:]
        lines = buffer.count(b"\n", old)
        if lines != buffer.count(b"\r\n", max(0, old - 1)):
            raise BadRequest("a line ends in a bare LF (RFC 9112 section 2.2)")
        self.lines += lines - whole
        return end - old if whole else 0
