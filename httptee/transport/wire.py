"""HTTP/1.1 on the wire, without I/O: parses answers.

An answer is a head and a body (RFC 9112 §2.1). The head ends at the first empty line; interim (1xx) heads may come
before it. The head and the request's method say where the body ends (§6.3): at once, after Content-Length bytes, after
the last chunk, or when the connection closes. Bytes after that end belong to no answer, so their connection must not
carry another exchange.

llhttp checks the head byte by byte, without callbacks. A valid head has exactly one `CRLF name ":" value` for each
field, so one regular expression can split it. A head that llhttp refuses is collected to its end, mended where RFC 9112
says how (`http.mending`), and given to llhttp again. Chunks go through a reader; the bytes of all other bodies are
passed on as they were read.
"""

from __future__ import annotations

import re
from math import inf
from typing import Any, Protocol

from httptools import HttpResponseParser

from httptee.errors import Refusal, UpstreamProtocolError, UpstreamReset
from httptee.http import ChunkReader, Headers, PassOn, Pieces
from httptee.transport.head import EMPTY_LINE, VERSIONS, Head, accepts, all_fields, framing, framing_fields, switched
from httptee.transport.timeouts import FOR_CLIENTS, Limits

# This module refuses input that llhttp accepts: control characters in the reason, versions other than HTTP/1, RTSP and
# ICE, statuses below 100, empty lines before the status line, transfer codings other than one `chunked`, and heads,
# interim answers and trailers over these limits.
MAX_INTERIM = 32  # interim (1xx) answers before the final one

_control = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search


class Bound(Protocol):
    """Bounds what answers may cost."""

    def feed(self, answer: Answer, data: bytes) -> None:
        """Let an answer parse bytes from the connection: it calls `parse`."""

    def pass_over(self, answer: Answer, size: int) -> None:
        """`size` bytes of the body were discarded."""


class Answer:
    """An answer while it arrives: `feed` takes bytes, `take` returns pieces of the body. For one exchange, without I/O.

    `status` is 0 until `headers_complete` is true; `reason`, `headers`, `length` and `idle_limit` are set then. Text is
    latin-1, values are without the white space around them (RFC 9112 §5.1). `length` is the size of the body in bytes
    if the head gives it. `complete` means that the body has ended; with `cut_off`, that the tee did not read the rest
    of it. `keep_alive` means that the connection can carry the next exchange. `on_interim` is called with each interim
    answer except 100 (Continue): with one 100 only while it is `expected`.

    `head` has the bytes that `headers` are of if they are few and not a B's, else none. `head_seconds` is the time from
    the request on the wire to the head in the kernel, or 0.0 if it was not measured. `upgrade` has the protocols that
    the request asks to switch to. A 101 to one of them is the answer, and all behind it its body; for a clone, the end.

    `bound` bounds what the answer may cost, and notes in `spent` what it has. `headers` then has only the fields that
    frame the body, and Retry-After, unless the body is `kept`: then its pieces go into that list.
    """

    __slots__ = (
        *("complete", "cut_off", "expected", "head", "head_seconds", "headers", "headers_complete", "idle_limit"),
        *("keep_alive", "kept", "length", "on_interim", "reason", "spent", "status", "upgrade", "_all_fields", "_body"),
        *("_bound", "_chunks", "_head", "_interim", "_left", "_limits", "_method", "_persistent"),
    )

    def __init__(
        self, method: str, limits: Limits = FOR_CLIENTS, bound: Bound | None = None, kept: Pieces | None = None
    ) -> None:
        self._method = method
        self._limits = limits
        self._bound = bound
        self._all_fields = bound is None or kept is not None
        self.kept = kept
        self._head: Head | None = None  # None while one piece holds all of a short head
        self._interim: list[int] | None = None  # the sizes of the interim heads
        self.on_interim: PassOn | None = None
        self.upgrade: tuple[str, ...] = ()
        self._chunks: ChunkReader | None = None
        self._left = 0  # bytes of the body that are missing, if the head gives its length
        self._body: list[bytes] = [] if kept is None else kept
        self.spent: Any = None
        self.head = b""
        self.head_seconds = 0.0
        self.headers_complete = self.complete = self.keep_alive = self.cut_off = self.expected = False
        self.status = 0
        self.headers: Headers = []

    def feed(self, data: bytes) -> None:
        """Parse bytes from the connection. Raises UpstreamProtocolError if they are not an HTTP/1 answer."""
        if self._bound is None:
            self.parse(data)
        else:
            self._bound.feed(self, data)

    def parse(self, data: bytes) -> None:
        """The same, whatever it costs."""
        while data and not self.headers_complete:
            data = self._feed_head(data)
        if not data:
            return
        left = self._left
        if left:
            size = len(data)
            self._body.append(data if size <= left else data[:left])
            if size < left:
                self._left = left - size
            else:
                self._left = 0
                self.complete = True
                self.keep_alive = self._persistent and size == left
        elif self.complete:
            self.keep_alive = False
        elif self._chunks is not None:
            self._feed_chunks(data, self._chunks)
        else:
            self._body.append(data)

    @property
    def unneeded(self) -> int:
        """Bytes of the body that are still to come, if their number is known and nobody needs them."""
        return 0 if self._bound is None or self.kept is not None else self._left

    def pass_over(self, size: int) -> None:
        """`size` bytes have arrived and were discarded: the `unneeded` ones, or more. Raises as `feed` does."""
        left = self._left
        if size < left:
            self._left = left - size
        else:
            self._left = 0
            self.complete = True
            self.keep_alive = self._persistent and size == left
        if self._bound is not None:
            self._bound.pass_over(self, size)

    @property
    def chunked(self) -> bool:
        """Whether the body arrives in chunks."""
        return self._chunks is not None

    def take(self) -> bytes:
        """The part of the body that has arrived since the last call, or b"" if there is none."""
        body = self._body
        if not body:
            return b""
        piece = body[0] if len(body) == 1 else b"".join(body)
        body.clear()
        return piece

    def discard(self) -> None:
        """Discard the part of the body that has arrived."""
        self._body.clear()

    def eof(self) -> None:
        """The upstream closed. Ends a close-delimited body, else raises UpstreamReset if unfinished (RFC 9112 §8)."""
        self.keep_alive = False
        if self.complete:
            return
        if not self.headers_complete:
            raise UpstreamReset("closed before the end of the answer's head")
        if self._chunks is not None or self._left:
            raise UpstreamReset("closed before the end of the answer's body")
        self.complete = True

    def _feed_head(self, data: bytes) -> bytes:
        """Check the next bytes of the head. Returns the bytes after the head, or b"" if it has not ended.

        Each byte is searched and parsed once, in however many pieces the head arrives; of an odd head, up to three
        times.
        """
        head = self._head
        if head is None:
            end = data.find(EMPTY_LINE) + 4
            if 3 < end <= self._limits.small and data.startswith(VERSIONS):
                parser, piece = HttpResponseParser(None), data[:end]
                if accepts(parser, piece):
                    self.head = piece if self._bound is None else b""  # for a B, nobody needs it
                    self._read_head(parser.get_status_code(), piece.decode("latin-1"))
                    return data[end:]
            head = self._head = Head(self._limits)
        rest = head.feed(data)
        if rest is None:
            return b""
        self._head, self.head = None, b""
        self._read_head(head.parser.get_status_code(), head.text, head.certain)
        return rest

    def _read_head(self, status: int, head: str, certain: bool = True) -> None:
        """Split a head that llhttp has accepted, and find where the body ends (RFC 9112 §6.3).

        llhttp has refused two lengths, and both framings at once. If the framing is not `certain`, the connection must
        be closed after the answer.
        """
        reason = head[13 : head.index("\r")]
        if not reason.isprintable() and _control(reason):
            raise UpstreamProtocolError("a control character in the answer's reason")
        if status < 200:
            self._read_interim(status, reason, head)
            return
        fields = all_fields(head) if self._all_fields else framing_fields(head)
        modern = head.startswith("HTTP/1.1")
        length, chunked, persistent, self.idle_limit = framing(fields, modern)
        bodiless = status == 204 or status == 304 or self._method == "HEAD"
        if status == 204 and (length is not None or chunked is not None):  # it must have neither (RFC 9110 §8.6)
            fields, self.head = [pair for pair in fields if pair[0].lower() != "content-length"], b""
            persistent, length = persistent and length == 0, None  # a body of it may still follow
        persistent = persistent and certain
        if bodiless or length == 0:
            self.complete = True
            self.keep_alive = persistent  # set to False if more bytes follow
        elif chunked:
            self._chunks = ChunkReader(inf, self._limits.chunks)
            persistent = persistent and modern  # RFC 9112 §6.1: close after chunks in HTTP/1.0
        elif length is not None:
            self._left = length
        self._persistent = persistent
        self.status = status
        self.reason = reason
        self.headers = fields
        self.length = length
        self.headers_complete = True

    def _read_interim(self, status: int, reason: str, head: str) -> None:
        """Pass on a 1xx answer (RFC 9110 §15.2), and take a 101 that was asked for as the answer."""
        if status == 101 and self.upgrade:
            self.headers = switched(all_fields(head), self.upgrade)
            self.status, self.reason, self.length, self.idle_limit = 101, reason, None, inf
            self.headers_complete, self.complete = True, self._bound is not None
            return
        sizes = self._interim = self._interim or []
        sizes.append(len(head))
        if status < 100 or status == 101:
            raise UpstreamProtocolError(f"an interim answer of status {status} that was not expected")
        if len(sizes) > MAX_INTERIM or sum(sizes) > self._limits.head:
            raise UpstreamProtocolError("more interim answers than the limit")
        if self.on_interim is not None and (status != 100 or self.expected):
            self.expected = self.expected and status != 100
            self.on_interim(status, reason, all_fields(head))

    def _feed_chunks(self, data: bytes, chunks: ChunkReader) -> None:
        try:
            used, content = chunks.feed(data)
        except Refusal as error:
            raise UpstreamProtocolError(str(error)) from None
        if content:
            self._body.append(content)
        if chunks.whole:
            self.complete = True
            self.keep_alive = self._persistent and used == len(data)
