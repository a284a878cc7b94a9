"""Bodies that stream, from what a test says, without a connection."""

from __future__ import annotations

import os

from httptee.http.uploads import StreamedBody

_READABLE = os.open("/dev/zero", os.O_RDONLY)


class Scripted:
    """A source that returns one item after another: bytes, or an exception to raise. It is whole after the last."""

    def __init__(self, *items, length=None, expects=False, ends=True):
        self.items = list(items)
        self.length, self.expects, self.ends = length, expects, ends

    @property
    def whole(self):
        return self.ends and not self.items

    def fileno(self):
        return _READABLE

    def read(self):
        item = self.items.pop(0) if self.items else b""
        if isinstance(item, Exception):
            raise item
        return item

    def waited(self, seconds):
        if seconds > 60:
            raise TimeoutError


class Purse:
    """Room for so many bytes."""

    def __init__(self, most):
        self.most, self.held = most, 0

    def reserve(self, size):
        fits = self.held + size <= self.most
        self.held += size if fits else 0
        return fits

    def give_back(self, size):
        self.held -= size


def streamed(*items, **options):
    return StreamedBody(Scripted(*items, **options))


def read_all(body):
    """Every piece until it is whole."""
    pieces = []
    while not body.whole:
        pieces.append(body.read())
    return pieces
