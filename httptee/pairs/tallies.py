"""What the worker processes count for each route and each B: fixed counters in memory that all processes share.

Like the ledger, the memory is mapped before any fork, has one row for each worker process, and each row has one writer
process. A row names its routes itself, because only its process sees their paths. The judge adds up all rows.
"""

from __future__ import annotations

import mmap
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice

from httptee.verdict import BUCKETS, RouteSums, Toss

ROUTES = 512
"""Routes of one worker process. `compare.Routes` names at most 500, and `other`."""

LONGEST_NAME = 1022
"""Bytes of a route's name. A longer one is cut."""

_NAME = 2 + LONGEST_NAME  # the first two bytes are the length
_COUNTS = ("requests", "chosen", "equal", "unequal", "lost", "blocks", "slower", "quick", "tail_blocks", "tail_slower")
_AT = {name: index for index, name in enumerate(_COUNTS)}
_EQUAL, _UNEQUAL = _AT["equal"], _AT["unequal"]
_WIDTH = len(_COUNTS) + 2 * BUCKETS
_WORD = 8
_TRIES = 100  # to read a row while its writer merges two routes


Times = tuple[int, int, "Toss | None"]
"""The times of A's and B's answer, as buckets of `verdict.latency`, and the toss if the pair completes a block."""


class Tallies:
    """The counts of `rows` worker processes for the Bs in `backends`. A reload's tallies read the `earlier` ones along.

    `run` names this start of the tee: what was counted in it survives the worker processes and the judge, not the tee.
    """

    def __init__(self, backends: Sequence[str], rows: int = 1, earlier: Sequence[Tallies] = (), run: str = "") -> None:
        self.backends = tuple(backends)
        self.run: str = earlier[0].run if earlier else run
        self.finished = False
        """Set when no process writes to these tallies."""
        self._rows = [_Row(len(backends)) for _ in range(rows)]
        self._running = [tallies for tallies in earlier if not tallies.finished]
        self._before: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0] * _WIDTH))
        self._missed: Counter[str] = Counter()
        for tallies in earlier:
            if tallies.finished:
                tallies._running = []
                tallies._add_to(self._before)
                for backend in {*tallies.backends, *tallies._missed}:
                    self._missed[backend] += tallies._own_missed(backend)

    @property
    def history(self) -> list[Tallies]:
        """These tallies and those that are read along with them: the `earlier` ones of the next tallies."""
        return [self, *self._running]

    def row(self, number: int) -> RowTallies:
        """The writing side for one worker process. A new process continues in the row of one that has ended."""
        return RowTallies(self._rows[number])

    def missed(self, backend: str) -> int:
        """Requests that may change something, and that a B did not get or did not answer."""
        return sum(tallies._own_missed(backend) for tallies in self.history)

    def sums(self) -> dict[str, dict[str, RouteSums]]:
        """The counts at this moment: for each B, for each route."""
        total: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0] * _WIDTH))
        for tallies in self.history:
            tallies._add_to(total)
        return {backend: {name: _sums(line) for name, line in routes.items()} for backend, routes in total.items()}

    def _own_missed(self, backend: str) -> int:
        if backend not in self.backends:
            return self._missed[backend]
        number = self.backends.index(backend)
        return self._missed[backend] + sum(row.missed[number] for row in self._rows)

    def _add_to(self, total: dict[str, dict[str, list[int]]]) -> None:
        for backend, routes in self._before.items():
            for route, line in routes.items():
                total[backend][route] = _added(total[backend][route], line)
        for row in self._rows:
            for number, backend in enumerate(self.backends):
                for route, line in row.lines(number).items():
                    total[backend][route] = _added(total[backend][route], line)


class RowTallies:
    """The counts of one worker process, for all its threads. `slot` numbers the routes from 0."""

    def __init__(self, row: _Row) -> None:
        row.settle()
        self._row = row
        self._lock = threading.Lock()  # held for a few instructions
        self._slots = {name: slot for slot, name in row.names().items()}
        self._free = [slot for slot in reversed(range(ROUTES)) if slot not in row.names()]

    def slot(self, route: str) -> int | None:
        """The number of a route, or None if there are too many routes."""
        slot = self._slots.get(route)
        if slot is None and self._free:
            with self._lock:
                slot = self._slots.get(route)
                if slot is None:
                    slot = self._free.pop()
                    self._row.set_name(slot, route)
                    self._slots[route] = slot
        return slot

    def request(self, slot: int) -> None:
        """Count a request to A."""
        with self._lock:
            self._row.requests[slot] += 1

    def chosen_of(self, slot: int, backend: int = 0) -> int:
        """How many pairs of a route were chosen so far, for one B."""
        return self._row.cells[backend][slot * _WIDTH + _AT["chosen"]]

    def chosen(self, backend: int, slot: int) -> None:
        """Count a pair that is to be compared. Call it before B's answer is known."""
        self._count(backend, slot, "chosen")

    def lost(self, backend: int, slot: int) -> None:
        """Count an unequal pair that did not reach the judge."""
        self._count(backend, slot, "lost")

    def judged(self, backend: int, slot: int, equal: bool, times: Times | None = None) -> None:
        """Count a pair that was compared; with `times`, if both have answered."""
        cells, start = self._row.cells[backend], slot * _WIDTH
        what = start + (_EQUAL if equal else _UNEQUAL)
        if times is None:
            with self._lock:
                cells[what] += 1
            return
        a, b, toss = times
        a, b = start + len(_COUNTS) + a, start + len(_COUNTS) + BUCKETS + b
        with self._lock:
            cells[what] += 1
            cells[a] += 1
            cells[b] += 1
            if toss is not None:
                for offset, more in enumerate(toss, start + _AT["blocks"]):
                    cells[offset] += more

    def missed(self, backend: int) -> None:
        """Count a request that may change something, and that this B did not get or did not answer."""
        with self._lock:
            self._row.missed[backend] += 1

    def merge(self, old: str, new: str) -> None:
        """Add the counts of a route to those of another one, which has taken it in, and forget it."""
        target = self.slot(new)
        with self._lock:
            slot = self._slots.pop(old, None)
            if slot is None or target is None or slot == target:
                return
            self._row.merge(slot, target)
            self._free.append(slot)

    def _count(self, backend: int, slot: int, what: str) -> None:
        with self._lock:
            self._row.cells[backend][slot * _WIDTH + _AT[what]] += 1


class _Row:
    """The memory of one worker process: a version, names, requests by route; for each B its counts, and those by route.

    The version is odd while two routes are merged: a reader tries again.
    """

    def __init__(self, backends: int) -> None:
        numbers = 1 + ROUTES + backends * (1 + ROUTES * _WIDTH)
        self._memory = mmap.mmap(-1, numbers * _WORD + ROUTES * _NAME)
        words = memoryview(self._memory)[: numbers * _WORD].cast("Q")
        self._version = words[:1]
        self.requests = words[1 : 1 + ROUTES]
        size = ROUTES * _WIDTH
        starts = [1 + ROUTES + backends + number * size for number in range(backends)]
        self.missed = words[1 + ROUTES : 1 + ROUTES + backends]
        self.cells = [words[start : start + size] for start in starts]
        self._names = memoryview(self._memory)[numbers * _WORD :]

    def settle(self) -> None:
        """End the merge of an earlier writer that died in it."""
        self._version[0] += self._version[0] % 2

    def names(self) -> dict[int, str]:
        """The names of the slots in use."""
        found = {}
        for slot in range(ROUTES):
            size = int.from_bytes(self._names[slot * _NAME : slot * _NAME + 2], "big")
            if size:
                found[slot] = bytes(self._names[slot * _NAME + 2 : slot * _NAME + 2 + size]).decode("utf-8", "replace")
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
            for offset in range(_WIDTH):
                count = cells[slot * _WIDTH + offset]
                if count:
                    cells[target * _WIDTH + offset] += count
                    cells[slot * _WIDTH + offset] = 0
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
            line = cells[slot * _WIDTH : (slot + 1) * _WIDTH].tolist()
            line[0] = self.requests[slot]
            found[name] = line
        return found


def _added(one: Sequence[int], other: Sequence[int]) -> list[int]:
    return [left + right for left, right in zip(one, other, strict=True)]


def _sums(line: Sequence[int]) -> RouteSums:
    counts: Mapping[str, int] = dict(zip(_COUNTS, line, strict=False))
    times = tuple(islice(line, len(_COUNTS), None))
    return RouteSums(**counts, a_times=times[:BUCKETS], b_times=times[BUCKETS:])
