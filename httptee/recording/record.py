"""Makes the bytes of a record of an exchange that has ended, without its secrets."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

from httptee.http import Headers
from httptee.recording.exchange import packed
from httptee.recording.pending import Pending
from httptee.recording.secrets import Secrets

_PIECE = 256 * 1024
_Fields = Sequence[tuple[str, str]]
_Body = tuple[bytes, int, bytes]  # the bytes that are kept, the length of the whole, and its digest if it was cut


class RecordMaker:
    """Makes records. A body of over `most` bytes is kept by its length and digest. `secrets` is None if secrets are
    kept. `via` is what the tee adds to Via, or empty: it is not the client's, and goes."""

    def __init__(self, secrets: Secrets | None, most: int, via: str = "") -> None:
        self._secrets = secrets
        self._most = most
        self._via = via[3:]  # without the version, which is the client's

    def record(self, pending: Pending) -> bytes:
        """The record of an exchange. Raises OSError if the file of the request's body cannot be read, and
        ValueError."""
        request = pending.request
        headers, asked = self._message(self._received(request.headers), self._asked(pending))
        answered, body = self._message(pending.headers, self._answered(pending))
        target = request.target
        if self._secrets is not None and "?" in target:
            target = self._secrets.target(target)
        fields = (
            pending.connection, pending.place, request.client, pending.arrived, pending.first_byte, pending.ended,
            request.method, target, headers, pending.status, pending.reason, answered, pending.error, "",
            asked[1], asked[2].hex(), body[1], body[2].hex(),
        )  # fmt: skip
        return packed(fields, asked[0], body[0])

    def _message(self, fields: _Fields, body: _Body) -> tuple[_Fields, _Body]:
        """The fields and the body of a message without secrets."""
        if self._secrets is None:
            return fields, body
        if body[0]:
            fields, data = self._secrets.body(fields, body[0])
            if data is None:
                body = (b"", body[1], hashlib.sha256(body[0]).digest())
            elif data is not body[0]:
                body = (data, len(data), b"")
        return self._secrets.fields(fields), body

    def _received(self, fields: Headers) -> Headers:
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
            return self._kept(body)
        if pending.file is None:
            return b"", body.length, b""
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
        return (b"".join(pieces), length, b"") if length <= self._most else (b"", length, digest.digest())

    def _answered(self, pending: Pending) -> _Body:
        pieces = pending.pieces
        if pieces is None:
            return self._kept(pending.body)
        content = pieces.content
        if content is None or pending.ended < 0:  # too long, or it broke off
            return b"", pieces.length, pieces.digest if pending.ended >= 0 else b""
        return content, len(content), b""

    def _kept(self, body: bytes) -> _Body:
        if len(body) <= self._most:
            return body, len(body), b""
        return b"", len(body), hashlib.sha256(body).digest()
