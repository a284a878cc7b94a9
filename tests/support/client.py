"""A client that sends exactly the bytes it is given."""

from __future__ import annotations

import http.client
import socket
import ssl
from types import TracebackType

from .net import PATIENCE
from .wire import Answer, BrokenMessageError, Headers, Reader


def request_bytes(
    method: str = "GET", target: str = "/", headers: Headers | None = None, body: bytes | None = None
) -> bytes:
    """A request as bytes: Host first unless given, Content-Length last where there is a body and no other framing."""
    pairs = list(headers or [])
    names = {name.lower() for name, _ in pairs}
    if "host" not in names:
        pairs.insert(0, ("Host", "tee.localhost"))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        pairs.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in pairs), "", ""]
    return "\r\n".join(lines).encode("latin-1") + (body or b"")


class RawClient:
    """One connection, as a context manager. `ask` connects again by itself after an answer that closes.

    With a `path`, it connects to that Unix socket. With `tls` set, on the class or an object, it speaks TLS.
    """

    tls: ssl.SSLContext | None = None

    def __init__(self, port: int, host: str = "127.0.0.1", path: str = "") -> None:
        self.address = (host, port)
        self.path = path
        self._sock: socket.socket | None = None
        self._reader: Reader | None = None

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    @property
    def sock(self) -> socket.socket:
        """The connection, made on first use."""
        if self._sock is None and self.path:
            self._sock = socket.socket(socket.AF_UNIX)
            self._sock.settimeout(PATIENCE)
            self._sock.connect(self.path)
            self._reader = Reader(self._sock)
        elif self._sock is None:
            self._sock = socket.create_connection(self.address, timeout=PATIENCE)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is not None:
                self._sock = self.tls.wrap_socket(self._sock, server_hostname=self.address[0])
            self._reader = Reader(self._sock)
        return self._sock

    @property
    def reader(self) -> Reader:
        """What reads this connection."""
        _ = self.sock
        assert self._reader is not None
        return self._reader

    def send(self, data: bytes) -> None:
        """Send these bytes and nothing else."""
        self.sock.sendall(data)

    def answer(self, method: str = "GET") -> Answer:
        """Read one final answer."""
        return self.reader.answer(method)

    def ask(
        self, method: str = "GET", target: str = "/", headers: Headers | None = None, body: bytes | None = None
    ) -> Answer:
        """Send a request and read its answer, on the same connection as before where the last answer allows."""
        self.send(request_bytes(method, target, headers, body))
        answer = self.answer(method)
        if not answer.keeps_alive:
            self.close()
        return answer

    def at_end(self) -> bool:
        """Wait for the peer's next byte or its close; true if it closed."""
        try:
            return self.reader.some() == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._sock is not None:
            self._sock.close()
        self._sock = self._reader = None


def ask(
    port: int,
    method: str = "GET",
    target: str = "/",
    headers: Headers | None = None,
    body: bytes | None = None,
    host: str = "127.0.0.1",
) -> Answer:
    """One request on a connection of its own."""
    with RawClient(port, host) as client:
        return client.ask(method, target, headers, body)


def library_connection(port: int) -> http.client.HTTPConnection:
    """Python's own client, over TLS where `RawClient` speaks it."""
    if RawClient.tls is not None:
        return http.client.HTTPSConnection("127.0.0.1", port, timeout=PATIENCE, context=RawClient.tls)
    return http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)


def send_raw(port: int, data: bytes, method: str = "GET") -> Answer | None:
    """Send bytes on a connection of its own and read one answer; None where the peer closes without any."""
    with RawClient(port) as client:
        try:
            client.send(data)
            return client.answer(method)
        except (BrokenMessageError, ConnectionError):
            return None
