"""A world over HTTP: real time, real latencies, one thread for each connection."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from httptee.compare.outcome import Outcome
from httptee.http import Request
from tests.worlds.world import World

_CHUNK = 700
"""Bytes of a chunk. Small, so that most bodies have several."""


def shared_hits(path: Path) -> Callable[[], int]:
    """A counter that all processes share which name the same file: each hit adds a byte to it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def hit() -> int:
        os.write(descriptor, b".")
        return os.lseek(descriptor, 0, os.SEEK_CUR)

    return hit


class WorldServer(ThreadingHTTPServer):
    """One side of a world on a port of the loopback interface; port 0 takes a free one.

    Without `latencies` it answers at once.
    """

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, world: World, side: str, port: int = 0, latencies: bool = True) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.world = world
        self.side = side
        self.latencies = latencies
        self.lock = threading.Lock()

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    server: WorldServer
    disable_nagle_algorithm = True
    wbufsize = -1

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        request = Request(self.command, self.path, list(self.headers.items()), body, "127.0.0.1", "http")
        with self.server.lock:
            outcome, seconds = self.server.world.ask(self.server.side, request, time.time())
        if self.server.latencies:
            time.sleep(seconds)
        self._send(outcome)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the names that http.server calls

    def _send(self, outcome: Outcome) -> None:
        body = outcome.body or b""
        self.send_response_only(outcome.status)
        for name, value in outcome.headers:
            self.send_header(name, value)
        bodiless = outcome.status in (204, 304)
        chunked = not bodiless and not any(name == "Content-Length" for name, _ in outcome.headers)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if bodiless:
            return
        self.wfile.write(_in_chunks(body) if chunked else body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of a request."""


def _in_chunks(body: bytes) -> bytes:
    pieces = [body[start : start + _CHUNK] for start in range(0, len(body), _CHUNK)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
