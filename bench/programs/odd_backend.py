"""Servers that misbehave, and a sink for uploads. A program, so that it takes no time from the bench's process.

odd_backend.py sink PORT         reads each request to its end, keeps nothing, answers 200
odd_backend.py silent PORT       accepts, reads, never answers
odd_backend.py deaf PORT         listens with a full backlog and never accepts: a new connection hangs
odd_backend.py slow PORT 5       answers after 5 seconds
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import sys
import threading
import time

CHUNK = 1 << 20
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"


def content_length(head: bytes) -> int:
    """The length of the body after a request's head."""
    found = re.search(rb"\r\ncontent-length:\s*(\d+)", head, re.IGNORECASE)
    return int(found[1]) if found else 0


def swallow(peer: socket.socket) -> None:
    """Serve one connection: read each request to its end, and answer it."""
    buffer = bytearray(CHUNK)
    received = b""
    with peer, contextlib.suppress(OSError):
        while True:
            while b"\r\n\r\n" not in received:
                piece = peer.recv(65536)
                if not piece:
                    return
                received += piece
            head, _, rest = received.partition(b"\r\n\r\n")
            if b"100-continue" in head.lower():
                peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            left = content_length(head + b"\r\n") - len(rest)
            while left > 0:
                size = peer.recv_into(buffer, min(CHUNK, left))
                if not size:
                    return
                left -= size
            received = b""
            peer.sendall(ANSWER)


def sink(listener: socket.socket) -> None:
    """Serve every connection in its own thread."""
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=swallow, args=(peer,), daemon=True).start()


def deaf(listener: socket.socket) -> None:
    """Fill the backlog and never accept: the kernel then drops new connections."""
    fillers = []
    for _ in range(8):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    while True:
        time.sleep(3600)


async def delay(listener: socket.socket, seconds: float | None) -> None:
    """Answer each request after `seconds`, or never."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            if seconds is None:
                while await reader.read(CHUNK):
                    pass
            else:
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    await reader.readexactly(content_length(head))
                    await asyncio.sleep(seconds)
                    writer.write(ANSWER)
                    await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, sock=listener)
    await server.serve_forever()


def main() -> None:
    """Serve until the process is ended."""
    mode, port = sys.argv[1], int(sys.argv[2])
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(0 if mode == "deaf" else 4096)
    if mode == "sink":
        sink(listener)
    elif mode == "deaf":
        deaf(listener)
    else:
        listener.setblocking(False)
        asyncio.run(delay(listener, float(sys.argv[3]) if mode == "slow" else None))


if __name__ == "__main__":
    main()
