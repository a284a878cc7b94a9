"""Shares: which of the requests that pass the filters a B gets.

A share draws from a shuffled deck of a hundred cards: of every hundred requests, each percent is drawn once, in random
order. To take every n-th request would be exact too, but traffic may have a rhythm: if every tenth request is a health
check, B would get only health checks, or none. Independent random draws take from 4 to 17 of a hundred requests at 10
percent. A share of 10 is 10 of every hundred requests. A share of 2.5 is 2 or 3 of them, 2.5 on average.

A sticky share draws nothing. A hash of the user, session or resource is its position on the scale: the same in every
process, on every machine and after every restart. A share is a part of the scale, from its start to its end. A share
that grows keeps everything that it had.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b

from httptee.http import Request, path_of

SCALE = 100.0
"""Positions are from 0 up to, but not including, this. A share in percent is a length on the scale."""

_CARDS = 100
_UNIT = SCALE / 2**64
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_RULE = "must be header:Name, cookie:name, client-ip or path"


class Deck:
    """Draws positions on the scale. Any number of threads may draw without a lock: taking a card is one atomic step."""

    def __init__(self) -> None:
        self._cards: list[int] = []

    def draw(self) -> float:
        """A position. A hundred draws give one position in each percent."""
        while True:
            try:
                return (self._cards.pop() + random.random()) * (SCALE / _CARDS)
            except IndexError:
                # Another thread may do the same: two decks together are as even as one.
                cards = list(range(_CARDS))
                random.shuffle(cards)
                self._cards.extend(cards)


class _Last(threading.local):
    number = -1
    position = 0.0


class SharedDeck:
    """Draws once for each request, for several Bs. They draw in one thread, one after another."""

    def __init__(self) -> None:
        self._deck = Deck()
        self._last = _Last()

    def position(self, request: Request) -> float:
        """The request's position, drawn at the first call for this request."""
        last = self._last
        if last.number != request.number:
            last.position = self._deck.draw()
            last.number = request.number
        return last.position


@dataclass(frozen=True, slots=True)
class Sticky:
    """A sticky share keeps together all requests with the same `key`, which is None for a request without one."""

    text: str
    key: Callable[[Request], str | None] = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> Sticky:
        """Read `header:Name`, `cookie:name`, `client-ip` or `path`. Raises ValueError."""
        kind, colon, name = text.partition(":")
        if colon and not _NAME.fullmatch(name):
            raise ValueError(f"{_RULE}: {text!r}")
        if kind == "header" and colon:
            return cls(text, _header(name.lower()))
        if kind == "cookie" and colon:
            return cls(text, _cookie(name))
        if text == "client-ip":
            return cls(text, lambda request: request.client or None)
        if text == "path":
            return cls(text, lambda request: path_of(request.target))
        raise ValueError(f"{_RULE}: {text!r}")


def stable_position(salt: str) -> Callable[[str], float]:
    """The function from a key to its position. The positions for different salts are independent.

    The result must never change: with another hash, or another way to add the salt, every B would get other users.
    """
    salted = blake2b(salt.encode() + b"\0", digest_size=8)

    def position(key: str) -> float:
        hashed = salted.copy()
        hashed.update(key.encode("latin-1", "replace"))
        return min(int.from_bytes(hashed.digest(), "big") * _UNIT, _LAST)

    return position


_LAST = 99.99999999999999  # the highest position: a share may end at 100, and no position is that high


def _header(name: str) -> Callable[[Request], str | None]:
    size = len(name)

    def key(request: Request) -> str | None:
        for field_name, value in request.headers:
            if len(field_name) == size and field_name.lower() == name:
                return value or None
        return None

    return key


def _cookie(name: str) -> Callable[[Request], str | None]:
    found = re.compile(rf'(?:^|;)[ \t]*{re.escape(name)}=[ \t]*"?([^;"]+)').search

    def key(request: Request) -> str | None:
        for field_name, value in request.headers:
            if len(field_name) == 6 and field_name.lower() == "cookie":
                cookie = found(value)
                if cookie:
                    return cookie[1].rstrip(" \t")
        return None

    return key
