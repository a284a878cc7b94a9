"""What a request asks of A and of each B, and what its client may then get.

A request carries its orders in its target, /torture/NONCE/A/B/SHAPE/SIZE: whoever serves it knows what to do to it, and
whoever has asked knows, to the byte, what must come back. A fault is a name and the place where it strikes, in
thousandths of the answer: `reset.500` resets the connection in the middle of it.
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
"""Request headers: who asks, and the SHA-256 of the body that was sent."""
SMALL = 8192
"""Bytes of an answer that arrive in one piece, whatever the machine is doing."""


@dataclass(frozen=True)
class Fit:
    """What a client may get: A's answer to the byte, the tee's own with one of these reasons, or a cut connection."""

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
"""Every fault but `endless`, whose client leaves in the middle: what fits it when A commits it."""

ENDLESS = "endless"
UNFRAMED = frozenset({"fine", "trickle", "interim", "silent", "drip", "stall", "reset", "garbage", "oversize"})
"""Faults that leave a trace even where the answer's end is the end of the connection."""
IN_ONE_PIECE = frozenset({"surplus", "done"})
"""Faults that follow a whole answer, and must reach the tee together with it."""


@dataclass(frozen=True)
class Order:
    """One request's orders; `size` is of the answer's body in bytes."""

    nonce: str
    a: str = "fine.0"
    b: str = "fine.0"
    shape: str = LENGTH
    size: int = 100

    @property
    def target(self) -> str:
        """The request target that carries them."""
        return f"{PREFIX}{self.nonce}/{self.a}/{self.b}/{self.shape}/{self.size}"

    @classmethod
    def parse(cls, target: str) -> Order | None:
        """The orders in a target, None where it carries none."""
        words = target.split("/")
        if not target.startswith(PREFIX) or len(words) != 7 or not words[6].isdigit():
            return None
        nonce, a, b, shape, size = words[2:]
        return cls(nonce, a, b, shape, int(size))

    def fault(self, role: str) -> tuple[str, int]:
        """What `a` or `b` is to do, and where in thousandths of its answer."""
        name, _, place = (self.a if role == "a" else self.b).partition(".")
        return name, int(place or 0)


def digest(body: bytes) -> str:
    """What tells one request body from another."""
    return hashlib.sha256(body).hexdigest()


def fields(order: Order) -> Headers:
    """A's end-to-end header fields but for Content-Length, in their order: duplicates and odd case included."""
    return [
        ("x-sErVeD-bY", "torture"),
        (NONCE, order.nonce),
        ("Set-Cookie", f"one={order.nonce}"),
        ("Set-Cookie", "two=2"),
    ]


def body(order: Order, method: str, received: str) -> bytes:
    """A's body: only this method, these orders and this request body (by its digest) lead to it."""
    line = f"{digest(f'{method} {order.target} {received}'.encode())}\n".encode()
    return (line * (order.size // len(line) + 1))[: order.size]


def framed(order: Order, method: str, content: bytes) -> bytes:
    """The whole answer as A sends it."""
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
