"""A load that forgives nothing and repeats nothing: `strict_load.py PORT CONNECTIONS SECONDS`, the outcome as JSON.

Each connection sends one request after the other. A request of which a byte was sent and that is not answered by a
whole 200 has failed, for whatever reason. A connection that the server closes before the next request was sent is made
anew, which is what a client has to expect of any server (RFC 9112 §9.3.1); to tell the two apart, it looks for the end
of the connection before it sends. A connection that cannot be made is counted as `refused`, and as a failure.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections import Counter

REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
SILENCE = 10.0  # seconds without an answer after which a request has failed


class Client:
    """One connection; non-blocking, and driven by `Load`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket: socket.socket | None = None
        self.received = b""
        self.since = 0.0

    def connect(self) -> None:
        """Connect anew."""
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
        """Whether the server has not closed it meanwhile."""
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
        self.socket.sendall(REQUEST)

    def read(self) -> str | None:
        """What has become of the request: None while it is not known, an empty text when it is answered, or why it
        has failed."""
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
    """All connections, and what came of their requests."""

    def __init__(self, port: int, connections: int) -> None:
        self.clients = [Client(port) for _ in range(connections)]
        self.by_descriptor: dict[int, Client] = {}
        self.ready = select.epoll()
        self.kinds: Counter[str] = Counter()
        self.requests = self.reconnects = self.refused = 0

    def begin(self, client: Client) -> None:
        """Send a request, on a new connection where the old one has ended."""
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
        """Count it, and begin anew at the next tick."""
        self.kinds[why] += 1
        client.close()

    def run(self, seconds: float) -> None:
        """Keep all connections busy for so long, then wait for the last answers."""
        end = time.monotonic() + seconds
        for client in self.clients:
            self.begin(client)
        tick = 0.0
        while True:
            for descriptor, _ in self.ready.poll(0.1):
                self.hear(self.by_descriptor[descriptor], time.monotonic() < end)
            now = time.monotonic()
            if now > tick:
                tick = now + 0.1
                self.look_around(now, now < end)
            if now >= end and not any(client.since for client in self.clients):
                return

    def hear(self, client: Client, further: bool) -> None:
        """Take in what has come for a client, and ask again."""
        if not client.since:  # the end of an idle connection; looked at before the next request
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
        """End what is silent, and begin with those that have not been able to connect."""
        for client in self.clients:
            if client.since and now - client.since > SILENCE:
                client.since = 0.0
                self.failed(client, f"no answer within {SILENCE:g} s")
            if client.socket is None:
                client.since = 0.0
                if further:
                    self.begin(client)


def main() -> None:
    """Run, and print the outcome."""
    port, connections, seconds = sys.argv[1:4]
    load = Load(int(port), int(connections))
    load.run(float(seconds))
    print(json.dumps({
        "requests": load.requests, "failures": sum(load.kinds.values()), "refused": load.refused,
        "reconnects": load.reconnects, "kinds": dict(load.kinds),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
