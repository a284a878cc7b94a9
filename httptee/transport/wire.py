"""HTTP/1.1 on the wire, without I/O: request bytes out, an answer in.

The facts. An answer is a head and a body (RFC 9112 §2.1). The head ends at the first empty line; it may follow any
number of interim (1xx) heads. Where the body ends is for the head and the request's method to say (§6.3): nowhere,
after Content-Length bytes, after the last chunk, or when the connection closes. What comes after the end belongs to
no answer: the connection that carried it has lost its place and must not carry another exchange.

Hence the representation. llhttp judges the head, byte for byte, with no callbacks, and so nothing is built that may
have to be thrown away; a head it has passed has exactly one `CRLF name ":" value` a field, which one regular
expression takes apart. A body of known length, or one that ends with the connection, needs no parser: the bytes that
came from the socket are the bytes handed on. Only chunks go through llhttp a second time.

What llhttp takes and this module refuses: control characters in the reason, versions other than HTTP/1.0 and 1.1,
RTSP and ICE, statuses below 100, empty lines before the status line, transfer codings other than one `chunked`, and
heads, interim answers and trailers without bound.
"""

from __future__ import annotations

import re
from math import inf

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from httptee.errors import UpstreamProtocolError, UpstreamReset
from httptee.http import Headers

MAX_HEAD = 65_536  # bytes of one head, from its status line to the empty line at its end
MAX_STATUS_LINE = 8_192  # bytes
MAX_FIELDS = 256  # header fields of one head
MAX_INTERIM = 32  # interim (1xx) answers before the final one
MAX_CHUNK_OVERHEAD = 65_536  # bytes of chunk extensions and trailers with nothing of the body among them

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
    """Whether the Connection options, in lower case, let the connection live on (RFC 9112 §9.3)."""
    if modern and "close" not in options:
        return True
    tokens = [token.strip(" \t") for token in options.split(",")]
    return "close" not in tokens and (modern or "keep-alive" in tokens)


class _ChunkedBody:
    """What llhttp finds in a chunked body (RFC 9112 §7.1). Knows nothing of the parser, so there is no cycle."""

    __slots__ = ("ended", "on_body", "pieces", "rubbish")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.on_body = self.pieces.append
        self.ended = self.rubbish = False

    def on_message_complete(self) -> None:
        self.ended = True

    def on_message_begin(self) -> None:
        self.rubbish = self.ended


class Answer:
    """An answer as it arrives: feed it bytes, take body pieces out. Pure, and for one exchange.

    `status`, `reason` and `headers` hold from `headers_complete` on; text is latin-1, values without the white space
    around them (RFC 9112 §5.1). `length` is the body's size in bytes where the head says it. `complete` means that the
    body has ended, and `keep_alive` that the connection stands at the start of the next answer.
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
        """Take in what the connection delivered; raises UpstreamProtocolError for what is not an HTTP/1 answer."""
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
        """The part of the body that has arrived since the last call, b"" where there is none."""
        body = self._body
        if not body:
            return b""
        piece = body[0] if len(body) == 1 else b"".join(body)
        body.clear()
        return piece

    def eof(self) -> None:
        """The upstream closed: the end of a close-delimited body, UpstreamReset anywhere else (RFC 9112 §8)."""
        self.keep_alive = False
        if self.complete:
            return
        if not self.headers_complete:
            raise UpstreamReset("closed before the end of the answer's head")
        if self._chunks is not None or self._left >= 0:
            raise UpstreamReset("closed before the end of the answer's body")
        self.complete = True

    def _feed_head(self, data: bytes) -> bytes:
        """Judge what came of the head; returns what follows it, b"" while it goes on."""
        known = self._head
        seen = known + data
        end = seen.find(_EMPTY_LINE, len(known) - 3 if len(known) > 3 else 0) + 4
        ended = end > 3
        head = seen[:end] if ended else seen
        if not head.startswith(_VERSIONS) and not (len(head) < 9 and any(v.startswith(head) for v in _VERSIONS)):
            raise UpstreamProtocolError("the answer does not begin with HTTP/1.1 or HTTP/1.0")
        if len(head) > MAX_STATUS_LINE and (len(head) > MAX_HEAD or b"\r" not in head[:MAX_STATUS_LINE]):
            raise UpstreamProtocolError("the answer's head, or its status line, is longer than it may be")
        try:
            self._parser.feed_data(head[len(known) :] if known else head)
        except HttpParserUpgrade:
            pass  # said of 101 alone, which is refused below
        except HttpParserError as error:
            raise UpstreamProtocolError(str(error)) from None
        if not ended:
            self._head = seen
            return b""
        self._read_head(head.decode("latin-1"))
        return seen[end:]

    def _read_head(self, head: str) -> None:
        """Take apart a head that llhttp has passed."""
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
        """Pass over a 1xx answer (RFC 9110 §15.2); nobody asked for another protocol, so 101 is an error."""
        self._interim += 1
        if status < 100 or status == 101 or self._interim > MAX_INTERIM:
            raise UpstreamProtocolError(f"an interim answer of status {status} that was not asked for")
        self._parser = HttpResponseParser(None)
        self._head = b""

    def _frame(self, status: int, modern: bool) -> None:
        """Where does the body end (RFC 9112 §6.3)? llhttp has refused two lengths, and both framings at once."""
        coding = options = ""
        for name, value in self.headers:
            if len(name) in _FRAMING_LENGTHS:  # a third of the cost of lower() on every name
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
            raise UpstreamProtocolError(f"transfer coding {coding[1:]!r} is not understood")
        self._persistent = modern if not options else _persists(options.lower(), modern)
        if self._method == "HEAD" or status == 204 or status == 304 or self.length == 0:
            self._left = 0
            self.complete = True
            self.keep_alive = self._persistent  # taken back if anything follows
        elif coding:
            self._chunks = _ChunkedBody()
            self._parser = HttpResponseParser(self._chunks)
            self._parser.feed_data(_CHUNKED_HEAD)
            self._persistent &= modern  # RFC 9112 §6.1: chunks from HTTP/1.0, close afterwards
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
            chunks.rubbish = True
        self._tail = tail = (self._tail + data[-6:])[-6:]
        if chunks.pieces:
            self._body += chunks.pieces
            chunks.pieces.clear()
            self._overhead = 0
        elif not chunks.ended:
            self._overhead += len(data)
            if self._overhead > MAX_CHUNK_OVERHEAD:
                raise UpstreamProtocolError("chunk extensions or trailers without end")
        if chunks.ended:
            # llhttp passes over empty lines after the end, as before a message; they show in the last bytes.
            clean = tail.endswith(_EMPTY_LINE) and not tail.endswith(b"\r\n" + _EMPTY_LINE)
            self.complete = True
            self.keep_alive = self._persistent and clean and not chunks.rubbish
