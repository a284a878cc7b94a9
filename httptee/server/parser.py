"""Parses requests: waitress's parser, made exact and strict.

waitress loses the case, order and duplicates of field names, and names with an underscore. This parser keeps them. It
also refuses messages that waitress accepts and that two servers may frame differently: they allow request smuggling
(RFC 9112 §11.2). One regular expression matches the whole head, so everything outside its grammar is refused: bare CR
or LF, NUL, folded lines, white space before a colon.
"""

from __future__ import annotations

import re
from typing import Any

from waitress.buffers import OverflowableBuffer
from waitress.parser import HTTPRequestParser
from waitress.receiver import ChunkedReceiver, FixedStreamReceiver

from httptee.errors import (
    BadRequest,
    BodyTooLarge,
    HeadersTooLarge,
    NotImplementedCoding,
    TeeError,
    VersionNotSupported,
)
from httptee.http import Headers

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_HEAD = re.compile(rf"({_TOKEN}) ([!-~\x80-\xff]+) HTTP/(\d\.\d)\r\n(?:{_TOKEN}:[^\x00-\x08\x0a-\x1f\x7f]*\r\n)*\r\n")
# Only for heads that match. Three times as fast as a pattern without a fixed first character.
_FIELD = re.compile(r"\n([^:\r]+):[ \t]*([^\r]*)")
_BARE_LF = re.compile(rb"(?<!\r)\n")
# Empty lines before a request line are skipped (RFC 9112 §2.2).
_BLANK = b"\r\n"
_LONGEST_CHUNK_LINE = 4096
_LONGEST_TRAILER = 64 * 1024


class RequestParser(HTTPRequestParser):
    """One request. `pairs` are its header fields as received, `error` is the refusal, if any."""

    request_uri = "*"
    command = ""
    version = "1.1"
    header_plus = b""
    connection_close = False

    def __init__(self, adj: Any) -> None:
        self.adj = adj
        self.pairs: Headers = []

    def received(self, data: bytes) -> int:
        """Parse bytes of this request; return how many of them belong to it."""
        if self.body_rcv is not None:
            return self._received_body(data)
        if self.completed:
            return 0
        head = self.header_plus + data if self.header_plus else data
        while head.startswith(_BLANK):
            head = head[2:]
        end = head.find(b"\r\n\r\n") + 4
        if end > 3 and end <= self.adj.max_request_header_size:
            self._parse(head[:end].decode("latin-1"))
            return len(data) - len(head) + end
        self.header_plus = head
        if len(head) > self.adj.max_request_header_size:
            self._refuse(HeadersTooLarge(f"the header section is over {self.adj.max_request_header_size} bytes"))
        elif _BARE_LF.search(head):
            self._refuse(BadRequest("a line ends in a bare LF"))
        return len(data)

    def _parse(self, head: str) -> None:
        self.headers_finished = True
        self.header_plus = b""
        matched = _HEAD.fullmatch(head)
        try:
            if matched is None:
                raise BadRequest("the request line or a header field breaks the grammar of RFC 9112")
            self.command, self.request_uri, self.version = matched.groups()
            pairs = _FIELD.findall(head)
            if " \r" in head or "\t\r" in head:
                pairs = [(name, value.rstrip(" \t")) for name, value in pairs]
            self.pairs = pairs
            self._frame(pairs)
        except TeeError as error:
            self._refuse(error)

    def _frame(self, pairs: Headers) -> None:
        """Find the length of the body, and whether the connection ends with this request."""
        lengths: list[str] = []
        codings: list[str] = []
        hosts = 0
        keep_alive = False
        for name, value in pairs:
            lowered = name.lower()
            if lowered == "host":
                hosts += 1
            elif lowered == "connection":
                options = [option.strip() for option in value.lower().split(",")]
                keep_alive = "keep-alive" in options
                self.connection_close = self.connection_close or "close" in options
            elif lowered == "content-length":
                lengths.append(value)
            elif lowered == "transfer-encoding":
                codings.append(value)
            elif lowered == "expect":
                self.expect_continue = value.lower() == "100-continue" and self.version == "1.1"
        if self.version == "1.0":
            self.connection_close = self.connection_close or not keep_alive
        elif self.version != "1.1":
            raise VersionNotSupported(f"HTTP/{self.version} is not supported")
        if hosts != 1 and (hosts or self.version == "1.1"):
            raise BadRequest("a request has exactly one Host field (RFC 9112 section 3.2)")
        if lengths or codings:
            self._receive_body(lengths, codings)
        else:
            self.completed = True

    def _receive_body(self, lengths: list[str], codings: list[str]) -> None:
        """Choose the receiver of the body (RFC 9112 §6.3). A body that could be framed in two ways is refused."""
        if codings:
            if lengths or self.version == "1.0":
                raise BadRequest("Transfer-Encoding is not allowed beside Content-Length or in an HTTP/1.0 request")
            if len(codings) > 1 or codings[0].lower() != "chunked":
                raise NotImplementedCoding("the only supported transfer coding is one chunked")
            self.chunked = True
            self.body_rcv = StrictChunkedReceiver(OverflowableBuffer(self.adj.inbuf_overflow))
            return
        length = lengths[0]
        if len(lengths) > 1 or not (length.isascii() and length.isdigit() and len(length) < 20):
            raise BadRequest("Content-Length is not one number")
        self.content_length = int(length)
        if self.content_length > self.adj.max_request_body_size:
            raise BodyTooLarge(f"the request body is over the limit of {self.adj.max_request_body_size} bytes")
        if self.content_length:
            self.body_rcv = FixedStreamReceiver(self.content_length, OverflowableBuffer(self.adj.inbuf_overflow))
        else:
            self.completed = True

    def _received_body(self, data: bytes) -> int:
        if self.completed:
            return 0
        receiver = self.body_rcv
        consumed: int = receiver.received(data)
        if receiver.error:
            self._refuse(BadRequest("the chunked framing of the request body is broken"))
        elif len(receiver) > self.adj.max_request_body_size:
            self._refuse(BodyTooLarge(f"the request body is over the limit of {self.adj.max_request_body_size} bytes"))
        elif receiver.completed:
            self.completed = True
            self.content_length = len(receiver)
        return consumed

    def _refuse(self, error: TeeError) -> None:
        self.error = error
        self.completed = True
        self.connection_close = True
        self.expect_continue = False


class StrictChunkedReceiver(ChunkedReceiver):
    """waitress's receiver with a limit on the bytes that it holds between chunks."""

    def received(self, s: bytes) -> int:
        """Take in bytes of a chunked body; return how many of them belong to it."""
        consumed: int = super().received(s)
        if len(self.control_line) > _LONGEST_CHUNK_LINE or len(self.trailer) > _LONGEST_TRAILER:
            self.error = BadRequest("a chunk line or the trailer section is too long")
        return consumed
