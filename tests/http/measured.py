"""Bytes that count how much of them is searched and copied, for tests that hold the cost of a request."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any


class MeasuredBuffer(bytearray):
    """A bytearray that counts the bytes searched in it and the bytes added to it."""

    def __init__(self, *start: Any) -> None:
        super().__init__(*start)
        self.searched = 0
        self.added = 0

    def find(self, mark, start=0):
        self.searched += max(0, len(self) - start)
        return super().find(mark, start)

    def count(self, mark, start=0):
        self.searched += max(0, len(self) - start)
        return super().count(mark, start)

    def __iadd__(self, data):
        self.added += len(data)
        return super().__iadd__(data)


class MeasuredBytes(bytes):
    """Bytes that add to `copied` the length of each slice that is taken of them."""

    copied = 0

    def __getitem__(self, key):
        part = super().__getitem__(key)
        if isinstance(key, slice):
            MeasuredBytes.copied += len(part)
        return part


def calls_of(act: Callable[[], object]) -> int:
    """How many functions `act` calls, those written in C included."""
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    gc.collect()
    gc.disable()  # what others have called at a collection would be counted
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count
