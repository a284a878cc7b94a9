"""HTTP/1.1 on the wire, without I/O: builds request heads and parses answers.

An answer is a head and a body (RFC 9112 §2.1). The head ends at the first empty line; interim (1xx) heads may come
before it. The head and the request's method say where the body ends (§6.3): at once, after Content-Length bytes, after
the last chunk, or when the connection closes. Bytes after that end belong to no answer, so their connection must not
carry another exchange.

llhttp checks the head byte by byte, without callbacks. A valid head has exactly one `CRLF name ":" value` for each
field, so one regular expression can split it. Of the bodies, only chunks go through llhttp; the bytes of all others are
passed on as they were read.
"""

from __future__ import annotations

import re
from math import inf

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from httptee.errors import UpstreamProtocolError, UpstreamReset
from httptee.http import Headers
from httptee.transport.persistence import announced, persists
from httptee.transport.timeouts import FOR_CLIENTS, Limits

# This module refuses input that llhttp accepts: control characters in the reason, versions other than HTTP/1.0 and 1.1,
# RTSP and ICE, statuses below 100, empty lines before the status line, transfer codings other than one `chunked`, and
# heads, interim answers and trailers over these limits.
MAX_STATUS_LINE = 8_192  # bytes
MAX_INTERIM = 32  # interim (1xx) answers before the final one

_VERSIONS = (b"HTTP/1.1 ", b"HTTP/1.0 ")
_EMPTY_LINE = b"\r\n\r\n"
_SHORTEST_FIELD = len(b"a:\r\n")
_CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_fields = re.compile(r"\r\n([^:]+):[ \t]*([^\r]*)").findall
_control = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search
_FRAMING_LENGTHS = frozenset(map(len, ("connection", "keep-alive", "content-length", "transfer-encoding")))


class _ChunkedBody:
    """Callbacks of llhttp for a chunked body (RFC 9112 §7.1). No reference to the parser, so there is no cycle."""

    __slots__ = ("ended", "extra_bytes", "on_body", "pieces")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.on_body = self.pieces.append
        self.ended = self.extra_bytes = False

    def on_message_complete(self) -> None:
        self.ended = True

    def on_message_begin(self) -> None:
        self.extra_bytes = self.ended


class Answer:
    """An answer while it arrives: `feed` takes bytes, `take` returns pieces of the body. For one exchange, without I/O.

    `status`, `reason` and `headers` are valid once `headers_complete` is true. Text is latin-1, values are without the
    white space around them (RFC 9112 §5.1). `length` is the size of the body in bytes if the head gives it. `complete`
    means that the body has ended; with `cut_off`, that the tee did not read the rest of it. `keep_alive` means that the
    connection can carry the next exchange.
    """

    __slots__ = (
        *("complete", "headers", "headers_complete", "idle_limit", "keep_alive", "length", "reason", "status"),
        *("_body", "_chunks", "_framing", "_head", "_interim", "_left", "_limits", "_lines", "_method", "_parser"),
        *("_persistent", "_tail"),
    )

    cut_off = False
    _split = staticmethod(_fields)

    def __init__(self, method: str, limits: Limits = FOR_CLIENTS) -> None:
        self._method = method
        self._limits = limits
        self._parser = HttpResponseParser(None)
        self._head = bytearray()  # empty while one piece holds all of the head
        self._lines = 0
        self._interim = 0
        self._chunks: _ChunkedBody | None = None
        self._left = -1
        self._body: list[bytes] = []
        self.headers_complete = self.complete = self.keep_alive = False
        self.length: int | None = None
        self.idle_limit, self.status, self.reason = inf, 0, ""
        self.headers: Headers = []

    def feed(self, data: bytes) -> None:
        """Parse bytes from the connection. Raises UpstreamProtocolError if they are not an HTTP/1 answer."""
        while data and not self.headers_complete:
            data = self._feed_head(data)
        if not data:
            return
        left = self._left
        if self.complete:
            self.keep_alive = False
        elif self._chunks is not None:
            self._feed_chunks(data, self._chunks)
        elif left < 0:
            self._body.append(data)
        elif len(data) < left:
            self._left = left - len(data)
            self._body.append(data)
        else:
            self._body.append(data[:left])
            self._left = 0
            self.complete = True
            self.keep_alive = self._persistent and len(data) == left

    def take(self) -> bytes:
        """The part of the body that has arrived since the last call, or b"" if there is none."""
        body = self._body
        if not body:
            return b""
        piece = body[0] if len(body) == 1 else b"".join(body)
        body.clear()
        return piece

    def eof(self) -> None:
        """The upstream closed. Ends a close-delimited body, else raises UpstreamReset if unfinished (RFC 9112 §8)."""
        self.keep_alive = False
        if self.complete:
            return
        if not self.headers_complete:
            raise UpstreamReset("closed before the end of the answer's head")
        if self._chunks is not None or self._left >= 0:
            raise UpstreamReset("closed before the end of the answer's body")
        self.complete = True

    def _feed_head(self, data: bytes) -> bytes:
        """Check the next bytes of the head. Returns the bytes after the head, or b"" if it has not ended.

        Each byte is searched and parsed once, in however many pieces the head arrives.
        """
        seen: bytes | bytearray = data
        before = len(self._head)
        if before:
            self._head += data
            seen = self._head
        end = seen.find(_EMPTY_LINE, before - 3 if before > 3 else 0) + 4
        ended = end > 3
        size = end if ended else len(seen)
        if before < 9 and not seen.startswith(_VERSIONS):
            start = bytes(seen[:size])
            if len(start) > 8 or not any(version.startswith(start) for version in _VERSIONS):
                raise UpstreamProtocolError("the answer does not begin with HTTP/1.1 or HTTP/1.0")
        limits = self._limits
        if size > MAX_STATUS_LINE and (size > limits.head or seen.find(b"\r", 0, MAX_STATUS_LINE) < 0):
            raise UpstreamProtocolError("the answer's head or its status line is longer than the limit")
        piece = data[: size - before]
        if before or not ended or size > limits.fields * _SHORTEST_FIELD:
            self._count_fields(piece, limits.fields)
        try:
            self._parser.feed_data(piece)
        except HttpParserUpgrade:
            pass  # raised for 101 only, which is refused below
        except HttpParserError as error:
            raise UpstreamProtocolError(str(error)) from None
        if not ended:
            if not before:
                self._head += data
            return b""
        self._read_head(seen[:end].decode("latin-1"))
        return data[size - before :]

    def _count_fields(self, piece: bytes, most: int) -> None:
        """Refuse a head with too many fields before it is parsed: each one costs more than its bytes."""
        self._lines += piece.count(b"\n")
        if self._lines > most + 2:  # the status line and the empty line
            raise UpstreamProtocolError(f"the answer has more than {most} header fields")

    def _read_head(self, head: str) -> None:
        """Split a head that llhttp has accepted."""
        status: int = self._parser.get_status_code()
        if status < 200:
            self._skip_interim(status)
            return
        self.status = status
        self.reason = reason = head[13 : head.index("\r")]
        if not reason.isprintable() and _control(reason):
            raise UpstreamProtocolError("a control character in the answer's reason")
        headers = self._split(head)
        if " \r" in head or "\t" in head:
            headers = [(name, value.rstrip(" \t")) for name, value in headers]
        self.headers = headers
        self._frame(status, head.startswith("HTTP/1.1"))
        self.headers_complete = True

    def _skip_interim(self, status: int) -> None:
        """Skip a 1xx answer (RFC 9110 §15.2). The tee never requests another protocol, so 101 is an error."""
        self._interim += 1
        if status < 100 or status == 101 or self._interim > MAX_INTERIM:
            raise UpstreamProtocolError(f"an interim answer of status {status} that was not expected")
        self._parser = HttpResponseParser(None)
        self._head.clear()
        self._lines = 0

    def _frame(self, status: int, modern: bool) -> None:
        """Find where the body ends (RFC 9112 §6.3). llhttp has refused two lengths, and both framings at once."""
        coding = options = ""
        for name, value in self.headers:
            if len(name) in _FRAMING_LENGTHS:  # costs a third of lower() on every name
                name = name.lower()
                if name == "content-length":
                    self.length = int(value)
                elif name == "keep-alive":
                    self.idle_limit = announced(value)
                elif name == "connection":
                    options += f",{value}"
                elif name == "transfer-encoding":
                    coding += f",{value.lower()}"
        if coding and coding != ",chunked":
            raise UpstreamProtocolError(f"transfer coding {coding[1:]!r} is not supported")
        self._persistent = modern if not options else persists(options.lower(), modern)
        if self._method == "HEAD" or status == 204 or status == 304 or self.length == 0:
            self._left = 0
            self.complete = True
            self.keep_alive = self._persistent  # set to False if more bytes follow
        elif coding:
            self._chunks = _ChunkedBody()
            self._parser = HttpResponseParser(self._chunks)
            self._parser.feed_data(_CHUNKED_HEAD)
            self._persistent &= modern  # RFC 9112 §6.1: close after chunks in HTTP/1.0
            self._framing = 0
            self._tail = b""
        elif self.length is not None:
            self._left = self.length

    def _feed_chunks(self, data: bytes, chunks: _ChunkedBody) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            if not chunks.ended:
                raise UpstreamProtocolError(str(error)) from None
            chunks.extra_bytes = True
        self._tail = tail = (self._tail + data[-6:])[-6:]
        limits = self._limits
        self._framing += len(data)
        if pieces := chunks.pieces:
            self._framing -= (1 + limits.framing_per_byte) * sum(map(len, pieces))
            self._body += pieces
            pieces.clear()
        if self._framing > limits.framing:
            raise UpstreamProtocolError("chunk sizes, extensions and trailers are longer than the limit")
        if chunks.ended:
            # llhttp skips empty lines after the end, as it does before a message. The last bytes show them.
            clean = tail.endswith(_EMPTY_LINE) and not tail.endswith(b"\r\n" + _EMPTY_LINE)
            self.complete = True
            self.keep_alive = self._persistent and clean and not chunks.extra_bytes
