"""A TCP server that does to each connection what a script says, and records every request byte for byte."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType

from .net import PATIENCE
from .wire import BrokenMessageError, Reader, Request


class Connection:
    """One accepted connection in the hands of a script."""

    def __init__(self, server: ScriptedServer, sock: socket.socket) -> None:
        self.server = server
        self.sock = sock
        self.reader = Reader(sock)
        self._stopping = server.stopping

    def request(self) -> Request | None:
        """Read the next request and record it with the server; None once the peer has closed."""
        request = self.reader.request()
        if request is not None:
            self.server.record(request)
        return request

    def head(self) -> str:
        """Read a request's head only, leave its body unread, and record what came."""
        start, headers = self.reader.head()
        self.server.record(Request(start, headers, b"", b""))
        return start

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.sock.sendall(data)

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than the server lives; ends the script once it is being stopped."""
        if self._stopping.wait(seconds):
            raise ConnectionAbortedError("the server is being stopped")

    def wait_for(self, event: threading.Event) -> None:
        """Wait for something the test does; ends the script once the server is being stopped."""
        while not event.wait(0.02):
            self.pause(0)

    def reset(self) -> None:
        """Close with a RST instead of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


Script = Callable[[Connection], None]


class ScriptedServer:
    """Listens on a free port of the loopback and runs `script` in a thread for every connection.

    Use as a context manager; leaving it closes the listener and every connection and joins every thread. A script
    ends by returning (the connection is closed) or by the connection failing under it. With a `path`, it listens at
    that Unix socket. With `tls` set, on the class or an object, it speaks TLS.
    """

    tls: ssl.SSLContext | None = None

    def __init__(self, script: Script, *, host: str = "127.0.0.1", port: int = 0, path: str = "") -> None:
        self.script = script
        self.path = path
        self.host = host
        self.stopping = threading.Event()
        self.requests: list[Request] = []
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        if path:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(path)
            self._listener.listen(1024)
            self.port = 0
            return
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=1024, reuse_port=False)
        self.port = int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """What to give the tee as -a or -b."""
        if self.path:
            return f"unix:{self.path}"
        scheme = "https" if self.tls else "http"
        return f"{scheme}://[{self.host}]:{self.port}" if ":" in self.host else f"{scheme}://{self.host}:{self.port}"

    @property
    def open_connections(self) -> int:
        """How many connections are open at this moment."""
        with self._changed:
            return len(self._open)

    def __enter__(self) -> ScriptedServer:
        self._acceptor = threading.Thread(target=self._accept, name=f"scripted:{self.port}")
        self._acceptor.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Close everything and wait for the threads. May be called twice."""
        self.stopping.set()
        _shut(self._listener)
        self._acceptor.join(PATIENCE)
        self._listener.close()
        self._end_connections()

    def begin_again(self, script: Script) -> None:
        """Close every connection, forget what came, and do to every connection from now on what `script` says."""
        with self._changed:
            before, self.stopping = self.stopping, threading.Event()
            self.script = script
        before.set()
        self._end_connections()
        with self._changed:
            self.requests, self.connections = [], 0

    def _end_connections(self) -> None:
        with self._changed:
            still_open, threads = list(self._open), list(self._threads)
        for sock in still_open:
            _shut(sock)
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), f"{thread.name} does not end"

    def record(self, request: Request) -> None:
        """Note a request as received."""
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()

    def wait_for_requests(self, count: int = 1, patience: float = PATIENCE) -> list[Request]:
        """The first `count` requests, waiting for them to come; fails when they do not."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.requests) >= count, patience)
            assert came, f"only {len(self.requests)} of {count} requests reached port {self.port}"
            return self.requests[:count]

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            if not self.path:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                self.connections += 1
                self._open.add(sock)
                self._threads = [thread for thread in self._threads if thread.is_alive()]
                thread = threading.Thread(target=self._serve, args=(sock,), name=f"scripted:{self.port}:connection")
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self.tls is not None:
                sock = self._secured(sock, self.tls)
            self.script(Connection(self, sock))
            if isinstance(sock, ssl.SSLSocket):
                sock.setblocking(False)
                sock.unwrap()  # says that this is the end, and does not wait for an answer
        except (OSError, BrokenMessageError):
            pass  # the peer left, or the server is being stopped
        finally:
            with self._changed:
                self._open.discard(sock)
            sock.close()

    def _secured(self, sock: socket.socket, tls: ssl.SSLContext) -> socket.socket:
        with self._changed:
            self._open.discard(sock)
            secured = tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            self._open.add(secured)
        try:
            secured.do_handshake()
        except BaseException:
            with self._changed:
                self._open.discard(secured)
            secured.close()
            raise
        return secured


def address(port: int) -> str:
    """A URL on this machine, over TLS where `ScriptedServer` speaks it."""
    return f"{'https' if ScriptedServer.tls else 'http'}://127.0.0.1:{port}"


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # TLS's own would take the object away under a script at work
