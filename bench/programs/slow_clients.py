"""Clients that are slow on purpose, in a process of their own that does next to nothing: `slow_clients.py WAY PORT N`.

WAY is `heads` (a header field a second, and never the end of them), `bodies` (a body that comes by `RATE` bytes a
second), or `reading` (a large answer taken at that rate). Each is just quick enough not to be cut off for a while, and
one that is cut off comes back. They come by `ARRIVALS` a second and stay until the process is ended.
"""

from __future__ import annotations

import contextlib
import resource
import socket
import sys
import time

RATE = 1024  # bytes a second; the tee cuts off what is slower than 500
BODY = 100_000_000
ARRIVALS = 200  # a second
STARTS = {
    "heads": b"GET / HTTP/1.1\r\nHost: bench\r\n",
    "bodies": b"POST /post HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n" % BODY,
    "reading": b"GET /huge HTTP/1.1\r\nHost: bench\r\n\r\n",
}


class Clients:
    """`number` connections to a port, each slow in the same way."""

    def __init__(self, way: str, port: int, number: int) -> None:
        self.way, self.address = way, ("127.0.0.1", port)
        self.open: list[socket.socket] = []
        self.number = number

    def fill(self) -> None:
        """Connect those that are missing, and have them begin."""
        while len(self.open) < self.number:
            client = socket.create_connection(self.address, timeout=10)
            client.setblocking(False)
            client.sendall(STARTS[self.way])
            self.open.append(client)
            time.sleep(1 / ARRIVALS)

    def tick(self) -> None:
        """A second's worth of headway for every one of them."""
        for client in list(self.open):
            if not self._step(client):
                self.open.remove(client)
                client.close()

    def _step(self, client: socket.socket) -> bool:
        """Whether this one is still connected."""
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
    """Run until ended."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    clients = Clients(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    while True:
        clients.fill()
        time.sleep(1.0)
        clients.tick()


if __name__ == "__main__":
    main()
