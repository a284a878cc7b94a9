"""One exchange as a person reads it. Each line has the name of its kind, which a terminal shows in color."""

from __future__ import annotations

from collections.abc import Iterator

from httptee.commands.recording.summary import at
from httptee.http import values
from httptee.recording import Exchange, Fields, Kept
from httptee.verdict.display import body_lines, harmless, seconds
from httptee.verdict.evidence import decoded

TITLE, START, FIELD, BODY, NOTE, ERROR, PLAIN = "title", "start", "field", "body", "note", "error", "plain"
_LINES = 200  # of one body
_LONGEST = 4000  # characters of a line

Lines = Iterator[tuple[str, str]]
"""Kind and text of each line."""


def shown(exchange: Exchange, number: int) -> Lines:
    """The lines of an exchange: its times, the request, the answer."""
    client = f", from {harmless(exchange.client)}" if exchange.client else ""
    yield TITLE, f"exchange {number}  {at(exchange.arrived)}"
    yield NOTE, f"request {exchange.place} of connection {exchange.connection}{client}"
    yield START, f"{harmless(exchange.method)} {harmless(exchange.target)}"
    yield from _message(exchange.headers, exchange.body)
    yield PLAIN, ""
    yield from _answer(exchange)


def _answer(exchange: Exchange) -> Lines:
    if exchange.status:
        good = exchange.status < 400
        yield (START if good else ERROR), f"{exchange.status} {harmless(exchange.reason)}".rstrip()
        yield NOTE, f"{_time(exchange.first_byte)} to the first byte, {_time(exchange.ended)} in all"
        yield from _message(exchange.answer_headers, exchange.answer_body)
    if exchange.error or not exchange.status:
        broken = "the answer broke off" if exchange.status else "no answer"
        yield ERROR, f"{broken}: {harmless(exchange.error)}" if exchange.error else f"{broken} was recorded"


def _message(fields: Fields, body: Kept) -> Lines:
    for name, value in fields:
        yield FIELD, f"{harmless(name)}: {harmless(value)}"
    if not body.length:
        return
    yield PLAIN, ""
    if not body.whole:
        digest = f", SHA-256 {body.digest.hex()}" if body.digest else ""
        yield NOTE, f"a body of {body.length:,} bytes, which was not recorded{digest}"
        return
    headers = list(fields)
    data, note = decoded(headers, body.data)
    if note:
        yield NOTE, f"({note})"
    lines = body_lines(data, next(iter(values(headers, "content-type")), ""))
    for line in lines[:_LINES]:
        yield BODY, harmless(line[:_LONGEST])
    if len(lines) > _LINES:
        yield NOTE, f"and {len(lines) - _LINES:,} more lines"


def _time(nanoseconds: int) -> str:
    return seconds(nanoseconds / 1e9 if nanoseconds >= 0 else None)
