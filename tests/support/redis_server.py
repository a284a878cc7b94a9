"""A redis-server of the tests' own, on a free port."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from .net import eventually, free_port, require
from .process import Program, suspend


class RedisServer:
    """One server with its data below `root`. `start` and `stop` may follow one another: it has then what it had.

    `words` are options of redis-server, as `("--maxmemory", "10mb")`.
    """

    def __init__(self, root: Path, *words: str, port: int = 0) -> None:
        self._path = require("redis-server")
        self._root = root
        self.words = words
        self._program: Program | None = None
        self.port = port or free_port()

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def address(self, topic: str, more: str = "") -> str:
        return f"redis://127.0.0.1:{self.port}/{topic}{more}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._root.mkdir(parents=True, exist_ok=True)
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._root), "--save", ""]
        words += ["--appendonly", "yes", "--appendfsync", "always", *self.words]
        self._program = Program([self._path, *words])
        eventually(self._ready, "redis-server answering")

    def stop(self) -> None:
        """End it. May be called twice."""
        if self._program is not None:
            self._program.stop(signal.SIGTERM, code=None)
            self._program = None

    def kill(self) -> None:
        """End it without a warning."""
        if self._program is not None:
            self._program.stop(signal.SIGKILL, code=None)
            self._program = None

    def pause(self) -> None:
        """It answers nothing until `proceed`."""
        assert self._program is not None
        suspend(self._program.pid)

    def proceed(self) -> None:
        assert self._program is not None
        self._program.send_signal(signal.SIGCONT)

    def ask(self, *words: str | int | bytes) -> bytes:
        """The answer of the server to a command, as it comes over the wire: enough to set things up."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
            connection.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
            return connection.recv(65536)

    def _ready(self) -> bool:
        try:
            # "-NOAUTH" comes from a server that is there, "-LOADING" from one that is not yet.
            answer = self.ask("PING")
            return bool(answer) and not answer.startswith(b"-LOADING")
        except OSError:
            return False
