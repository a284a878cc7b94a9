"""Shares: which of the requests that pass the filters a B gets.

The facts. Every n-th request is exact, and blind to traffic that has a rhythm of its own: a health check that is
every tenth request would be all that B sees, or what it never sees. Chance is fair to every rhythm, but of a hundred
requests at 10 percent it takes anything from 4 to 17.

Hence a deck of a hundred cards, shuffled: of every hundred requests each percent is drawn once, at a place nobody can
tell. A share of 10 is 10 of every hundred; of 2.5 it is 2 or 3, and 2.5 in the mean.

A sticky share draws nothing: a hash of the user, session or resource says where on the scale it stands, the same in
every process, on every machine and after every restart. A share takes the scale from its start to its end, so that
one which grows only ever takes in more.
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
"""Positions go from 0 up to, and not including, this: a share in percent is a length on the scale."""

_CARDS = 100
_UNIT = SCALE / 2**64
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_RULE = "must be header:Name, cookie:name, client-ip or path"


class Deck:
    """Draws positions on the scale. For any number of threads, which need no lock: taking a card is one step."""

    def __init__(self) -> None:
        self._cards: list[int] = []

    def draw(self) -> float:
        """A position: of a hundred draws, one in each percent."""
        while True:
            try:
                return (self._cards.pop() + random.random()) * (SCALE / _CARDS)
            except IndexError:
                # Another thread may do the same: two decks on the table are as fair as one.
                cards = list(range(_CARDS))
                random.shuffle(cards)
                self._cards.extend(cards)


class _Last(threading.local):
    number = -1
    position = 0.0


class SharedDeck:
    """Draws once for each request, however many Bs ask. They do so in one thread, one after the other."""

    def __init__(self) -> None:
        self._deck = Deck()
        self._last = _Last()

    def position(self, request: Request) -> float:
        """The request's position, drawn when it is first asked for."""
        last = self._last
        if last.number != request.number:
            last.position = self._deck.draw()
            last.number = request.number
        return last.position


@dataclass(frozen=True, slots=True)
class Sticky:
    """What a sticky share holds together: requests for which `key` is the same. None is a request without one."""

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
    """The function from a key to its position. Different salts give positions that have nothing to do with each other.

    Which key goes where is a promise: another hash, or another way to mix in the salt, would change every B's users.
    """
    salted = blake2b(salt.encode() + b"\0", digest_size=8)

    def position(key: str) -> float:
        hashed = salted.copy()
        hashed.update(key.encode("latin-1", "replace"))
        return min(int.from_bytes(hashed.digest(), "big") * _UNIT, _LAST)

    return position


_LAST = 99.99999999999999  # the highest position: a sum of shares may reach 100, and no position may


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
