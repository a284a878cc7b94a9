"""Heads of requests and answers as bytes: as they were on the wire, or as lines where there are only texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain

from httptee.http import Headers, end_to_end, of_whole
from httptee.transport import all_fields

_REASON = len("HTTP/1.1 200 ")
_PLAIN = re.compile(
    r"connection: (close|keep-alive)|keep-alive: (timeout|max)=\d+(, *(timeout|max)=\d+)*|transfer-encoding: chunked",
    re.IGNORECASE,
)
"""Fields of one connection that say nothing else, as nearly every server sends them."""


def passed_on(head: bytes, method: str, status: int, size: int) -> tuple[str, Headers]:
    """The reason and the fields that a client got of A's head, with a whole body of this size."""
    text = head.decode("latin-1")
    fields = all_fields(text)
    has_length = any(name.lower() == "content-length" for name, _ in fields)
    return text[_REASON : text.index("\r")], of_whole(fields, status, method, size, has_length=has_length)


def end_to_end_of(head: bytes) -> tuple[Headers, Headers]:
    """The fields of an answer's head as it was on the wire, and those that are not of the connection alone."""
    given = all_fields(head.decode("latin-1"))
    return given, end_to_end(given)


def is_plain(given: Headers, passed_on: Headers) -> bool:
    """Whether the fields that were not passed on hold nothing but what is known: then a head may be kept with them."""
    return all(pair in passed_on or _PLAIN.fullmatch(": ".join(pair)) for pair in given)


def divided(head: bytes) -> tuple[bytes, bytes]:
    """The request line of a head, and its header fields."""
    line, _, fields = head.partition(b"\r\n")
    return line, fields


def fields_in(text: bytes) -> list[tuple[str, str]]:
    """The header fields behind a request line."""
    pairs = (line.partition(": ") for line in text[:-4].decode("latin-1").split("\r\n") if line)
    return [(name, value) for name, _, value in pairs]


def fields_of(fields: Sequence[tuple[str, str]]) -> bytes:
    """The bytes of header fields, as they stand behind a request line."""
    return "".join([*[f"{name}: {value}\r\n" for name, value in fields], "\r\n"]).encode("latin-1")


def answer_text(reason: str, error: str, fields: Sequence[tuple[str, str]]) -> bytes:
    """The head of an answer as bytes."""
    return "\n".join((reason, error, *chain.from_iterable(fields))).encode("latin-1")


def answer_of(text: bytes) -> tuple[str, str, list[tuple[str, str]]]:
    """The reason, the error and the header fields in an answer's head."""
    reason, error, *texts = text.decode("latin-1").split("\n")
    return reason, error, list(zip(texts[::2], texts[1::2], strict=True))
