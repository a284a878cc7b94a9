"""The memory of one worker process's counts by route and B, which all processes share."""

from __future__ import annotations

import mmap

from httptee.verdict.court import BUCKETS, Toss

ROUTES = 512
"""Routes of one worker process. `compare.Routes` names at most 500, and `other`."""

LONGEST_NAME = 1022
"""Bytes of a route's name. A longer one is cut."""

_NAME = 2 + LONGEST_NAME  # the first two bytes are the length
COUNTS = ("requests", "chosen", "equal", "unequal", "lost", *Toss._fields)
WIDTH = len(COUNTS) + 2 * BUCKETS
"""Numbers of a route and a B: the counts, then the histograms of A's and B's times."""

_WORD = 8
_TRIES = 100  # to read a row while its writer merges two routes


class Row:
    """The memory of one worker process: a version, names, requests by route; for each B its counts, and those by route.

    The version is odd while two routes are merged: a reader tries again.
    """

    def __init__(self, backends: int) -> None:
        numbers = 1 + ROUTES + backends * (1 + ROUTES * WIDTH)
        self._memory = mmap.mmap(-1, numbers * _WORD + ROUTES * _NAME)
        words = memoryview(self._memory)[: numbers * _WORD].cast("Q")
        self._version = words[:1]
        self.requests = words[1 : 1 + ROUTES]
        size = ROUTES * WIDTH
        starts = [1 + ROUTES + backends + number * size for number in range(backends)]
        self.missed = words[1 + ROUTES : 1 + ROUTES + backends]
        self.cells = [words[start : start + size] for start in starts]
        self._names = memoryview(self._memory)[numbers * _WORD :]

    def settle(self) -> None:
        """End the merge of an earlier writer that died in it."""
        self._version[0] += self._version[0] % 2

    def names(self) -> dict[int, str]:
        """The names of the slots in use."""
        found, names = {}, self._names
        for slot, at in enumerate(range(0, ROUTES * _NAME, _NAME)):
            if names[at] or names[at + 1]:
                size = int.from_bytes(names[at : at + 2], "big")  # both at once: a writer may come in between
                found[slot] = bytes(names[at + 2 : at + 2 + size]).decode("utf-8", "replace")
        return found

    def set_name(self, slot: int, name: str) -> None:
        """Name a slot. A name that is too long is cut."""
        text = name.encode("utf-8", "replace")[:LONGEST_NAME]
        start = slot * _NAME
        self._names[start + 2 : start + 2 + len(text)] = text
        self._names[start : start + 2] = len(text).to_bytes(2, "big")  # last: a reader may come at any moment

    def merge(self, slot: int, target: int) -> None:
        """Move the counts of a slot to another one, and free it."""
        self._version[0] += 1
        self.requests[target] += self.requests[slot]
        self.requests[slot] = 0
        for cells in self.cells:
            for offset in range(WIDTH):
                count = cells[slot * WIDTH + offset]
                if count:
                    cells[target * WIDTH + offset] += count
                    cells[slot * WIDTH + offset] = 0
        self._names[slot * _NAME : slot * _NAME + 2] = b"\0\0"
        self._version[0] += 1

    def lines(self, backend: int) -> dict[str, list[int]]:
        """The counts for one B by route. It does not wait for ever: a writer may have died in a merge."""
        for _ in range(_TRIES):
            version = self._version[0]
            found = self._read(backend)
            if version % 2 == 0 and version == self._version[0]:
                return found
        return found

    def _read(self, backend: int) -> dict[str, list[int]]:
        cells, found = self.cells[backend], {}
        for slot, name in self.names().items():
            line = cells[slot * WIDTH : (slot + 1) * WIDTH].tolist()
            line[0] = self.requests[slot]
            found[name] = line
        return found
