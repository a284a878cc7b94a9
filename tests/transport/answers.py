"""Answers read from bytes in memory."""

from __future__ import annotations

from httptee.errors import UpstreamError
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


def judged(*pieces: bytes) -> tuple[object, ...]:
    """What the pieces of an answer come to, for comparison with other pieces of it: its parts, or the kind of error."""
    answer, body = Answer("GET"), b""
    try:
        for piece in pieces:
            answer.feed(piece)
            body += answer.take()
    except UpstreamError as error:
        return (type(error),)
    assert not any(character in name + value for name, value in answer.headers for character in "\r\n\0")
    return answer.status, answer.headers, answer.complete, answer.keep_alive, body
