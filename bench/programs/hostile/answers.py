"""The answers of the hostile server, by name. Only bytes: no I/O.

Each is made once and sent whole, so that an answer costs the server as little as possible.
"""

from __future__ import annotations

from dataclasses import dataclass

BLOCK = 64 * 1024
"""About the bytes of one round of an endless answer."""
FIELDS = 16_000
"""Header fields of `many-fields`. With them its head has just under 64 KiB."""
WIDE = 60 * 1024
"""Bytes of the widest field of `wide-fields`."""
HEAD = 64 * 1024 - 256
"""Bytes of the head of `wide-fields`."""
CHUNKS = 29_000
"""Chunks of one byte. On the wire they are 174 KB."""
EXTENSION = 3 * 1024
EXTENDED = 56
"""Chunks with an extension. On the wire they are about 174 KB too."""

_LENGTH = b"Content-Length: 3\r\n\r\nok\n"
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    """The bytes that follow a request once, and then the bytes that follow again and again. `close`: then the end."""

    once: bytes = b""
    forever: bytes = b""
    close: bool = False


def wide_head() -> bytes:
    """A head with one field of `WIDE` bytes, and others of 1 KiB up to `HEAD` bytes."""
    head = b"HTTP/1.1 200 OK\r\nX-Wide: " + b"w" * WIDE + b"\r\n"
    while len(head) < HEAD - 1024:
        head += b"X-Further: " + b"f" * 1011 + b"\r\n"
    return head


OK = Answer(b"HTTP/1.1 200 OK\r\n" + _LENGTH)
ANSWERS = {
    "ok": OK,
    "many-fields": Answer(b"HTTP/1.1 200 OK\r\n" + b"a:\r\n" * FIELDS + _LENGTH),
    "wide-fields": Answer(wide_head() + _LENGTH),
    "tiny-chunks": Answer(_CHUNKED + b"1\r\na\r\n" * CHUNKS + b"0\r\n\r\n"),
    "extensions": Answer(_CHUNKED + (b"40;x=" + b"e" * EXTENSION + b"\r\n" + b"a" * 64 + b"\r\n") * EXTENDED
                         + b"0\r\n\r\n"),
    "endless-body": Answer(_CHUNKED, b"1\r\na\r\n" * (BLOCK // 6)),
    "endless-1xx": Answer(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" * (BLOCK // 54)),
    "refused-tls": Answer(close=True),
}  # fmt: skip
"""The answer to every request, by the server's mode. To `refused-tls` a request is the first flight of a handshake."""
QUIET = {
    b"/events": Answer(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                       b"9\r\ndata: 0\n\n\r\n"),
    b"/never": Answer(),
}  # fmt: skip
"""The answers of the mode `quiet` by target. It answers other targets like `ok`."""
MODES = (*ANSWERS, "quiet")


def answer(mode: str, request: bytes) -> Answer:
    """The answer to a request, from its first line."""
    if mode != "quiet":
        return ANSWERS[mode]
    target = request.split(b" ", 2)[1:2]
    return QUIET.get(target[0], OK) if target else OK


def request_end(received: bytes | bytearray) -> int:
    """The number of bytes of the first request if it is whole, else 0. It has a Content-Length or no body."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return 0
    fields = bytes(received[:end]).lower().split(b"\r\ncontent-length:", 1)[1:]
    length = int(fields[0].split(b"\r\n", 1)[0]) if fields else 0
    return end + 4 + length if len(received) >= end + 4 + length else 0
