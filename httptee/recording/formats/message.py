"""One message of HTTP/1 as bytes: read into its parts, and written again byte for byte.

What a tool has captured is read leniently. The parts do not always say how they were written, for example with another
version, white space or chunks. A `Form` holds that, and only as much of it as is needed.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from httptee.http import Headers, values

_END = re.compile(rb"\r\n\r\n|\n\n|\n\r\n")
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_USUAL = "HTTP/1.1"
CHUNKED = -1
LONGEST_HEAD = 1 << 20
"""Bytes. What has no end of a head within them is no message."""
_BODILESS = frozenset((204, 304))


@dataclass(frozen=True, slots=True)
class Form:
    """How a message was written, as far as its parts do not say it.

    `version` is empty for HTTP/1.1. `chunks` are the sizes of the chunks. `raw` is the whole message if nothing less
    gives the same bytes.
    """

    version: str = ""
    chunks: tuple[int, ...] = ()
    raw: bytes = b""

    def packed(self) -> dict[str, Any]:
        """The form as JSON, without what is empty."""
        found: dict[str, Any] = {"v": self.version, "c": list(self.chunks), "raw": b64encode(self.raw).decode()}
        return {name: value for name, value in found.items() if value}

    @classmethod
    def unpacked(cls, found: Mapping[str, Any]) -> Form:
        """The reverse of `packed`. Raises ValueError or TypeError if it is damaged."""
        return cls(str(found.get("v", "")), tuple(map(int, found.get("c", ()))), b64decode(found.get("raw", "")))


_PLAIN = Form()


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer. `start` are the two parts of the first line beside the version: method and target, or
    status and reason. The body is without chunks."""

    start: tuple[str, str]
    headers: Headers
    body: bytes
    form: Form = _PLAIN


def read_request(data: bytes) -> Message:
    """A request. Raises ValueError if it has no request line."""
    lines, body = _divided(data)
    method, _, rest = lines[0].partition(" ")
    target, _, version = rest.rpartition(" ")
    if not method or not target or not version.startswith("HTTP/"):
        raise ValueError("no request line")
    return _formed(data, (method, target), version, _fields(lines[1:]), body, f"{method} {target} {version}")


def read_answer(data: bytes) -> Message:
    """An answer. Raises ValueError if it has no status line."""
    lines, body = _divided(data)
    version, _, rest = lines[0].partition(" ")
    status, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/") or not (status.isascii() and status.isdigit() and len(status) == 3):
        raise ValueError("no status line")
    return _formed(data, (status, reason), version, _fields(lines[1:]), body, f"{version} {status} {reason}")


def written_request(message: Message) -> bytes:
    """The bytes of a request."""
    method, target = message.start
    return message.form.raw or _written(f"{method} {target} {message.form.version or _USUAL}", message)


def written_answer(message: Message) -> bytes:
    """The bytes of an answer."""
    status, reason = message.start
    return message.form.raw or _written(f"{message.form.version or _USUAL} {status} {reason}", message)


def framed_size(head: bytes, bodiless: bool) -> int | None:
    """How many bytes the body has, by this head; CHUNKED if its chunks say it; None if it ends with the connection.

    `bodiless`: the answer to HEAD (RFC 9112 §6.3).
    """
    first, *lines = head.decode("latin-1").splitlines() or [""]
    headers = _fields(lines)
    status = first[9:12] if first.startswith("HTTP/") else ""
    if bodiless or (status.isdigit() and (int(status) in _BODILESS or int(status) < 200)):
        return 0
    if _is_chunked(headers):
        return CHUNKED
    length = next(iter(values(headers, "content-length")), "").strip()
    if length.isascii() and length.isdigit() and len(length) < 16:
        return int(length)
    return 0 if not length and not status else None


def head_of(data: bytes | bytearray, start: int, end: int) -> int:
    """Where the body begins in `data[start:end]`, or -1 if there is no end of a head."""
    found = _END.search(data, start, min(end, start + LONGEST_HEAD))
    return found.end() if found else -1


def _divided(data: bytes) -> tuple[list[str], bytes]:
    at = head_of(data, 0, len(data))
    head, body = (data[:at], data[at:]) if at >= 0 else (data, b"")
    lines = [line.removesuffix("\r") for line in head.decode("latin-1").split("\n")]
    return lines, body


def _fields(lines: Iterable[str]) -> Headers:
    """The header fields. A line that continues another one is joined to it; one without a colon is left out."""
    found: Headers = []
    for line in lines:
        if line[:1] in (" ", "\t") and found:
            name, value = found[-1]
            found[-1] = (name, f"{value} {line.strip()}".strip())
        elif ":" in line:
            name, _, value = line.partition(":")
            found.append((name.strip(" \t"), value.strip(" \t\r")))
    return found


def _formed(data: bytes, start: tuple[str, str], version: str, fields: Headers, body: bytes, line: str) -> Message:
    """The message with the least form that gives the same bytes."""
    chunks: tuple[int, ...] = ()
    if _is_chunked(fields):
        sizes = _chunk_sizes(body, 0)
        if sizes is not None:
            body, chunks = _joined(body, sizes[0]), tuple(sizes[0])
    form = Form("" if version == _USUAL else version, chunks if len(chunks) > 1 else ())
    made = Message(start, fields, body, form)
    if _written(line, made) == data:
        return made
    return Message(start, fields, body, Form(form.version, (), data))


def _written(line: str, message: Message) -> bytes:
    lines = [line, *(f"{name}: {value}" for name, value in message.headers)]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
    body = message.body
    if not _is_chunked(message.headers):
        return head + body
    sizes = message.form.chunks
    if sum(sizes) != len(body) or 0 in sizes:
        sizes = (len(body),) if body else ()
    pieces, at = [head], 0
    for size in sizes:
        pieces += [b"%x\r\n" % size, body[at : at + size], b"\r\n"]
        at += size
    return b"".join([*pieces, b"0\r\n\r\n"])


def _is_chunked(headers: Headers) -> bool:
    codings = ",".join(values(headers, "transfer-encoding")).lower().split(",")
    return codings[-1].strip() == "chunked"


def _chunk_sizes(data: bytes | bytearray, start: int) -> tuple[list[int], int] | None:
    """The sizes of the chunks from `start` and of the whole body, or None if they break off."""
    sizes: list[int] = []
    at = start
    while (line := CHUNK_LINE.match(data, at)) is not None:
        size = int(line[1], 16)
        at = line.end()
        if not size:
            end = trailers_end(data, at)
            return None if end < 0 else (sizes, end - start)
        sizes.append(size)
        at += size
        if at > len(data):
            return None
        at += 2 if data[at : at + 1] == b"\r" else 1
    return None


def trailers_end(data: bytes | bytearray, at: int) -> int:
    """Where the trailer section ends that begins at `at`, or -1."""
    while True:
        end = data.find(b"\n", at, at + LONGEST_HEAD)
        if end < 0:
            return -1
        if not data[at:end].strip(b"\r"):
            return end + 1
        at = end + 1


def _joined(body: bytes, sizes: list[int]) -> bytes:
    """The content of a chunked body of which `_chunk_sizes` has read the sizes."""
    pieces, at = [], 0
    for size in sizes:
        line = CHUNK_LINE.match(body, at)
        at = line.end() if line else at
        pieces.append(body[at : at + size])
        at += size
        at += 2 if body[at : at + 1] == b"\r" else 1
    return b"".join(pieces)
