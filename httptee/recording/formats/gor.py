"""GoReplay's files: `.gor`, also compressed by gzip, read into exchanges and written from them.

The file has requests and answers as payloads of their own, in any order; what belongs together has the same
identifier. `payloads` says how one payload is found.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from httptee.http import Headers, values
from httptee.recording import Exchange, Fields, Kept
from httptee.recording.formats.message import Form, Message, read_answer, read_request, written_answer, written_request
from httptee.recording.formats.origin import Origin, Part, origin_of, packed, payloads_of
from httptee.recording.formats.payloads import ANSWER, REPLAYED, REQUEST, SEPARATOR, Payload, PayloadReader, Readable

_MOST = 10_000
_MOST_BYTES = 32 << 20
"""At most so many exchanges, or bytes of them, are held back for an answer or for their order."""


class _Slot:
    """The payloads of one identifier so far."""

    __slots__ = ("answer", "replayed", "request", "size", "stamp")

    def __init__(self, stamp: int) -> None:
        self.stamp = stamp
        self.request: Payload | None = None
        self.answer: Payload | None = None
        self.replayed: Payload | None = None
        self.size = 0


class GorReader:
    """Reads exchanges, nearly in the order of their arrival. `losses` counts what could not be taken.

    Of several files, each is asked for when the one before it has ended. An answer may be in a later file than its
    request: GoReplay begins a new file at any payload.
    """

    def __init__(self, *files: Readable, more: Iterable[Readable] = ()) -> None:
        self.losses: Counter[str] = Counter()
        self._files = chain(files, more)
        self._open: dict[str, _Slot] = {}
        self._order: list[tuple[int, int, _Slot]] = []
        self._held = 0
        self._connections = 0

    def __iter__(self) -> Iterator[Exchange]:
        for payload in self._payloads():
            self._take(payload)
            while len(self._order) > _MOST or self._held > _MOST_BYTES:
                yield from self._first()
        while self._order:
            yield from self._first()

    def _payloads(self) -> Iterator[Payload]:
        index = 0
        for file in self._files:
            reader = PayloadReader(file, index)
            for payload in reader:
                index = payload.index + 1
                yield payload
            if reader.skipped:
                self.losses["bytes that belong to no payload"] += reader.skipped

    def _take(self, payload: Payload) -> None:
        name = {REQUEST: "request", ANSWER: "answer", REPLAYED: "replayed"}[payload.type]
        slot = self._open.get(payload.id)
        if slot is None or getattr(slot, name) is not None:
            slot = self._open[payload.id] = _Slot(payload.stamp)
            heapq.heappush(self._order, (slot.stamp, payload.index, slot))
        elif payload.type == REQUEST and payload.stamp < slot.stamp:  # its answer came first
            slot.stamp = payload.stamp
            heapq.heappush(self._order, (slot.stamp, payload.index, slot))
        setattr(slot, name, payload)
        slot.size += len(payload.data)
        self._held += len(payload.data)

    def _first(self) -> Iterator[Exchange]:
        stamp, _, slot = heapq.heappop(self._order)
        if stamp != slot.stamp:
            return  # it stands in the heap a second time, under the stamp of its request
        self._held -= slot.size
        first = slot.request or slot.answer or slot.replayed
        if first is not None and self._open.get(first.id) is slot:
            del self._open[first.id]
        if slot.request is None:
            self.losses["answers without a request"] += 1
            return
        try:
            yield self._exchange(slot.request, slot)
        except ValueError:
            self.losses["payloads that are no HTTP"] += 1

    def _exchange(self, payload: Payload, slot: _Slot) -> Exchange:
        request = read_request(payload.data)
        answer = read_answer(slot.answer.data) if slot.answer else None
        parts = [_part(payload, request.form)]
        first_byte = ended = -1
        if slot.answer and answer:
            parts.append(_part(slot.answer, answer.form))
            first_byte = max(0, slot.answer.stamp - payload.stamp)
            ended = first_byte + max(0, slot.answer.latency or 0)
        if slot.replayed:
            parts.append(_part(slot.replayed, Form(raw=slot.replayed.data)))
        self._connections += 1
        return Exchange(
            connection=self._connections,
            place=1,
            client="",
            arrived=payload.stamp,
            first_byte=first_byte,
            ended=ended,
            method=request.start[0],
            target=request.start[1],
            headers=tuple(request.headers),
            body=Kept.of(request.body),
            status=int(answer.start[0]) if answer else 0,
            reason=answer.start[1] if answer else "",
            answer_headers=tuple(answer.headers) if answer else (),
            answer_body=Kept.of(answer.body) if answer else Kept(),
            origin=packed(Origin(payload.id, tuple(parts))),
        )


def _part(payload: Payload, form: Form) -> Part:
    return Part(payload.type, payload.index, payload.stamp, payload.latency, payload.ending, form)


class GorWriter:
    """Writes exchanges, which come in the order of their arrival. `losses` counts what the file does not hold.

    Exchanges of a GoReplay file get their identifier, stamps and order back, the others those of their own: an answer
    stands where its first byte arrived.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.losses: Counter[str] = Counter()
        self._file = file
        self._heap: list[tuple[int, int, Payload]] = []
        self._held = 0
        self._number = 0  # makes the order of equal keys that of arrival
        self._next = 0  # the index of the payload that comes next
        self._ending: int | None = None  # bytes of the separator behind the payload that was written last

    def write(self, exchange: Exchange) -> None:
        """Write one exchange, or hold it back for its order. Raises OSError."""
        origin = origin_of(exchange)
        if origin is None:
            self._release(exchange.arrived)
            for payload in self._made(exchange):
                self._push(payload.stamp, payload)
        else:
            for payload in payloads_of(exchange, origin):
                self._push(payload.index, payload)
            while self._heap and self._heap[0][0] == self._next:
                self._pop()
        while len(self._heap) > _MOST or self._held > _MOST_BYTES:
            self._pop()

    def close(self) -> None:
        """Write what was held back. Raises OSError."""
        while self._heap:
            self._pop()
        self._file.write(SEPARATOR[: self._ending or 0])
        self._ending = 0

    def _release(self, before: int) -> None:
        """Write what belongs before this time. No later exchange can come before it."""
        while self._heap and self._heap[0][0] < before:
            self._pop()

    def _push(self, key: int, payload: Payload) -> None:
        self._number += 1
        self._held += len(payload.data)
        heapq.heappush(self._heap, (key, self._number, payload))

    def _pop(self) -> None:
        key, _, payload = heapq.heappop(self._heap)
        self._next = key + 1
        self._held -= len(payload.data)
        if self._ending is not None:
            self._file.write(SEPARATOR)
        self._file.write(payload.line())
        self._file.write(payload.data)
        self._ending = payload.ending

    def _made(self, exchange: Exchange) -> Iterator[Payload]:
        """The payloads of an exchange that comes from no GoReplay file."""
        if not exchange.body.whole:
            self.losses["requests left out, because their bodies were too long to be recorded"] += 1
            return
        name = f"{exchange.connection % 2**64:016x}{exchange.place % 2**32:08x}"
        start = (exchange.method, exchange.target)
        request = written_request(Message(start, *_framed(exchange.headers, exchange.body)))
        yield Payload(REQUEST, name, exchange.arrived, 0, request)
        if not exchange.status:
            return
        if not exchange.answer_body.whole:
            self.losses["answers without their bodies, which were too long to be recorded"] += 1
        start = (f"{exchange.status:03}", exchange.reason)
        answer = written_answer(Message(start, *_framed(exchange.answer_headers, exchange.answer_body)))
        first = max(0, exchange.first_byte)
        yield Payload(ANSWER, name, exchange.arrived + first, max(0, exchange.ended - first), answer)


def _framed(fields: Fields, body: Kept) -> tuple[Headers, bytes]:
    """The fields, with a Content-Length where nothing else says how long the body is, and the body."""
    headers = list(fields)
    if body.data and not values(headers, "content-length") and not values(headers, "transfer-encoding"):
        headers.append(("Content-Length", str(len(body.data))))
    return headers, body.data
