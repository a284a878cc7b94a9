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

# This module refuses input that llhttp accepts: control characters in the reason, versions other than HTTP/1.0 and 1.1,
# RTSP and ICE, statuses below 100, empty lines before the status line, transfer codings other than one `chunked`, and
# heads, interim answers and trailers over these limits.
MAX_HEAD = 65_536  # bytes of one head, from its status line to the empty line at its end
MAX_STATUS_LINE = 8_192  # bytes
MAX_FIELDS = 256  # header fields of one head
MAX_INTERIM = 32  # interim (1xx) answers before the final one
MAX_CHUNK_OVERHEAD = 65_536  # bytes of chunk extensions and trailers without a byte of the body between them

_VERSIONS = (b"HTTP/1.1 ", b"HTTP/1.0 ")
_EMPTY_LINE = b"\r\n\r\n"
_CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_fields = re.compile(r"\r\n([^:]+):[ \t]*([^\r]*)").findall
MARGIN = 0.8
"""Of the idle limit that an upstream has: the rest is for the way there, and for timers that are not exact."""
_ANNOUNCED = re.compile(r"(?:^|[,;])[ \t]*timeout[ \t]*=[ \t]*\"?([0-9]{1,6})", re.IGNORECASE)
_control = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search
_FRAMING_LENGTHS = frozenset(map(len, ("connection", "keep-alive", "content-length", "transfer-encoding")))


def announced(value: str) -> float:
    """The seconds of `timeout` in a Keep-Alive field (RFC 2068 §19.7.1.1); infinite where it does not say."""
    found = _ANNOUNCED.search(value)
    return int(found[1]) * MARGIN if found else inf


def _persists(options: str, modern: bool) -> bool:
    """Whether the connection persists with these Connection options, in lower case (RFC 9112 §9.3)."""
    if modern and "close" not in options:
        return True
    tokens = [token.strip(" \t") for token in options.split(",")]
    return "close" not in tokens and (modern or "keep-alive" in tokens)


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
    means that the body has ended. `keep_alive` means that the connection can carry the next exchange.
    """

    __slots__ = (
        *("complete", "headers", "headers_complete", "idle_limit", "keep_alive", "length", "reason", "status"),
        *("_body", "_chunks", "_head", "_interim", "_left", "_method", "_overhead", "_parser", "_persistent", "_tail"),
    )

    def __init__(self, method: str) -> None:
        self._method = method
        self._parser = HttpResponseParser(None)
        self._head = b""
        self._interim = 0
        self._chunks: _ChunkedBody | None = None
        self._left = -1
        self._body: list[bytes] = []
        self.headers_complete = self.complete = self.keep_alive = False
        self.length: int | None = None
        self.idle_limit = inf
        self.status = 0
        self.reason = ""
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
        """Check the next bytes of the head. Returns the bytes after the head, or b"" if it has not ended."""
        known = self._head
        seen = known + data
        end = seen.find(_EMPTY_LINE, len(known) - 3 if len(known) > 3 else 0) + 4
        ended = end > 3
        head = seen[:end] if ended else seen
        if not head.startswith(_VERSIONS) and not (len(head) < 9 and any(v.startswith(head) for v in _VERSIONS)):
            raise UpstreamProtocolError("the answer does not begin with HTTP/1.1 or HTTP/1.0")
        if len(head) > MAX_STATUS_LINE and (len(head) > MAX_HEAD or b"\r" not in head[:MAX_STATUS_LINE]):
            raise UpstreamProtocolError("the answer's head or its status line is longer than the limit")
        try:
            self._parser.feed_data(head[len(known) :] if known else head)
        except HttpParserUpgrade:
            pass  # raised for 101 only, which is refused below
        except HttpParserError as error:
            raise UpstreamProtocolError(str(error)) from None
        if not ended:
            self._head = seen
            return b""
        self._read_head(head.decode("latin-1"))
        return seen[end:]

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
        headers = _fields(head)
        if len(headers) > MAX_FIELDS:
            raise UpstreamProtocolError(f"the answer has more than {MAX_FIELDS} header fields")
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
        self._head = b""

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
        self._persistent = modern if not options else _persists(options.lower(), modern)
        if self._method == "HEAD" or status == 204 or status == 304 or self.length == 0:
            self._left = 0
            self.complete = True
            self.keep_alive = self._persistent  # set to False if more bytes follow
        elif coding:
            self._chunks = _ChunkedBody()
            self._parser = HttpResponseParser(self._chunks)
            self._parser.feed_data(_CHUNKED_HEAD)
            self._persistent &= modern  # RFC 9112 §6.1: close after chunks in HTTP/1.0
            self._overhead = 0
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
        if chunks.pieces:
            self._body += chunks.pieces
            chunks.pieces.clear()
            self._overhead = 0
        elif not chunks.ended:
            self._overhead += len(data)
            if self._overhead > MAX_CHUNK_OVERHEAD:
                raise UpstreamProtocolError("chunk extensions or trailers are longer than the limit")
        if chunks.ended:
            # llhttp skips empty lines after the end, as it does before a message. The last bytes show them.
            clean = tail.endswith(_EMPTY_LINE) and not tail.endswith(b"\r\n" + _EMPTY_LINE)
            self.complete = True
            self.keep_alive = self._persistent and clean and not chunks.extra_bytes
