"""A server that answers each request after some time, and knows when each came: `late_backend.py PORT SECONDS`.

GET /arrivals answers with JSON: for each slice of `SLICE` seconds, how many requests came, and how many of them from a
spool. The times are the kernel's, of the monotonic clock: a request that the server reads late has come before. A
request must fit into one packet, and a connection carries one at a time.
"""

from __future__ import annotations

import contextlib
import gc
import heapq
import json
import select
import socket
import struct
import sys
import time
from collections import Counter

SLICE = 0.05
"""Seconds."""
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
_STAMPS = 35  # SO_TIMESTAMPNS
_timespec = struct.Struct("@ll")


class Late:
    """All connections, and the answers that are due."""

    def __init__(self, listener: socket.socket, seconds: float) -> None:
        self.listener = listener
        self.seconds = seconds
        self.peers: dict[int, socket.socket] = {}
        self.ready = select.epoll()
        self.ready.register(listener, select.EPOLLIN)
        self.due: list[tuple[float, int]] = []
        self.all: Counter[int] = Counter()
        self.spooled: Counter[int] = Counter()

    def run(self) -> None:
        """Serve until the process is ended."""
        while True:
            wait = max(0.0, self.due[0][0] - time.monotonic()) if self.due else 1.0
            for descriptor, _ in self.ready.poll(wait):
                if descriptor == self.listener.fileno():
                    self.accept()
                else:
                    with contextlib.suppress(OSError):
                        self.read(descriptor)
            now = time.monotonic()
            while self.due and self.due[0][0] <= now:
                self.answer(heapq.heappop(self.due)[1], ANSWER)

    def accept(self) -> None:
        """Take a connection."""
        peer, _ = self.listener.accept()
        peer.setblocking(False)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peers[peer.fileno()] = peer
        self.ready.register(peer, select.EPOLLIN)

    def read(self, descriptor: int) -> None:
        """Read a request, and count it."""
        data, stamps, _, _ = self.peers[descriptor].recvmsg(65536, 64)
        if not data:
            self.peers.pop(descriptor).close()
            return
        if data.startswith(b"GET /arrivals "):
            self.answer(descriptor, self.arrivals())
            return
        came = time.monotonic()
        for _, _, stamp in stamps:
            seconds, nanoseconds = _timespec.unpack(stamp)
            came -= time.time() - (seconds + nanoseconds / 1e9)
        at = int(came / SLICE)
        self.all[at] += 1
        if b"X-Httptee-Spool-Id: " in data:
            self.spooled[at] += 1
        heapq.heappush(self.due, (came + self.seconds, descriptor))

    def answer(self, descriptor: int, data: bytes) -> None:
        """Send an answer, unless the connection was closed meanwhile."""
        if descriptor in self.peers:
            with contextlib.suppress(OSError):
                self.peers[descriptor].sendall(data)

    def arrivals(self) -> bytes:
        """The answer with all counts."""
        body = json.dumps([[at * SLICE, count, self.spooled[at]] for at, count in sorted(self.all.items())]).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


def main() -> None:
    """Serve."""
    port, seconds = int(sys.argv[1]), float(sys.argv[2])
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, _STAMPS, 1)  # connections have it from their listener
    listener.bind(("127.0.0.1", port))
    listener.listen(4096)
    gc.disable()
    Late(listener, seconds).run()


if __name__ == "__main__":
    main()
