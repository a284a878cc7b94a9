"""Makes the bytes of a record of an exchange that has ended, without its secrets.

A `Sieve` does it for rows, and looks at each text only once. Most requests of a client have the same header
fields, and so have many answers. So what becomes of the bytes of a head is remembered, within bounds. A record without
a secret stays as it is: the same bytes go to the disk.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from httptee.http import Headers, Request, Response
from httptee.http.uploads import StreamedBody
from httptee.quick import OPENS, ROW, ROW_FORMAT, SUSPICIOUS, pass_clean
from httptee.recording.exchange import decode, packed
from httptee.recording.heads import answer_of, answer_text, divided, end_to_end_of, fields_in, fields_of, is_plain
from httptee.recording.pending import Pending
from httptee.recording.register import Record
from httptee.recording.secrets import Secrets
from httptee.selection.secrets import examined

_PIECE = 256 * 1024
_REMEMBERED = 1024  # heads of requests, and as many of answers
_LONG = 2048  # bytes; longer heads are not remembered
_Fields = Sequence[tuple[str, str]]
_Body = tuple[bytes, int, str]  # the bytes that are kept, the length of the whole, and its digest if it was cut


def connection_base() -> int:
    """A random number for the connections of one process, which are numbered from 1 in each."""
    return int.from_bytes(os.urandom(4), "big") >> 2 << 32


class RecordMaker:
    """Makes records. A body of over `most` bytes is kept by its length and digest. `secrets` is None if secrets are
    kept. `via` is what the tee adds to Via, or empty: it is not the client's, and goes. `base` is added to the numbers
    of connections."""

    def __init__(self, secrets: Secrets | None, most: int, via: str = "", base: int = 0) -> None:
        self.secrets = secrets
        self._most = most
        self._via = via[3:]  # without the version, which is the client's
        self._last = ("Via", via)  # mostly the last field
        self._base = base

    def record(self, pending: Pending) -> bytes:
        """The record of an exchange. Raises OSError if the file of the request's body cannot be read, and
        ValueError."""
        request, response = pending.request, pending.response
        headers: _Fields = request.headers
        if self._via:
            headers = headers[:-1] if headers and headers[-1] == self._last else self.received(request.headers)
        asked, asked_length, asked_digest = self._asked(pending)
        if response.error:
            status, reason, first_byte, ended = 0, "", -1, -1
            answered: _Fields = ()
            body, length, digest = b"", 0, ""
        else:
            status, reason, answered = response.status, response.reason, response.headers
            first_byte, ended = max(0, pending.first_byte), max(-1, pending.ended)
            body, length, digest = self._answered(pending)
        target, secrets = request.target, self.secrets
        if secrets is not None:
            target = secrets.target(target)
            headers, asked, asked_length, asked_digest = secrets.message(headers, asked, asked_length, asked_digest)
            answered, body, length, digest = secrets.message(answered, body, length, digest)
        number, place = pending.place
        fields = (
            self._base + number, place, request.client, pending.arrived, first_byte, ended, request.method, target,
            headers, status, reason, answered, pending.error, "", asked_length, asked_digest, length, digest,
        )  # fmt: skip
        return packed(fields, asked, body)

    def received(self, fields: Headers) -> Headers:
        """The request's fields without this tee's own entry in Via."""
        if not self._via:
            return fields
        for at in range(len(fields) - 1, -1, -1):
            name, value = fields[at]
            if len(name) == 3 and name.lower() == "via" and value.endswith(self._via):
                before = value.rpartition(",")[0].rstrip()
                return [*fields[:at], *([(name, before)] if before else []), *fields[at + 1 :]]
        return fields

    def _asked(self, pending: Pending) -> _Body:
        body = pending.request.body
        if isinstance(body, bytes):
            return self._kept(body) if len(body) > self._most else (body, len(body), "")
        if isinstance(body, StreamedBody):
            return b"", len(body), body.digest
        if pending.file is None:
            return b"", body.length, ""
        descriptor, start, length = pending.file
        digest, pieces = hashlib.sha256(), []
        end = start + length
        while start < end and (piece := os.pread(descriptor, min(_PIECE, end - start), start)):
            start += len(piece)
            if length <= self._most:
                pieces.append(piece)
            else:
                digest.update(piece)
        if start < end:
            raise OSError("the file of the request's body is too short")
        return (b"".join(pieces), length, "") if length <= self._most else (b"", length, digest.hexdigest())

    def _answered(self, pending: Pending) -> _Body:
        pieces, body = pending.pieces, pending.response.body
        if pieces is None:
            return self._kept(body) if isinstance(body, bytes) else (b"", 0, "")
        content = pieces.content
        if content is None or pending.ended < 0:  # too long, or it broke off
            return b"", pieces.length, pieces.digest.hex() if pending.ended >= 0 else ""
        return content, len(content), ""

    def _kept(self, body: bytes) -> _Body:
        if len(body) <= self._most:
            return body, len(body), ""
        return b"", len(body), hashlib.sha256(body).hexdigest()


@dataclass(frozen=True, slots=True)
class _Head:
    """What is known of a head. `text` stands for it, unless it is `clean`. `kind` is the type of the body, and `coding`
    its content codings; `opaque` if a body with these has to be looked into, whatever it begins with."""

    text: bytes
    clean: bool
    kind: str = ""
    coding: str = ""
    opaque: bool = False


def _remember(known: set[bytes], text: bytes) -> None:
    if len(text) <= _LONG:
        if len(known) >= _REMEMBERED:
            known.clear()
        known.add(text)


def _head(old: bytes, text: bytes, kind: str, coding: str) -> _Head:
    return _Head(text, text == old, kind, coding, bool(coding) or examined(kind))


class Sieve:
    """For one thread. `maker` makes the record where something in a body is replaced. It adds nothing to the numbers of
    connections."""

    def __init__(self, maker: RecordMaker) -> None:
        self._maker = maker
        self._secrets = maker.secrets
        self._asked = lru_cache(_REMEMBERED)(self._look_at_fields)
        self._answered = lru_cache(_REMEMBERED)(self._look_at_answer)
        self._clean_asked: set[bytes] = set()  # header fields, and heads of answers, that are recorded as they are
        self._clean_answers: set[bytes] = set()

    def pass_clean(self, data: bytes, start: int, found: list[Record]) -> int:
        """The same for the first of the rows in `data` from `start` on, with their arrivals, into `found`: those whose
        heads are known, and that stay as they are. Where the next row begins, or the end."""
        return pass_clean(data, start, self._clean_asked, self._clean_answers, found)

    def record(self, row: bytes) -> bytes:
        """The record of a row: mostly the same bytes. Raises ValueError and struct.error."""
        format_, *numbers, client, answer, head, asked, body = ROW.unpack_from(row)
        answer_at = ROW.size + client
        head_at = answer_at + answer
        asked_at = head_at + head
        body_at = asked_at + asked
        line_end = row.index(b"\r\n", head_at, asked_at)
        fields, lines = row[line_end + 2 : asked_at], row[answer_at:head_at]
        known = self._asked(fields) if len(fields) <= _LONG else self._look_at_fields(fields)
        on_wire = format_ == ROW_FORMAT
        look = self._answered if answer <= _LONG else self._look_at_answer
        answered = look(lines, on_wire)
        if (asked and self._opens(known, row, asked_at, body_at)) or (
            body and self._opens(answered, row, body_at, len(row))
        ):
            return self._made(row)
        line = old = row[head_at:line_end]
        if SUSPICIOUS.search(line):
            line = self._without_secrets(line)
        if known.clean and answered.clean and line == old:
            if on_wire and not known.opaque and not answered.opaque:
                _remember(self._clean_asked, fields)
                _remember(self._clean_answers, lines)
            return row
        lines = lines if answered.clean else answered.text
        changed = b"%b\r\n%b" % (line, fields if known.clean else known.text)
        begun = ROW.pack(format_, *numbers, client, len(lines), len(changed), asked, body)
        return b"".join((begun, row[ROW.size : answer_at], lines, changed, row[asked_at:]))

    def _opens(self, head: _Head, row: bytes, start: int, end: int) -> bool:
        """Whether something in a body, which is there in a row, may have to be replaced."""
        if not head.opaque and row[start] not in OPENS:
            return False
        secrets, body = self._secrets, row[start:end]
        if secrets is None or not secrets.looked_into(head.kind, head.coding, body):
            return False
        return bool(head.coding) or secrets.content(head.kind, body) is not body

    def _without_secrets(self, line: bytes) -> bytes:
        """A request line with the secrets in its target replaced."""
        if self._secrets is None:
            return line
        method, target, version = line.decode("latin-1").split(" ")
        return " ".join((method, self._secrets.target(target), version)).encode("latin-1")

    def _look_at_fields(self, text: bytes) -> _Head:
        """What becomes of the header fields of a request: this tee's own entry in Via is not the client's."""
        fields: _Fields = self._maker.received(fields_in(text))
        secrets = self._secrets
        if secrets is None:
            changed, content = fields_of(fields), ("", "")
        else:
            changed, content = fields_of(secrets.fields(fields)), secrets.content_of(fields)
        return _head(text, changed, *content)

    def _look_at_answer(self, text: bytes, on_wire: bool) -> _Head:
        """What becomes of the head of an answer: as it was on the wire, or as lines."""
        secrets = self._secrets
        if secrets is None:
            return _Head(text, clean=True)
        if on_wire:
            given, passed_on = end_to_end_of(text)
            changed = secrets.fields(passed_on)
            same = changed is passed_on and is_plain(given, passed_on)
            new = text if same else b"%b\r\n%b" % (divided(text)[0], fields_of(changed))
            return _head(text, new, *secrets.content_of(passed_on))
        reason, error, fields = answer_of(text)
        return _head(text, answer_text(reason, error, secrets.fields(fields)), *secrets.content_of(fields))

    def _made(self, row: bytes) -> bytes:
        """The record, made anew of its values."""
        one = decode(row)
        request = Request(one.method, one.target, list(one.headers), one.body.data, one.client, "")
        answered, body = list(one.answer_headers), one.answer_body.data
        response = Response(one.status, one.reason, answered, body, error=one.error)
        pending = Pending(request, response, (one.connection, one.place), one.arrived, one.first_byte)
        return self._maker.record(pending)
