"""The orders of a request to A and to each B, and the answers that fit them.

A request has its orders in its target, /torture/NONCE/A/B/SHAPE/SIZE. They decide the act of the backend, and every
byte of the answer. A fault is a name and a place in thousandths of the answer: `reset.500` resets the connection in the
middle of the answer.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tests.support.wire import Headers

LENGTH, CHUNKED, CLOSE = "length", "chunked", "close"
SHAPES = (LENGTH, CHUNKED, CLOSE)
"""How an answer's body is framed: by Content-Length, in chunks, or by the end of the connection."""
PREFIX = "/torture/"
NONCE = "X-Nonce"
DIGEST = "X-Digest"
"""Request header fields: the name of the request, and the SHA-256 of its body."""
SMALL = 8192
"""Bytes of an answer that arrive in one piece, also on a busy machine."""


@dataclass(frozen=True)
class Fit:
    """What fits: A's exact answer, the tee's own answer with one of these reasons, or a cut connection."""

    exact: bool = False
    reasons: frozenset[str] = frozenset()
    cut: bool = False


def _failing(*reasons: str, cut: bool = False) -> Fit:
    return Fit(reasons=frozenset(f"primary_{reason}" for reason in reasons), cut=cut)


FITS = {
    "fine": Fit(exact=True),
    "trickle": Fit(exact=True),
    "interim": Fit(exact=True),
    "surplus": Fit(exact=True),
    "done": Fit(exact=True),
    "silent": _failing("timeout"),
    "drip": _failing("timeout"),
    "stall": _failing("timeout", cut=True),
    "reset": _failing("reset", cut=True),
    "close": _failing("reset", cut=True),
    "half": _failing("reset", cut=True),
    "short": _failing("reset", cut=True),
    "garbage": _failing("protocol"),
    "oversize": _failing("protocol"),
    "badchunk": _failing("protocol", cut=True),
}
"""What fits each fault of A. `endless` is missing, because its client closes before the end."""

ENDLESS = "endless"
UNFRAMED = frozenset({"fine", "trickle", "interim", "silent", "drip", "stall", "reset", "garbage", "oversize"})
"""Faults that show even where the end of the connection is the end of the answer."""
IN_ONE_PIECE = frozenset({"surplus", "done"})
"""Faults after a whole answer. The tee must get both together."""


@dataclass(frozen=True)
class Order:
    """The orders of one request. `size` is the answer's body in bytes."""

    nonce: str
    a: str = "fine.0"
    b: str = "fine.0"
    shape: str = LENGTH
    size: int = 100

    @property
    def target(self) -> str:
        """The request target with these orders."""
        return f"{PREFIX}{self.nonce}/{self.a}/{self.b}/{self.shape}/{self.size}"

    @classmethod
    def parse(cls, target: str) -> Order | None:
        """The orders in a target, or None."""
        words = target.split("/")
        if not target.startswith(PREFIX) or len(words) != 7 or not words[6].isdigit():
            return None
        nonce, a, b, shape, size = words[2:]
        return cls(nonce, a, b, shape, int(size))

    def fault(self, role: str) -> tuple[str, int]:
        """The fault of role `a` or `b`, and its place in thousandths of the answer."""
        name, _, place = (self.a if role == "a" else self.b).partition(".")
        return name, int(place or 0)


def digest(body: bytes) -> str:
    """The digest of a body."""
    return hashlib.sha256(body).hexdigest()


def fields(order: Order) -> Headers:
    """A's end-to-end header fields without Content-Length, in their order, with duplicates and odd case."""
    return [
        ("x-sErVeD-bY", "torture"),
        (NONCE, order.nonce),
        ("Set-Cookie", f"one={order.nonce}"),
        ("Set-Cookie", "two=2"),
    ]


def body(order: Order, method: str, received: str) -> bytes:
    """A's body. It is unique for the method, the orders and the request body (by its digest)."""
    line = f"{digest(f'{method} {order.target} {received}'.encode())}\n".encode()
    return (line * (order.size // len(line) + 1))[: order.size]


def framed(order: Order, method: str, content: bytes) -> bytes:
    """A's whole answer."""
    pairs = fields(order)
    if order.shape == LENGTH:
        pairs.append(("Content-Length", str(len(content))))
    else:
        pairs.append(("Transfer-Encoding", "chunked") if order.shape == CHUNKED else ("Connection", "close"))
    head = "\r\n".join(["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in pairs), "", ""]).encode()
    if method == "HEAD":
        return head
    return head + (_chunks(content) if order.shape == CHUNKED else content)


def _chunks(content: bytes, size: int = 10_000) -> bytes:
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
