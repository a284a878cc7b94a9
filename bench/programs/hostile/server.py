"""The hostile server, as a program: `python -m bench.programs.hostile.server MODE PORT COUNT`.

MODE is one of `answers.MODES`. COUNT is a file of 8 bytes in which the server counts its requests (in `refused-tls`,
its handshakes): a mapped word, so that the count costs neither side a request. One thread and epoll, so that the server
takes little of the CPU time that it shares with the tee.
"""

from __future__ import annotations

import contextlib
import mmap
import resource
import select
import socket
import struct
import sys

from .answers import Answer, answer, request_end

RECEIVED = 256 * 1024
WORD = struct.Struct("=Q")


class Connection:
    """One connection: the bytes of a request so far, and what has still to be sent."""

    def __init__(self, peer: socket.socket) -> None:
        peer.setblocking(False)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peer = peer
        self.received = bytearray()
        self.left = memoryview(b"")
        self.forever = b""
        self.closing = False

    def add(self, each: Answer) -> None:
        """Answer one request."""
        self.left = memoryview(bytes(self.left) + each.once) if self.left else memoryview(each.once)
        self.forever, self.closing = each.forever, each.close

    def send(self) -> bool:
        """Send what the kernel takes at once. True where something is left."""
        if not self.left:
            self.left = memoryview(self.forever)
        if self.left:
            with contextlib.suppress(BlockingIOError):
                self.left = self.left[self.peer.send(self.left) :]
        return bool(self.left or self.forever)


class Server:
    """All connections of one listener."""

    def __init__(self, mode: str, listener: socket.socket, count: mmap.mmap) -> None:
        self.mode, self.listener, self.count = mode, listener, count
        self.requests = 0
        self.connections: dict[int, Connection] = {}
        self.ready = select.epoll()
        self.ready.register(listener, select.EPOLLIN)

    def run(self) -> None:
        """Serve until the process is ended."""
        while True:
            for descriptor, events in self.ready.poll():
                if descriptor == self.listener.fileno():
                    self.accept()
                    continue
                try:
                    going_on = self.step(self.connections[descriptor], events)
                except OSError:
                    going_on = False
                if not going_on:
                    self.connections.pop(descriptor).peer.close()

    def accept(self) -> None:
        """Take one connection."""
        with contextlib.suppress(OSError):
            connection = Connection(self.listener.accept()[0])
            self.connections[connection.peer.fileno()] = connection
            self.ready.register(connection.peer, select.EPOLLIN)

    def step(self, connection: Connection, events: int) -> bool:
        """Read and send. False where the connection is at its end."""
        if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
            data = connection.peer.recv(RECEIVED)
            if not data:
                return False
            connection.received += data
            self.take(connection)
            if connection.closing:
                return False
        more = connection.send()
        self.ready.modify(connection.peer, select.EPOLLIN | (select.EPOLLOUT if more else 0))
        return True

    def take(self, connection: Connection) -> None:
        """Answer every whole request."""
        if self.mode == "refused-tls":
            self.counted()
            connection.add(answer(self.mode, b""))
            return
        while end := request_end(connection.received):
            self.counted()
            connection.add(answer(self.mode, bytes(connection.received[:80])))
            del connection.received[:end]

    def counted(self) -> None:
        """Count one request."""
        self.requests += 1
        WORD.pack_into(self.count, 0, self.requests)


def main() -> None:
    """Serve until the process is ended."""
    mode, port, path = sys.argv[1:4]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), WORD.size) as count, socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", int(port)))
        listener.listen(4096)
        Server(mode, listener, count).run()


if __name__ == "__main__":
    main()
