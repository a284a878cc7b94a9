"""What is done for every request, and costs less in C. The extension `_speedups` is optional: without a C compiler, or
with `HTTPTEE_PURE=1` in the environment, the functions here are plain Python and do the same.

A function of the extension does the simple cases itself, which are nearly all. Everything else it leaves to its plain
twin here: so there is one place that says what is right.
"""

from __future__ import annotations

import os
import re
import socket
import struct
import threading
from collections.abc import Callable, Sequence, Set
from importlib import import_module
from types import ModuleType
from zlib import crc32

_INTERFACE = 4  # of the extension: another number whenever a function is added or changes
ROW_FORMAT = 3
"""Of a row whose heads are as they were on the wire."""
ROW = struct.Struct("<BqqqqqHIIII")
"""The beginning of a row: the format, the arrival, the time to the answer, the connection, the place, the status, and
the bytes of the client, of the answer's head, of the request's head and of the two bodies, which follow."""

OPENS = b"{[ \t\r\n\xef"
"""The bytes that a body without a type which is JSON may begin with."""
SUSPICIOUS = re.compile(b"[?#;@]")
"""What is in a target that holds a secret."""

MAX_PAYLOAD = 256 << 20
"""Bytes of a record in a journal. A header that says more is damaged."""
MARKED, REST = struct.Struct("<8sI"), struct.Struct("<IIIQq")
"""The two parts of the header of a frame: see `journal.framing`."""

Item = tuple[int, int, tuple[int, int], int, str, bytes, bytes, bytes, bytes]
"""What a row is made of: the arrival and the time to the answer in nanoseconds, the number of the connection and the
place on it, the status, the client, the heads of the answer and of the request, and the bodies of both."""

_Rows = Callable[[Sequence[Item | bytes], int, bytes], bytes]
_AddOne = Callable[[memoryview, int], None]
_Frames = Callable[[bytes, int, int, Sequence[tuple[int, bytes]]], bytes]
_SendNow = Callable[[socket.socket, bytes], int]
_ReceiveNow = Callable[[socket.socket, int], bytes]
_PassClean = Callable[[bytes, int, Set[bytes], Set[bytes], list[tuple[int, bytes]]], int]


_adding = threading.Lock()


def _add_one(cells: memoryview, at: int, /) -> None:
    """Add one to a number of `cells`. No addition of another thread by this function is lost."""
    with _adding:
        cells[at] += 1


def _rows(items: Sequence[Item | bytes], base: int, own: bytes, /) -> bytes:
    """Recorded exchanges as rows, one behind the other. What is a row already stays as it is.

    `base` is added to the number of the connection. If the head of a request ends with `own`, an empty line is in its
    place: CR LF CR LF. Raises OverflowError for a number or a length that is too large.
    """
    parts: list[bytes] = []
    for item in items:
        if isinstance(item, bytes):
            parts.append(item)
            continue
        arrived, now, (connection, place), status, client, answer, head, asked, body = item
        if own and head.endswith(own):
            head = head[: -len(own)] + b"\r\n\r\n"
        name = client.encode("latin-1", "replace")
        sizes = len(name), len(answer), len(head), len(asked), len(body)
        try:
            numbers = ROW.pack(ROW_FORMAT, arrived, now, base + connection, place, status, *sizes)
        except struct.error as error:
            raise OverflowError(str(error)) from None
        parts += (numbers, name, answer, head, asked, body)
    return b"".join(parts)


def _pass_clean(
    data: bytes, start: int, asked: Set[bytes], answered: Set[bytes], found: list[tuple[int, bytes]], /
) -> int:
    """Append the clean rows in `data` from `start` on, each with its arrival, to `found`: where the first row begins
    that is not clean, or the end.

    A row is clean if its header fields are in `asked`, and the answer's head in `answered`, if its target has none of
    the characters with which a secret begins, and neither body does. A row that is cut short is not clean.
    """
    while len(data) - start >= ROW.size:
        format_, arrived, _, _, _, _, client, answer, head, one, other = ROW.unpack_from(data, start)
        answer_at = start + ROW.size + client
        head_at = answer_at + answer
        asked_at = head_at + head
        body_at = asked_at + one
        end = body_at + other
        line_end = data.find(b"\r\n", head_at, asked_at)
        if (
            format_ != ROW_FORMAT
            or end > len(data)
            or line_end < 0
            or data[line_end + 2 : asked_at] not in asked
            or data[answer_at:head_at] not in answered
            or (one and data[asked_at] in OPENS)
            or (other and data[body_at] in OPENS)
            or SUSPICIOUS.search(data, head_at, line_end)
        ):
            break
        found.append((arrived, data[start:end]))
        start = end
    return start


def _frames(marker: bytes, kind: int, sequence: int, records: Sequence[tuple[int, bytes]], /) -> bytes:
    """The frames of records with consecutive sequences from `sequence` on, each a stamp and a payload, one behind the
    other. Raises ValueError if a payload is too long, and struct.error for a number that is too large."""
    begun = crc32(marker)
    parts: list[bytes] = []
    for number, (stamp, payload) in enumerate(records, sequence):
        if len(payload) > MAX_PAYLOAD:
            raise ValueError(f"a record has at most {MAX_PAYLOAD} bytes")
        rest = REST.pack(kind, len(payload), crc32(payload), number, stamp)
        parts += (MARKED.pack(marker, crc32(rest, begun)) + rest, payload)
    return b"".join(parts)


def _send_now(sock: socket.socket, data: bytes, /) -> int:
    """Send what the kernel takes at once on a plain connection: the number of bytes. Raises OSError, mostly
    BlockingIOError. In C it keeps the GIL: a thread that gives it up for a call of a microsecond waits for it."""
    return sock.send(data, socket.MSG_DONTWAIT)


def _receive_now(sock: socket.socket, size: int, /) -> bytes:
    """Up to `size` bytes of what has arrived on a plain connection. Raises OSError. In C it keeps the GIL."""
    return sock.recv(size, socket.MSG_DONTWAIT)


def _extension() -> ModuleType | None:
    if os.environ.get("HTTPTEE_PURE"):
        return None
    try:
        found = import_module("httptee._speedups")
    except ImportError:  # no compiler was there when this was installed
        return None
    return found if getattr(found, "INTERFACE", 0) == _INTERFACE else None  # else it was built of another version


_native = _extension()
native = _native is not None
"""Whether the extension is used."""
rows: _Rows = _native.rows if _native else _rows
add_one: _AddOne = _native.add_one if _native else _add_one
pass_clean: _PassClean = _native.pass_clean if _native else _pass_clean
frames: _Frames = _native.frames if _native else _frames
send_now: _SendNow = _native.send_now if _native else _send_now
receive_now: _ReceiveNow = _native.receive_now if _native else _receive_now
