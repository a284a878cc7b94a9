"""What a GoReplay file held of an exchange besides the exchange: identifier, stamps, order, and how it was written.

It is kept as JSON in `Exchange.origin`, so that the same file can be written again byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from httptee.recording import Exchange
from httptee.recording.formats.message import (
    Form,
    Message,
    read_answer,
    read_request,
    written_answer,
    written_request,
)
from httptee.recording.formats.payloads import ANSWER, REPLAYED, REQUEST, SEPARATOR, Payload

_LINE = re.compile(r"^([^\n:]{1,200}):([^\n]*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Part:
    """One payload without its message. `ending` is the number of bytes of the separator behind it."""

    type: int
    index: int
    stamp: int
    latency: int | None
    ending: int
    form: Form


@dataclass(frozen=True, slots=True)
class Origin:
    """The payloads of an exchange, which share an identifier: the request, its answer, the answer to a replay."""

    id: str
    parts: tuple[Part, ...]


def packed(origin: Origin) -> str:
    """The origin as it is kept."""
    parts = []
    for part in origin.parts:
        found: dict[str, Any] = {"t": part.type, "i": part.index, "s": part.stamp, **part.form.packed()}
        if part.latency is not None:
            found["l"] = part.latency
        if part.ending != len(SEPARATOR):
            found["e"] = part.ending
        parts.append(found)
    return orjson.dumps({"gor": {"id": origin.id, "parts": parts}}).decode()


def origin_of(exchange: Exchange) -> Origin | None:
    """The origin of an exchange. None if it comes from no GoReplay file, or if its origin is damaged."""
    if not exchange.origin:
        return None
    try:
        found = orjson.loads(exchange.origin)["gor"]
        return Origin(str(found["id"]), tuple(_part(one) for one in found["parts"]))
    except (ValueError, KeyError, TypeError):
        return None


def without_bytes(exchange: Exchange) -> Exchange:
    """The exchange without the copies of whole messages that its origin holds: they may hold what was removed from the
    exchange itself. The answers to replays go with them."""
    origin = origin_of(exchange)
    if origin is None:
        return replace(exchange, origin="") if exchange.origin else exchange
    parts = tuple(
        replace(part, form=Form(part.form.version, part.form.chunks)) for part in origin.parts if part.type != REPLAYED
    )
    return replace(exchange, origin=packed(Origin(origin.id, parts)))


def hidden_messages(exchange: Exchange) -> Iterator[Message]:
    """What the copies of whole messages in the origin hold that the exchange itself may not show: the answers to
    replays, and every line of a copy that could be a field, such as one of a trailer section."""
    origin = origin_of(exchange)
    for part in origin.parts if origin is not None else ():
        if part.type == REPLAYED:
            try:
                yield read_answer(part.form.raw)
            except ValueError:
                yield Message(("", ""), [], part.form.raw)
        elif part.form.raw:
            fields = [(found[1].strip(), found[2].strip()) for found in _LINE.finditer(part.form.raw.decode("latin-1"))]
            yield Message(("", ""), fields, b"")


def payloads_of(exchange: Exchange, origin: Origin) -> Sequence[Payload]:
    """The payloads of an exchange as its file had them, as far as the exchange is still the same."""
    found = []
    for part in origin.parts:
        if part.type == REQUEST:
            data = _request(exchange, part.form)
        elif part.type == ANSWER:
            data = _answer(exchange, part.form)
        else:
            data = part.form.raw
        found.append(Payload(part.type, origin.id, part.stamp, part.latency, data, part.index, part.ending))
    return found


def _request(exchange: Exchange, form: Form) -> bytes:
    message = Message((exchange.method, exchange.target), list(exchange.headers), exchange.body.data, form)
    if form.raw and not _same(message, read_request(form.raw)):
        message = replace(message, form=Form(form.version))
    return written_request(message)


def _answer(exchange: Exchange, form: Form) -> bytes:
    start = (f"{exchange.status:03}", exchange.reason)
    message = Message(start, list(exchange.answer_headers), exchange.answer_body.data, form)
    if form.raw and not _same(message, read_answer(form.raw)):
        message = replace(message, form=Form(form.version))
    return written_answer(message)


def _same(one: Message, other: Message) -> bool:
    return (one.start, one.headers, one.body) == (other.start, other.headers, other.body)


def _part(found: dict[str, Any]) -> Part:
    latency = found.get("l")
    return Part(
        int(found["t"]),
        int(found["i"]),
        int(found["s"]),
        None if latency is None else int(latency),
        int(found.get("e", len(SEPARATOR))),
        Form.unpacked(found),
    )
