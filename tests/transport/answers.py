"""Answers read from bytes in memory."""

from __future__ import annotations

from httptee.transport.wire import Answer

OK = b"HTTP/1.1 200 OK\r\n"


def parse(data: bytes, method: str = "GET", *, at_once: bool = True, eof: bool = False) -> tuple[Answer, bytes]:
    """The answer that this data begins with, and its body as far as it came. Raises UpstreamError."""
    answer = Answer(method)
    body = b""
    for piece in [data] if at_once else [data[i : i + 1] for i in range(len(data))]:
        answer.feed(piece)
        body += answer.take()
    if eof:
        answer.eof()
    return answer, body
