"""HTTP/1.1 read from a socket without any library's opinion: every byte that came is kept."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

Headers = list[tuple[str, str]]


class BrokenMessageError(Exception):
    """The peer closed in the middle of a message; `partial` holds what had come."""

    def __init__(self, partial: bytes) -> None:
        super().__init__(f"connection closed after {len(partial)} bytes: {partial[-80:]!r}")
        self.partial = partial


@dataclass(frozen=True)
class Message:
    """A request or an answer: its first line, its header pairs in wire order, its body decoded, and its raw bytes."""

    start: str
    headers: Headers
    body: bytes
    raw: bytes
    trailers: Headers = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """All values of a header, whatever its case."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def value(self, name: str) -> str | None:
        """The header's values joined as RFC 9110 allows, or None where it is absent."""
        return ", ".join(self.values(name)) if self.values(name) else None


@dataclass(frozen=True)
class Request(Message):
    """A request as a server received it."""

    @property
    def method(self) -> str:
        return self.start.split(" ", 1)[0]

    @property
    def target(self) -> str:
        """The request target, byte for byte (latin-1)."""
        return self.start.split(" ", 1)[1].rsplit(" ", 1)[0]


@dataclass(frozen=True)
class Answer(Message):
    """An answer as a client received it; `interim` holds the 1xx status lines that came before."""

    interim: tuple[str, ...] = ()

    @property
    def status(self) -> int:
        return int(self.start.split(" ", 2)[1])

    @property
    def reason(self) -> str:
        return (*self.start.split(" ", 2), "")[2]

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection may carry another request, as the answer itself says."""
        tokens = (self.value("Connection") or "").lower()
        return "close" not in tokens and (self.start.startswith("HTTP/1.1") or "keep-alive" in tokens)


class Reader:
    """Takes messages off a socket, and keeps what came beyond them for the next one."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()
        self._taken = bytearray()

    def _fill(self) -> None:
        data = self._sock.recv(65536)
        if not data:
            raise BrokenMessageError(bytes(self._taken + self._buffer))
        self._buffer += data

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._fill()
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._taken += data
        return data

    def _take_until(self, mark: bytes) -> bytes:
        start = 0
        while (at := self._buffer.find(mark, start)) < 0:
            start = max(0, len(self._buffer) - len(mark))
            self._fill()
        return self._take(at + len(mark))

    def _rest(self) -> bytes:
        while True:
            try:
                self._fill()
            except BrokenMessageError:
                return self._take(len(self._buffer))

    def head(self) -> tuple[str, Headers]:
        """First line and header pairs; raises BrokenMessageError at the end of the connection."""
        self._taken.clear()
        lines = self._take_until(b"\r\n\r\n")[:-4].decode("latin-1").split("\r\n")
        return lines[0], [_pair(line) for line in lines[1:]]

    def request(self) -> Request | None:
        """The next request, or None once the peer has closed between two of them."""
        try:
            start, headers = self.head()
        except BrokenMessageError as broken:
            if broken.partial:
                raise
            return None
        body, trailers = self._body(headers, to_the_end=False)
        return Request(start, headers, body, bytes(self._taken), trailers)

    def answer(self, method: str = "GET") -> Answer:
        """The next final answer to a request of that method."""
        interim: list[str] = []
        while True:
            start, headers = self.head()
            status = int(start.split(" ", 2)[1])
            if status >= 200 or status == 101:
                break
            interim.append(start)
        bodiless = method == "HEAD" or status in (101, 204, 304)
        body, trailers = (b"", []) if bodiless else self._body(headers, to_the_end=True)
        return Answer(start, headers, body, bytes(self._taken), trailers, tuple(interim))

    def _body(self, headers: Headers, *, to_the_end: bool) -> tuple[bytes, Headers]:
        fields = {name.lower(): value for name, value in headers}
        if "chunked" in fields.get("transfer-encoding", "").lower():
            return self._chunked()
        if "content-length" in fields:
            return self._take(int(fields["content-length"])), []
        return (self._rest() if to_the_end else b""), []

    def _chunked(self) -> tuple[bytes, Headers]:
        body = bytearray()
        while size := int(self._take_until(b"\r\n").split(b";")[0], 16):
            body += self._take(size)
            self._take(2)
        trailers: Headers = []
        while (line := self._take_until(b"\r\n")) != b"\r\n":
            trailers.append(_pair(line[:-2].decode("latin-1")))
        return bytes(body), trailers

    def exactly(self, count: int) -> bytes:
        """The next so many bytes. Raises BrokenMessageError if the connection ends before."""
        return self._take(count)

    def some(self) -> bytes:
        """Whatever is there or comes next, at least one byte; empty at the end of the connection."""
        if not self._buffer:
            try:
                self._fill()
            except BrokenMessageError:
                return b""
        return self._take(len(self._buffer))


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip(" \t")
