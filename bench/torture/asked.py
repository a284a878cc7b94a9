"""The requests of the torture: a random generator picks their methods, sizes, framings and orders."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeVar

from .orders import CLOSE, DIGEST, IN_ONE_PIECE, LENGTH, NONCE, SHAPES, SMALL, UNFRAMED, Order, digest

Choice = TypeVar("Choice")

METHODS = {"GET": 8, "HEAD": 2, "PUT": 2, "POST": 6, "DELETE": 1}
BODIES = {0: 4, 10: 6, 3_000: 4, 70_000: 2, 300_000: 1, 700_000: 1, 1_200_000: 1}
"""Sizes of request bodies: in one piece with the head, in several pieces, in a file, over the limit of a clone."""
SIZES = {0: 2, 100: 8, 5_000: 4, 60_000: 3, 200_000: 2, 1_000_000: 1}
"""Sizes of answers."""


@dataclass(frozen=True)
class Mix:
    """How often A and B commit each fault. `old` is the share of HTTP/1.0 among the requests."""

    a: Mapping[str, int]
    b: Mapping[str, int]
    old: float = 0.05


HEALTHY = {"fine": 60, "trickle": 2, "interim": 2, "surplus": 2, "done": 2}
BROKEN = {"reset": 4, "close": 3, "half": 2, "short": 3, "garbage": 3, "oversize": 1, "badchunk": 2}
SLOW = {"silent": 1, "drip": 1, "stall": 1}
EVERYTHING = Mix(a=HEALTHY | BROKEN | SLOW, b=HEALTHY | BROKEN | SLOW | {"endless": 1})
"""A and B answer well most of the time. With a worse B its circuit would stay open."""


@dataclass
class Asked:
    """A request that a client has sent. `old` is HTTP/1.0. `half_closed`: the client has closed its sending side."""

    order: Order
    method: str
    digest: str
    raw: bytes
    old: bool
    half_closed: bool = False
    began: float = field(default_factory=monotonic)


def make(
    rng: random.Random, mix: Mix, nonce: str, small: bool = False, size: int | None = None, fault: str = "",
    method: str = "",
) -> Asked:  # fmt: skip
    """A request with orders from the mix.

    A `small` request has a small body and a small answer. `size`, `fault` and `method` replace the random choice.
    """
    name, other = fault or _pick(rng, mix.a), _pick(rng, mix.b)
    method = method or _pick(rng, METHODS)
    if method == "HEAD" and "badchunk" in (name, other):
        method = "GET"  # an answer to HEAD has no chunks
    size = _pick(rng, SIZES) if size is None else size
    if small or {name, other} & IN_ONE_PIECE:
        size = min(size, SMALL)
    shape = rng.choice(SHAPES)
    if shape == CLOSE and not {name, other} <= UNFRAMED:
        shape = LENGTH
    order = Order(nonce, f"{name}.{rng.randrange(1000)}", f"{other}.{rng.randrange(1000)}", shape, size)
    old = not small and rng.random() < mix.old
    return _written(rng, order, method, old, small)


def _written(rng: random.Random, order: Order, method: str, old: bool, small: bool) -> Asked:
    """The request in bytes, with its body under Content-Length or in chunks."""
    content = b""
    if method in ("POST", "PUT"):
        length = _pick(rng, BODIES)
        content = rng.randbytes(16) * (min(length, 1000) // 16 if small else length // 16)
    chunked = bool(content) and not old and rng.random() < 0.3
    received = digest(content)
    lines = [
        f"{method} {order.target} HTTP/1.{0 if old else 1}",
        "Host: tee.test",
        f"{NONCE}: {order.nonce}",
        f"{DIGEST}: {received}",
    ]
    if chunked:
        lines.append("Transfer-Encoding: chunked")
        framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (content[:1000], content[1000:]) if part)
        framed += b"0\r\n\r\n"
    else:
        if method in ("POST", "PUT"):
            lines.append(f"Content-Length: {len(content)}")
        framed = content
    return Asked(order, method, received, "\r\n".join([*lines, "", ""]).encode() + framed, old)


def _pick(rng: random.Random, weights: Mapping[Choice, int]) -> Choice:
    return rng.choices(list(weights), list(weights.values()))[0]
