"""Answers with a head that is odd but readable, in the form that every reader understands in the same way.

RFC 9112 says for each oddity what a proxy does with it: white space before a colon is removed (§5.1), a folded line
becomes one line (§5.2), equal lengths become one, and a length beside a transfer coding goes (§6.3). A line may end in
LF alone (§2.2), and a later minor version is read as HTTP/1.1 (§2.5 of RFC 9110). All other faults stay: the parser
that reads the mended head refuses them.
"""

from __future__ import annotations

import re

from httptee.errors import UpstreamProtocolError

_end = re.compile(rb"\n\r?\n").search
_DIGITS = (b"", *(b"%d" % digit for digit in range(10)))
_line_ends = re.compile(rb"\r?\n").split
# Only HTTP/1.0 and 1.1 are left as they are.
_later_minor = re.compile(rb"HTTP/1\.[2-9](?= )").match


class OddHead:
    """A head with an oddity while it arrives: at most `most` bytes, and `fields` lines between the first and the last.

    After its end, `head` is the mended head and `rest` the bytes behind it. `certain` says whether the framing is
    certain; if not, the connection must be closed after the answer (RFC 9112 §6.1).
    """

    __slots__ = ("_fields", "_lines", "_most", "_received", "certain", "head", "rest")

    def __init__(self, most: int, fields: int) -> None:
        self._most = most
        self._fields = fields
        self._lines = 0
        self._received = bytearray()
        self.head = self.rest = b""
        self.certain = True

    def feed(self, data: bytes) -> bool:
        """Add bytes; True at the end of the head. Raises UpstreamProtocolError for what is over a limit or unreadable.

        Each byte is searched once.
        """
        received = self._received
        before = len(received)
        received += data
        end = _end(received, before - 2 if before > 2 else 0)
        size = end.end() if end else len(received)
        self._lines += received.count(b"\n", before, size)
        if size > self._most:
            raise UpstreamProtocolError("the answer's head is longer than the limit")
        if self._lines > self._fields + 2:
            raise UpstreamProtocolError(f"the answer has more than {self._fields} header fields")
        if end is None:
            return False
        self.rest = bytes(received[size:])
        self.head, self.certain = mended(bytes(received[:size]))
        return True


def mended(head: bytes) -> tuple[bytes, bool]:
    """A head, from the status line to the empty line, with its oddities mended; and whether its framing is certain.

    Takes time in proportion to the size. Raises UpstreamProtocolError for lengths that differ.
    """
    lines = _line_ends(head)[:-2]
    start = lines[0]
    if _later_minor(start):
        lines[0] = b"HTTP/1.1" + start[8:]
    lines = [lines[0], *map(_without_white_space, _unfolded(lines[1:]))]
    certain = True
    lengths = _named(lines, b"content-length")
    if lengths and _named(lines, b"transfer-encoding"):
        certain = False
        lengths.reverse()
        for index in lengths:
            del lines[index]
    elif lengths:
        _join_lengths(lines, lengths)
    return b"\r\n".join([*lines, b"", b""]), certain


def is_http_1(start: bytes) -> bool:
    """Whether up to nine bytes can begin a status line of HTTP/1."""
    return b"HTTP/1.".startswith(start[:7]) and start[7:8] in _DIGITS and start[8:9] in (b"", b" ")


def _unfolded(lines: list[bytes]) -> list[bytes]:
    """The field lines, each with the lines that continue it. A first line with white space before it stays as it is."""
    fields: list[list[bytes]] = []
    for line in lines:
        if fields and line[:1] in (b" ", b"\t"):
            fields[-1].append(line.strip(b" \t"))
        else:
            fields.append([line])
    return [b" ".join(field) for field in fields]


def _without_white_space(line: bytes) -> bytes:
    """The field line without white space between its name and the colon. A line without a colon stays as it is."""
    name, colon, value = line.partition(b":")
    return name.rstrip(b" \t") + colon + value if colon else line


def _named(lines: list[bytes], name: bytes) -> list[int]:
    """The indices of the fields with this name, which is in lower case."""
    size = len(name)
    return [index for index, line in enumerate(lines) if line[size : size + 1] == b":" and line[:size].lower() == name]


def _join_lengths(lines: list[bytes], indices: list[int]) -> None:
    """Leave one Content-Length if all of them are the same number. Changes `lines`."""
    values = [value.strip(b" \t") for index in indices for value in lines[index].partition(b":")[2].split(b",")]
    if len(values) == 1:
        return
    # At most 20 digits: a longer number does not fit into 64 bits, and `int` takes quadratic time.
    if not all(value.isdigit() and len(value) <= 20 for value in values) or len(set(map(int, values))) != 1:
        raise UpstreamProtocolError("the answer has lengths that differ or are no numbers")
    first = indices[0]
    lines[first] = lines[first].partition(b":")[0] + b": " + values[0]
    for index in reversed(indices[1:]):
        del lines[index]
