"""Looks at what waits in an engine, many times a second, for the worker processes of this tee: while any clone of any
tee waits there, those that come go behind it.

When only a few wait, all tees let the clones that come wait in memory until the engine is empty. The one that sees it
first says so in a document beside the topic.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex
from threading import Thread
from time import monotonic

from httptee.journal.engines import Engine, Unavailable, open_engine
from httptee.ledger import SpoolWords
from httptee.spool import PATIENCE

GROUP = "spool"
"""The group of all tees that send what waits in a topic."""

_EACH, _SOON = 0.1, 0.02  # seconds from one look to the next; while clones wait in memory
_SETTLE = "settle"


class Look:
    """`<Look [3 in the engine]>`, for one thread: the one that puts clones in. So what it has put in is seen by the
    next look."""

    def __init__(self, engine: Engine, words: SpoolWords, clock: Callable[[], float] = monotonic) -> None:
        self._engine = engine
        self._words = words
        self._clock = clock
        self._next = 0.0
        self._said: bytes | None = None

    def __repr__(self) -> str:
        return f"<Look [{self._words.remote} in the engine]>"

    def look(self) -> None:
        """Look, if it is time."""
        if self._clock() < self._next:
            return
        try:
            depth = self._engine.depth(GROUP)
            said = self._engine.documents(_SETTLE).get(_SETTLE, b"")
        except Unavailable:
            self._words.publish(engine=2)  # what waits there is as it was
        else:
            self._words.remote = depth
            self._words.publish(engine=1, depth=depth)
            if self._said not in (None, said) and depth:
                self._words.settle(PATIENCE)
            self._said = said
        self._next = self._clock() + (_SOON if self._words.settling else _EACH)


def look_first(address: str, words: SpoolWords, seconds: float) -> None:
    """Look at what waits in a topic before any clone comes, for so many seconds at most. In a thread: an engine that is
    down is to hold up nobody for longer."""
    found: list[int] = []

    def look() -> None:
        with suppress(Unavailable, ValueError):
            engine = open_engine(address)
            found.append(engine.depth(GROUP))
            engine.close()

    thread = Thread(target=look, name="first look", daemon=True)
    with suppress(RuntimeError, MemoryError):
        thread.start()
        thread.join(seconds)
    for depth in found[:1]:
        words.remote = depth
        words.publish(engine=1, depth=depth)


def tell_all(engine: Engine) -> None:
    """Have all tees let the clones that come wait. Raises Unavailable."""
    engine.put(_SETTLE, token_hex(8).encode())
