"""Slow clients in one process that uses almost no CPU time: `slow_clients.py WAY PORT NUMBER`.

WAY is `heads` (one header field each second, without an end), `bodies` (a body at `RATE` bytes a second) or `reading`
(a large answer read at that rate). Each is just fast enough to stay connected for some time. A client whose connection
is closed connects again. `ARRIVALS` clients connect each second, and all stay until the process ends.
"""

from __future__ import annotations

import contextlib
import resource
import socket
import sys
import time

RATE = 1024  # bytes a second; the tee closes a connection below 500
BODY = 100_000_000
ARRIVALS = 200  # a second
STARTS = {
    "heads": b"GET / HTTP/1.1\r\nHost: bench\r\n",
    "bodies": b"POST /post HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n" % BODY,
    "reading": b"GET /huge HTTP/1.1\r\nHost: bench\r\n\r\n",
}


class Clients:
    """`number` connections to a port, all slow in the same way."""

    def __init__(self, way: str, port: int, number: int) -> None:
        self.way, self.address = way, ("127.0.0.1", port)
        self.open: list[socket.socket] = []
        self.number = number

    def fill(self) -> None:
        """Connect the missing clients and send their first bytes."""
        while len(self.open) < self.number:
            client = socket.create_connection(self.address, timeout=10)
            client.setblocking(False)
            client.sendall(STARTS[self.way])
            self.open.append(client)
            time.sleep(1 / ARRIVALS)

    def tick(self) -> None:
        """Move every client forward by one second's bytes."""
        for client in list(self.open):
            if not self._step(client):
                self.open.remove(client)
                client.close()

    def _step(self, client: socket.socket) -> bool:
        """Whether the client is still connected."""
        try:
            if self.way == "reading":
                return bool(client.recv(RATE))
            with contextlib.suppress(BlockingIOError):
                if not client.recv(RATE):
                    return False
            client.sendall(b"X-Slow: 1\r\n" if self.way == "heads" else b"x" * RATE)
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True


def main() -> None:
    """Run until the process is ended."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    clients = Clients(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    while True:
        clients.fill()
        time.sleep(1.0)
        clients.tick()


if __name__ == "__main__":
    main()
