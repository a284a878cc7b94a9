"""Parses requests: waitress's parser, made exact and strict.

waitress loses the case, order and duplicates of field names, and names with an underscore. This parser keeps them. It
also refuses messages that waitress accepts and that two servers may frame differently: they allow request smuggling
(RFC 9112 §11.2). One regular expression matches the whole head, so everything outside its grammar is refused: bare CR
or LF, NUL, folded lines, white space before a colon.
"""

from __future__ import annotations

import re
from typing import Any, BinaryIO

from waitress.parser import HTTPRequestParser

from httptee.errors import BadRequest, BodyTooLarge, HeadersTooLarge, Overloaded, TargetTooLong, TeeError
from httptee.http import (
    BAD_HEAD,
    REQUEST_LINE,
    TOKEN,
    ArrivingBody,
    ChunkReader,
    Headers,
    RequestMemory,
    Section,
    check_codings,
    check_content,
    check_hosts,
    check_start,
    expects_continue,
    listed,
    read_length,
    read_target,
    read_version,
)

_HEAD = re.compile(rf"{REQUEST_LINE}(?:{TOKEN}:[^\x00-\x08\x0a-\x1f\x7f]*\r\n)*\r\n")
# Only for heads that match. Three times as fast as a pattern without a fixed first character.
_FIELD = re.compile(r"\n([^:\r]+):[ \t]*([^\r]*)")
_END, _CRLF = b"\r\n\r\n", b"\r\n"
_MOST_EMPTY_LINES = 8  # before a request line, where RFC 9112 §2.2 wants at least one to be skipped
_MOST_FIELDS = 1024
_FEW_FIELDS = 4096  # a head of this size has fewer fields: the shortest one takes four bytes


class RequestParser(HTTPRequestParser):
    """One request. `pairs` are its header fields as received, `error` is the refusal, if any. `upgrades`: it may ask
    for another protocol, to which belongs what follows it.

    What has arrived of it counts in `memory` until `close`, except for a head that arrives whole.
    """

    request_uri = "*"
    command = ""
    version = "1.1"
    connection_close = upgrades = False
    body_rcv: ArrivingBody | None = None
    is_read_first = False  # whether it was decided if the body is read before the request is served
    _section: Section | None = None  # the head, if it does not arrive in one piece
    _chunks: ChunkReader | None = None
    _empty_lines = 0
    _held = 0  # bytes of the head that are counted in `memory`

    def __init__(self, adj: Any, memory: RequestMemory) -> None:
        self.adj = adj
        self.pairs: Headers = []
        self._memory = memory

    @property
    def begun(self) -> bool:
        """Whether a byte of the request has arrived. Empty lines before the request line are none (RFC 9112 §2.2)."""
        section = self._section
        return section is None or bytes(section.buffer[:2]) not in (b"", b"\r")

    def received(self, data: bytes) -> int:
        """Parse bytes of this request; return how many of them belong to it."""
        if self.body_rcv is not None:
            return self._received_body(self.body_rcv, data)
        if self.completed:
            return 0
        if self._section is None and not data.startswith(b"\r"):
            end = data.find(_END) + 4
            if 3 < end <= _FEW_FIELDS and end <= self.adj.max_request_header_size:
                self._parse(data[:end].decode("latin-1"))
                return end
        try:
            return self._received_head(data)
        except TeeError as error:
            self._refuse(error)
            return len(data)

    def get_body_stream(self) -> BinaryIO:
        """The body as a file at its start. Only for a request with a body."""
        assert self.body_rcv is not None
        return self.body_rcv.stream()

    def close(self) -> None:
        """Free what the request holds. May be called twice."""
        if self._section is not None:
            self._drop_section()
        if self.body_rcv is not None:
            self.body_rcv.close()

    def _received_head(self, data: bytes) -> int:
        """Parse bytes of a head with empty lines before it, of one in pieces, or of a large one."""
        section = self._section
        if section is None:
            section = self._section = Section(bytearray())
        rest = data
        if len(section.buffer) <= 1:  # nothing, or a CR that may begin an empty line
            rest = self._without_empty_lines(bytes(section.buffer) + data)
            section.buffer.clear()
        old = len(data) - len(rest)  # bytes of `data` before `rest`; -1 with a CR from before it
        first = not section.lines  # the request line was not whole before
        used = section.add(rest)
        if first and not used:
            check_start(section.buffer, section.lines > 0)
        size = len(section.buffer)
        limit = self.adj.max_request_header_size
        if size > limit:
            if section.buffer.find(_CRLF, 0, limit) < 0 <= section.buffer.find(b" ", 0, limit):
                raise TargetTooLong(f"the request target is over {limit} bytes")
            raise HeadersTooLarge(f"the header section is over {limit} bytes")
        if section.lines > _MOST_FIELDS + 1:
            raise HeadersTooLarge(f"the request has more than {_MOST_FIELDS} header fields")
        if used:
            head = section.buffer.decode("latin-1")
            self._drop_section()
            self._parse(head)
            return old + used
        if not self._memory.take_for_head(size - self._held, size):
            raise Overloaded("too many request heads are incomplete")
        self._held = size
        return len(data)

    def _without_empty_lines(self, data: bytes) -> bytes:
        """`data` without the empty lines at its start. Raises BadRequest for too many."""
        skipped = 0
        while data.startswith(_CRLF, skipped):
            skipped += 2
            self._empty_lines += 1
            if self._empty_lines > _MOST_EMPTY_LINES:
                raise BadRequest(f"more than {_MOST_EMPTY_LINES} empty lines before the request line")
        return data[skipped:] if skipped else data

    def _drop_section(self) -> None:
        held, self._held = self._held, 0
        self._section = None
        if held:
            self._memory.give_back(held)

    def _parse(self, head: str) -> None:
        self.headers_finished = True
        matched = _HEAD.fullmatch(head)
        try:
            if matched is None:
                raise BadRequest(BAD_HEAD)
            self.command, self.request_uri, self.version = matched.groups()
            if self.version != "1.1":
                self.version = read_version(self.version)
            if self.request_uri[0] != "/" or self.command == "CONNECT":
                read_target(self.command, self.request_uri)
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
        hosts: list[str] = []
        keep_alive = False
        for name, value in pairs:
            lowered = name.lower()
            if lowered == "host":
                hosts.append(value)
            elif lowered == "connection":
                options = listed(value.lower())
                keep_alive = keep_alive or "keep-alive" in options
                self.upgrades = self.upgrades or ("upgrade" in options and self.version == "1.1")
                self.connection_close = self.connection_close or "close" in options
            elif lowered == "content-length":
                lengths.append(value)
            elif lowered == "transfer-encoding":
                codings.append(value)
            elif lowered == "expect":
                self.expect_continue = expects_continue(value) and self.version == "1.1"
        self.connection_close = self.connection_close or (self.version == "1.0" and not keep_alive)
        check_hosts(hosts, required=self.version == "1.1")
        if lengths or codings:
            self._receive_body(lengths, codings)
        else:
            self.completed = True

    def _receive_body(self, lengths: list[str], codings: list[str]) -> None:
        """Choose how the body is read (RFC 9112 §6.3). A body that could be framed in two ways is refused."""
        if codings:
            if lengths or self.version == "1.0":
                raise BadRequest("Transfer-Encoding is not allowed beside Content-Length or in an HTTP/1.0 request")
            check_codings(codings)
            check_content(self.command)
            self.chunked = True
            self._chunks = ChunkReader(self.adj.max_request_body_size)
            self.body_rcv = ArrivingBody(self._memory)
            return
        self.content_length = read_length(lengths)
        if self.content_length > self.adj.max_request_body_size:
            raise BodyTooLarge(f"the request body is over the limit of {self.adj.max_request_body_size} bytes")
        if self.content_length:
            check_content(self.command)
            self.body_rcv = ArrivingBody(self._memory)
        else:
            self.completed = True

    def _received_body(self, body: ArrivingBody, data: bytes) -> int:
        if self.completed:
            return 0
        chunks = self._chunks
        try:
            if chunks is None:
                missing = self.content_length - len(body)
                if len(data) > missing:
                    data = data[:missing]
                body.append(data, len(data) == missing)
                self.completed = len(data) == missing
                return len(data)
            used, content = chunks.feed(data)
            if content:
                body.append(content, chunks.whole)
        except TeeError as error:
            self._refuse(error)
            return len(data)
        if chunks.whole:
            self.completed = True
            self.content_length = len(body)
        return used

    def _refuse(self, error: TeeError) -> None:
        self.error = error
        self.completed = self.connection_close = True
        self.expect_continue = False
