"""Reads a chunked body (RFC 9112 §7.1), strictly and in time proportional to its size. It does no I/O.

Two servers that disagree about where a chunk ends also disagree about where the next request begins. So everything
outside the grammar is refused: an LF or CR alone, an empty line before a size, a control character in an extension, a
trailer that is not a field line.

A body may consist of chunks of one byte. A step of Python for each costs more than the rest of the request, so a run of
short chunks is matched by one regular expression and split by another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from httptee.errors import BadRequest, BodyTooLarge
from httptee.http.section import Section

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
_EXTENSION = rb"[ \t]*;[ \t]*%b(?:[ \t]*=[ \t]*(?:%b|%b))?" % (_TOKEN, _TOKEN, _QUOTED)
# At most 16 digits after leading zeros: RFC 9112 §7.1 asks for a guard against sizes that overflow.
_LINE = re.compile(rb"(0*[0-9A-Fa-f]{1,16})(?:%b)*\r\n" % _EXTENSION)
_LONGEST_LINE = 4096

# A chunk of 1 to 15 bytes without an extension. The digit before the CRLF gives the number of bytes after it.
_CONTENT = b"|".join(rb"(?<=[%x%X]\r\n).{%d}" % (size, size, size) for size in range(1, 16))
_SHORT = re.compile(rb"[1-9A-Fa-f]\r\n(%b)\r\n" % _CONTENT, re.DOTALL)
_SHORTS = re.compile(rb"(?:[1-9A-Fa-f]\r\n(?:%b)\r\n)+" % _CONTENT, re.DOTALL)

_TRAILERS = re.compile(rb"(?:\r\n%b:[^\x00-\x08\x0a-\x1f\x7f]*)*\r\n\r\n" % _TOKEN)
_LONGEST_TRAILERS = 64 * 1024
_MOST_TRAILERS = 1024

_CRLF = b"\r\n"
_USUAL_END = b"0\r\n\r\n"
_OVERHEAD = 64 * 1024
_OVERHEAD_PER_BYTE = 8
"""Framing of a whole body may take 64 KiB and 8 bytes for each byte of content. A chunk of one byte takes 5."""


@dataclass(frozen=True, slots=True)
class ChunkLimits:
    """What the framing of a chunked body may take, in bytes. The defaults are those of a request.

    `line` is the longest chunk line. `trailers` is the size of the trailer section, `fields` the number of its fields.
    All chunk lines may take `overhead`, and `per_byte` for each byte of content.
    """

    line: int = _LONGEST_LINE
    trailers: int = _LONGEST_TRAILERS
    fields: int = _MOST_TRAILERS
    overhead: int = _OVERHEAD
    per_byte: int = _OVERHEAD_PER_BYTE


_OF_A_REQUEST = ChunkLimits()


class ChunkReader:
    """One chunked body of at most `most` bytes. `length` is the sum of the sizes so far, `whole` means that it ended.

    The result does not depend on how the bytes are divided into pieces.
    """

    __slots__ = (
        *("length", "whole"),
        *("_allowance", "_ending", "_left", "_limits", "_line", "_longest", "_most", "_per_byte", "_trailers"),
    )

    def __init__(self, most: float, limits: ChunkLimits = _OF_A_REQUEST) -> None:
        self.length = 0
        self.whole = False
        self._most = most
        self._limits = limits
        self._longest = limits.line
        self._per_byte = limits.per_byte
        self._allowance = limits.overhead  # bytes of framing that the content so far still allows
        self._left = 0  # bytes of the current chunk that have not arrived
        self._ending = b""  # the rest of the CRLF behind the current chunk
        self._line = bytearray()  # an incomplete chunk line
        self._trailers: Section | None = None

    def feed(self, data: bytes) -> tuple[int, bytes]:
        """Read on; return how many bytes of `data` belong to the body, and the new content.

        Raises BadRequest and BodyTooLarge. After them, the reader must not be used again.
        """
        position = 0
        pieces: list[bytes] = []
        while position < len(data) and not self.whole:
            if self._left:
                pieces.append(data[position : position + self._left])
                position += len(pieces[-1])
                self._left -= len(pieces[-1])
            elif self._ending:
                if data[position] != self._ending[0]:
                    raise BadRequest("a chunk is longer than its size")
                self._ending = self._ending[1:]
                position += 1
            elif self._trailers is not None:
                position += self._read_trailers(self._trailers, data[position:])
            else:
                if not self._line:
                    position = self._whole_chunks(data, position, pieces)
                    if data.startswith(_USUAL_END, position):
                        self._count(0, 5)
                        self.whole = True
                        return position + len(_USUAL_END), b"".join(pieces)
                position += self._read_line(data[position : position + self._longest])
        return position, pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _whole_chunks(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        """Read all chunks that lie whole in `data`; return the position of what is left: part of a chunk, the last
        chunk, or a fault."""
        while True:
            run = _SHORTS.match(data, position)
            if run is not None:
                shorts = _SHORT.findall(data, position, run.end())
                content = run.end() - position - 5 * len(shorts)
                self._count(content, 5 * len(shorts))
                pieces += shorts
                position = run.end()
            line = _LINE.match(data, position, position + self._longest)
            if line is None:
                return position
            start = line.end()
            end = start + int(line[1], 16)
            if start == end or data[end : end + 2] != _CRLF:
                return position
            self._count(end - start, start - position + 2)
            pieces.append(data[start:end])
            position = end + 2

    def _read_line(self, data: bytes) -> int:
        """Read a chunk line that was not whole, or that no whole chunk follows; return how many bytes were read."""
        line = self._line
        end = data.find(b"\n") + 1
        line += data[:end] if end else data
        if len(line) > self._longest:
            raise BadRequest(f"a chunk line is over {self._longest} bytes")
        if not end:
            return len(data)
        matched = _LINE.fullmatch(line)
        if matched is None:
            raise BadRequest("a chunk line breaks the grammar (RFC 9112 section 7.1)")
        size = int(matched[1], 16)
        self._count(size, len(line) + 2)
        if size:
            self._left, self._ending = size, _CRLF
        else:
            self._trailers = Section(bytearray(_CRLF))
        line.clear()
        return end

    def _count(self, content: int, framing: int) -> None:
        """Count chunks. Raises BadRequest if the framing is too much, BodyTooLarge if the content is."""
        self._allowance += self._per_byte * content - framing
        if self._allowance < 0:
            raise BadRequest("the framing of the chunks is too large for their content")
        self.length += content
        if self.length > self._most:
            raise BodyTooLarge(f"the request body is over the limit of {self._most} bytes")

    def _read_trailers(self, section: Section, data: bytes) -> int:
        """Read the trailer section, which is not forwarded (RFC 9110 §6.5.1); return how many bytes were read."""
        used = section.add(data)
        if len(section.buffer) > self._limits.trailers or section.lines > self._limits.fields:
            raise BadRequest("the trailer section is too large")
        if not used:
            return len(data)
        if not _TRAILERS.fullmatch(section.buffer):
            raise BadRequest("the trailer section breaks the grammar (RFC 9112 section 7.1.2)")
        self.whole = True
        return used
