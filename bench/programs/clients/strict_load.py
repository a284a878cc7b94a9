"""A load that counts every failed request and repeats none: `strict_load.py PORT CONNECTIONS SECONDS`.

It prints its outcome as JSON. Each connection sends one request after the other. A request fails if one byte of it was
sent and no whole 200 came back. A connection that the server closes between two requests is made anew: every client
must expect this (RFC 9112 §9.3.1). So the load looks for the end of the connection before each request. A connection
that cannot be made counts as `refused` and as a failure.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections import Counter

SILENCE = 10.0  # seconds without an answer after which a request has failed


def request_for(path: str) -> bytes:
    """A small GET of a path."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode("ascii")


REQUEST = request_for("/")


class Client:
    """One non-blocking connection, driven by `Load`. It sends the same `request` each time."""

    def __init__(self, port: int, request: bytes = REQUEST) -> None:
        self.port = port
        self.request = request
        self.socket: socket.socket | None = None
        self.received = b""
        self.since = 0.0

    def connect(self) -> None:
        """Make a new connection."""
        self.close()
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=SILENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def close(self) -> None:
        """Close it, if it is open."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def idle_and_open(self) -> bool:
        """Whether the server has left the connection open."""
        if self.socket is None:
            return False
        try:
            return bool(self.socket.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def send(self) -> None:
        """Send the next request."""
        assert self.socket is not None
        self.received, self.since = b"", time.monotonic()
        self.socket.sendall(self.request)

    def read(self) -> str | None:
        """The outcome of the request: None while it is open, an empty text for a whole answer, or the failure."""
        assert self.socket is not None
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return None
        except OSError as error:
            return type(error).__name__
        if not data:
            return "closed in the middle of an answer" if self.received else "closed without an answer"
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return None
        if not head.startswith(b"HTTP/1.1 200 "):
            return head.partition(b"\r\n")[0].decode("latin-1")
        fields = head.lower().split(b"\r\n")[1:]
        length = next(int(field[15:]) for field in fields if field.startswith(b"content-length:"))
        if len(body) < length:
            return None
        if len(body) > length:
            return "more than an answer"
        if b"connection: close" in fields:
            self.close()
        return ""


class Load:
    """All connections, and the outcomes of their requests."""

    def __init__(self, port: int, connections: int) -> None:
        self.clients = [Client(port) for _ in range(connections)]
        self.by_descriptor: dict[int, Client] = {}
        self.ready = select.epoll()
        self.kinds: Counter[str] = Counter()
        self.requests = self.reconnects = self.refused = 0

    def begin(self, client: Client) -> None:
        """Send a request, on a new connection if the old one has ended."""
        if not client.idle_and_open():
            self.reconnects += 1
            try:
                client.connect()
            except OSError as error:
                self.refused += 1
                self.failed(client, f"connecting: {type(error).__name__}")
                return
            assert client.socket is not None
            self.by_descriptor[client.socket.fileno()] = client
            self.ready.register(client.socket, select.EPOLLIN)
        self.requests += 1
        try:
            client.send()
        except OSError as error:
            self.failed(client, f"sending: {type(error).__name__}")

    def failed(self, client: Client, why: str) -> None:
        """Count a failure. The client connects again at the next tick."""
        self.kinds[why] += 1
        client.close()

    def run(self, seconds: float) -> None:
        """Keep all connections busy for `seconds`, then wait for the last answers."""
        end = time.monotonic() + seconds
        for client in self.clients:
            self.begin(client)
        tick = 0.0
        while True:
            for descriptor, _ in self.ready.poll(0.1):
                self.take(self.by_descriptor[descriptor], time.monotonic() < end)
            now = time.monotonic()
            if now > tick:
                tick = now + 0.1
                self.look_around(now, now < end)
            if now >= end and not any(client.since for client in self.clients):
                return

    def take(self, client: Client, further: bool) -> None:
        """Read a client's answer, and send its next request."""
        if not client.since:  # an idle connection has ended: `begin` makes a new one
            client.close()
            return
        outcome = client.read()
        if outcome is None:
            return
        client.since = 0.0
        if outcome:
            self.failed(client, outcome)
        if further:
            self.begin(client)

    def look_around(self, now: float, further: bool) -> None:
        """Fail the requests without an answer for `SILENCE`, and connect the clients that have no connection."""
        for client in self.clients:
            if client.since and now - client.since > SILENCE:
                client.since = 0.0
                self.failed(client, f"no answer within {SILENCE:g} s")
            if client.socket is None:
                client.since = 0.0
                if further:
                    self.begin(client)


def main() -> None:
    """Run the load and print its outcome."""
    port, connections, seconds = sys.argv[1:4]
    load = Load(int(port), int(connections))
    load.run(float(seconds))
    print(json.dumps({
        "requests": load.requests, "failures": sum(load.kinds.values()), "refused": load.refused,
        "reconnects": load.reconnects, "kinds": dict(load.kinds),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
