"""HTTP/1.1 on the wire, without I/O: builds request heads and parses answers.

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

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from httptee.errors import Refusal, UpstreamProtocolError, UpstreamReset
from httptee.http import ChunkReader, Headers, OddHead, PassOn, is_http_1
from httptee.transport.persistence import announced, ends_in_chunked, persists
from httptee.transport.timeouts import FOR_CLIENTS, Limits

# This module refuses input that llhttp accepts: control characters in the reason, versions other than HTTP/1, RTSP and
# ICE, statuses below 100, empty lines before the status line, transfer codings other than one `chunked`, and heads,
# interim answers and trailers over these limits.
MAX_STATUS_LINE = 8_192  # bytes
MAX_INTERIM = 32  # interim (1xx) answers before the final one

_VERSIONS = (b"HTTP/1.1 ", b"HTTP/1.0 ")
_EMPTY_LINE = b"\r\n\r\n"
_SHORTEST_FIELD = len(b"a:\r\n")
split_fields = re.compile(r"\r\n([^:]+):[ \t]*([^\r]*)").findall
_control = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search
_FRAMING_LENGTHS = frozenset(map(len, ("connection", "keep-alive", "content-length", "transfer-encoding")))


class Answer:
    """An answer while it arrives: `feed` takes bytes, `take` returns pieces of the body. For one exchange, without I/O.

    `status`, `reason` and `headers` are valid once `headers_complete` is true. Text is latin-1, values are without the
    white space around them (RFC 9112 §5.1). `length` is the size of the body in bytes if the head gives it. `complete`
    means that the body has ended; with `cut_off`, that the tee did not read the rest of it. `keep_alive` means that the
    connection can carry the next exchange. `on_interim` is called with each interim answer except 100 (Continue).
    """

    __slots__ = (
        *("complete", "headers", "headers_complete", "idle_limit", "keep_alive", "length", "on_interim", "reason"),
        *("status", "_body", "_chunks", "_head", "_interim", "_interim_size", "_left", "_limits", "_lines"),
        *("_method", "_odd", "_parser", "_persistent"),
    )

    cut_off = False
    _split = staticmethod(split_fields)

    def __init__(self, method: str, limits: Limits = FOR_CLIENTS) -> None:
        self._method, self._limits = method, limits
        self._parser = HttpResponseParser(None)
        self._head = bytearray()  # empty while one piece holds all of the head
        self._lines = self._interim = self._interim_size = 0
        self._odd: OddHead | None = None
        self.on_interim: PassOn | None = None
        self._chunks: ChunkReader | None = None
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

        Each byte is searched and parsed once, in however many pieces the head arrives; of an odd head, twice.
        """
        if self._odd is not None:
            return self._feed_odd(data)
        seen: bytes | bytearray = data
        before = len(self._head)
        if before:
            self._head += data
            seen = self._head
        end = seen.find(_EMPTY_LINE, before - 3 if before > 3 else 0) + 4
        ended = end > 3
        size = end if ended else len(seen)
        if before < 9 and not seen.startswith(_VERSIONS) and not is_http_1(bytes(seen[: min(size, 9)])):
            raise UpstreamProtocolError("the answer does not begin with HTTP/1.1 or HTTP/1.0")
        if size > MAX_STATUS_LINE and seen.find(b"\n", 0, MAX_STATUS_LINE) < 0:
            raise UpstreamProtocolError("the answer's status line is longer than the limit")
        limits = self._limits
        piece = data[: size - before]
        if before or not ended or size > limits.fields * _SHORTEST_FIELD:
            self._lines += piece.count(b"\n")
        # Too large, if the head has not ended before with an LF alone. Each field costs more than its bytes, so a head
        # with too many is not parsed.
        if size > limits.head or self._lines > limits.fields + 2:
            return self._feed_odd(bytes(seen))
        try:
            self._parser.feed_data(piece)
        except HttpParserUpgrade:
            pass  # raised for 101 only, which is refused below
        except HttpParserError:
            return self._feed_odd(bytes(seen))
        if not ended:
            if not before:
                self._head += data
            return b""
        self._read_head(seen[:end].decode("latin-1"))
        return data[size - before :]

    def _feed_odd(self, data: bytes) -> bytes:
        """Collect a head that is odd or too large, mend it and parse it. Returns as `_feed_head`."""
        odd = self._odd
        if odd is None:
            odd = self._odd = OddHead(self._limits.head, self._limits.fields)
        if not odd.feed(data):
            return b""
        self._parser = HttpResponseParser(None)
        try:
            self._parser.feed_data(odd.head)
        except (HttpParserError, HttpParserUpgrade) as error:
            raise UpstreamProtocolError(str(error)) from None
        self._read_head(odd.head.decode("latin-1"))
        return odd.rest

    def _read_head(self, head: str) -> None:
        """Split a head that llhttp has accepted."""
        status: int = self._parser.get_status_code()
        reason = head[13 : head.index("\r")]
        if not reason.isprintable() and _control(reason):
            raise UpstreamProtocolError("a control character in the answer's reason")
        if status < 200:
            self._read_interim(status, reason, head)
            return
        self.status, self.reason = status, reason
        self.headers = self._split_head(head)
        self._frame(status, head.startswith("HTTP/1.1"))
        self.headers_complete = True

    def _split_head(self, head: str) -> Headers:
        """The header fields of a head, without the white space around their values."""
        headers = self._split(head)
        if " \r" in head or "\t" in head:
            headers = [(name, value.rstrip(" \t")) for name, value in headers]
        return headers

    def _read_interim(self, status: int, reason: str, head: str) -> None:
        """Pass on a 1xx answer (RFC 9110 §15.2). The tee never requests another protocol, so 101 is an error."""
        self._interim += 1
        self._interim_size += len(head)
        if status < 100 or status == 101:
            raise UpstreamProtocolError(f"an interim answer of status {status} that was not expected")
        if self._interim > MAX_INTERIM or self._interim_size > self._limits.head:
            raise UpstreamProtocolError("more interim answers than the limit")
        if self.on_interim is not None and status != 100:
            self.on_interim(status, reason, self._split_head(head))
        self._parser = HttpResponseParser(None)
        self._head.clear()
        self._lines, self._odd = 0, None

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
        chunked = coding == ",chunked" or (coding != "" and ends_in_chunked(coding))
        self._persistent = modern if not options else persists(options.lower(), modern)
        if self._odd is not None:
            self._persistent &= self._odd.certain
        if status == 204 and (coding or self.length is not None):
            self._without_length()
        if self._method == "HEAD" or status == 204 or status == 304 or self.length == 0:
            self._left = 0
            self.complete = True
            self.keep_alive = self._persistent  # set to False if more bytes follow
        elif chunked:
            self._chunks = ChunkReader(inf, self._limits.chunks)
            self._persistent &= modern  # RFC 9112 §6.1: close after chunks in HTTP/1.0
        elif self.length is not None:
            self._left = self.length

    def _without_length(self) -> None:
        """Remove the length of a 204, which must have none (RFC 9110 §8.6). A body of it may still follow."""
        self.headers = [pair for pair in self.headers if pair[0].lower() != "content-length"]
        self._persistent = self._persistent and self.length == 0
        self.length = None

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
