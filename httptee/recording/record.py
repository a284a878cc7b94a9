"""Makes the bytes of a record of an exchange that has ended, without its secrets."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

from httptee.http import Headers, Request, Response
from httptee.http.uploads import StreamedBody
from httptee.recording.exchange import fields_text, joined, packed
from httptee.recording.pending import Pending
from httptee.recording.secrets import Secrets

_PIECE = 256 * 1024
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
        self._secrets = secrets
        self._most = most
        self._via = via[3:]  # without the version, which is the client's
        self._last = ("Via", via)  # mostly the last field
        self._base = base

    def quick(
        self, request: Request, response: Response, place: tuple[int, int], arrived: int, now: int
    ) -> bytes | None:
        """The record of an exchange with small bodies in memory, if nothing in it has to be replaced; else None.

        The thread that has answered the client calls it. To keep a request and its answer until another thread makes
        the record costs more than to make it: their memory cannot be used again at once, and each garbage collection
        visits them.
        """
        asked, body = request.body, response.body
        if response.error or not isinstance(asked, bytes) or not isinstance(body, bytes):
            return None
        return self.plain(
            place[0], place[1], request.client, arrived, now, request.method, request.target, request.headers, asked,
            response.status, response.reason, response.headers, body,
        )  # fmt: skip

    def plain(
        self, connection: int, number: int, client: str, arrived: int, now: int, method: str, target: str,
        headers: Headers, asked: bytes, status: int, reason: str, answered: Headers, body: bytes,
    ) -> bytes | None:  # fmt: skip
        """The record of an exchange with its bodies in memory, if nothing in it has to be replaced; else None."""
        if self._via:
            if not headers or tuple(headers[-1]) != self._last:  # a list, if it comes from another process
                return None
            headers = headers[:-1]
        secrets = self._secrets
        if secrets is not None and not (
            "?" not in target and secrets.clean(headers, asked) and secrets.clean(answered, body)
        ):
            return None
        text = fields_text((
            self._base + connection, number, client, arrived, now, now, method, target, headers, status, reason,
            answered, "", "", len(asked), "", len(body), "",
        ))  # fmt: skip
        return joined(text, asked, body)

    def record(self, pending: Pending) -> bytes:
        """The record of an exchange. Raises OSError if the file of the request's body cannot be read, and
        ValueError."""
        request, response = pending.request, pending.response
        headers: _Fields = request.headers
        if self._via:
            headers = headers[:-1] if headers and headers[-1] == self._last else self._received(request.headers)
        asked, asked_length, asked_digest = self._asked(pending)
        if response.error:
            status, reason, first_byte, ended = 0, "", -1, -1
            answered: _Fields = ()
            body, length, digest = b"", 0, ""
        else:
            status, reason, answered = response.status, response.reason, response.headers
            first_byte, ended = max(0, pending.first_byte), max(-1, pending.ended)
            body, length, digest = self._answered(pending)
        target, secrets = request.target, self._secrets
        if secrets is not None:
            if "?" in target:
                target = secrets.target(target)
            headers, asked, asked_length, asked_digest = secrets.message(headers, asked, asked_length, asked_digest)
            answered, body, length, digest = secrets.message(answered, body, length, digest)
        number, place = pending.place
        fields = (
            self._base + number, place, request.client, pending.arrived, first_byte, ended, request.method, target,
            headers, status, reason, answered, pending.error, "", asked_length, asked_digest, length, digest,
        )  # fmt: skip
        return packed(fields, asked, body)

    def _received(self, fields: Headers) -> Headers:
        """The request's fields without this tee's own entry in Via."""
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
