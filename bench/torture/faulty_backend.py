"""A server that commits the fault that each request orders, and obeys an operator on a second port.

python -m bench.torture.faulty_backend ROLE PORT CONTROL_PORT

ROLE is a or b: it commits the faults that a request's target orders for this role. Each line on the control port is an
order. The answer is one line of JSON after the order is done:

accept   listen (the state at the start)
refuse   close the port, and every connection after its answer
deaf     the same, with a full backlog in place of a closed port: a new connection hangs
report   do nothing; the answer is the counts so far, as after every order
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator
from time import monotonic, sleep

from tests.support.wire import BrokenMessageError, Reader, Request

from . import faults
from .orders import CLOSE, DIGEST, NONCE, Order, body, digest, framed

_REMEMBERED = 20_000  # nonces: a repeated request comes soon after the first
_LONGEST_ANSWER = 0.5  # seconds, without the answers after which the connection ends
_IDEMPOTENT = {"GET", "HEAD", "PUT", "DELETE"}  # RFC 9110 §9.2.2; of the methods of `asked`


class Book:
    """The requests so far: all of them, and those that are wrong."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nonces: OrderedDict[str, None] = OrderedDict()
        self.counts = dict.fromkeys(("requests", "repeated", "repeated_unsafely", "mangled", "strange"), 0)

    def enter(self, request: Request, order: Order | None, received: str) -> None:
        """Count a whole request. A `strange` one has no orders. A `mangled` one has changed on its way."""
        with self._lock:
            self.counts["requests"] += 1
            if order is None:
                self.counts["strange"] += 1
                return
            if request.values(DIGEST) != [received] or request.values(NONCE) != [order.nonce]:
                self.counts["mangled"] += 1
            if order.nonce in self._nonces:
                self.counts["repeated"] += 1
                self.counts["repeated_unsafely"] += request.method not in _IDEMPOTENT
            self._nonces[order.nonce] = None
            if len(self._nonces) > _REMEMBERED:
                self._nonces.popitem(last=False)


class FaultyBackend:
    """Listens on a port, and keeps that port while it refuses connections."""

    def __init__(self, role: str, port: int) -> None:
        self.role = role
        self.book = Book()
        self._holder = _bound(port)  # never listens: no other process gets the port, and a connection to it is refused
        self._address = self._holder.getsockname()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._away = contextlib.ExitStack()
        self.accept()

    def accept(self) -> None:
        """Listen."""
        self._away.close()
        listener = _bound(self._address[1])
        listener.listen(1024)
        acceptor = threading.Thread(target=self._accept, args=(listener,), daemon=True)
        acceptor.start()
        self._away.callback(self._drop_all)
        self._away.callback(listener.close)
        self._away.callback(acceptor.join)
        self._away.callback(listener.shutdown, socket.SHUT_RDWR)

    def refuse(self) -> None:
        """Close the port, and every connection after its answer."""
        self._away.close()

    def deaf(self) -> None:
        """Close every connection as `refuse` does. A new connection hangs."""
        self._away.close()
        listener = self._away.enter_context(_bound(self._address[1]))
        listener.listen(0)
        for _ in range(4):
            filler = self._away.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(self._address)

    def report(self) -> dict[str, int]:
        """The counts so far, and the number of open connections."""
        with self._lock:
            return {**self.book.counts, "open": len(self._open)}

    def _drop_all(self) -> None:
        """End every connection after its answer, and wait until no connection can take another request."""
        with self._lock:
            leaving = set(self._open)
            for sock in leaving:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RD)
        deadline = monotonic() + _LONGEST_ANSWER
        while leaving & self._open and monotonic() < deadline:
            sleep(0.005)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        reader = Reader(sock)
        try:
            while (request := reader.request()) is not None and self._answer(sock, request):
                pass
        except (OSError, BrokenMessageError):
            pass  # the tee, or the operator, has closed the connection
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()

    def _answer(self, sock: socket.socket, request: Request) -> bool:
        """Carry out a request's orders, and return whether the connection can take another request."""
        order = Order.parse(request.target)
        received = digest(request.body)
        self.book.enter(request, order, received)
        if order is None:
            sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            return True
        whole = framed(order, request.method, body(order, request.method, received))
        return faults.commit(*order.fault(self.role), sock, whole) and order.shape != CLOSE


def _bound(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    return sock


def orders(control: socket.socket) -> Iterator[tuple[socket.socket, str]]:
    """The lines that come to the control port, one connection after the other."""
    while True:
        peer, _ = control.accept()
        with peer, peer.makefile("r", encoding="ascii") as lines:
            for line in lines:
                yield peer, line.strip()


def main() -> None:
    """Serve until the process is ended."""
    role, port, control_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    backend = FaultyBackend(role, port)
    control = socket.create_server(("127.0.0.1", control_port))
    for peer, word in orders(control):
        act = {"accept": backend.accept, "refuse": backend.refuse, "deaf": backend.deaf}.get(word)
        if act is not None:
            act()
        with contextlib.suppress(OSError):
            peer.sendall(json.dumps(backend.report()).encode() + b"\n")


if __name__ == "__main__":
    main()
