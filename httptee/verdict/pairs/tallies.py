"""What the worker processes count for each route and each B: fixed counters in memory that all processes share.

Like the ledger, the memory is mapped before any fork, has one row for each worker process, and each row has one writer
process. A row names its routes itself, because only its process sees their paths. The judge adds up all rows.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from zlib import crc32

from httptee.verdict.court import BUCKETS, RouteSums, Toss
from httptee.verdict.pairs.folding import Folding
from httptee.verdict.pairs.row import COUNTS, ROUTES, WIDTH, Row

_AT = {name: index for index, name in enumerate(COUNTS)}
_TURN = 10.0  # seconds
_EQUAL, _UNEQUAL, _CHOSEN = _AT["equal"], _AT["unequal"], _AT["chosen"]

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
        self._rows = [Row(len(backends)) for _ in range(rows)]
        self._running = [tallies for tallies in earlier if not tallies.finished]
        self._before: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0] * WIDTH))
        self._missed: Counter[str] = Counter()
        for tallies in earlier:
            if tallies.finished:
                tallies._running = []
                tallies._add_to(self._before)
                for backend in {*tallies.backends, *tallies._missed}:
                    self._missed[backend] += tallies._own_missed(backend)
        self._fold_before([group for tallies in earlier if tallies.finished for group in tallies._own_names()])

    @property
    def history(self) -> list[Tallies]:
        """These tallies and those that are read along with them: the `earlier` ones of the next tallies."""
        return [self, *self._running]

    def row(self, number: int) -> RowTallies:
        """The writing side for one worker process. A new process continues in the row of one that has ended."""
        return RowTallies(self._rows[number], number, len(self._rows))

    def continue_after(self, failed: Tallies) -> None:
        """Be the newest tallies again after the reload that made `failed`, whose worker processes may have counted."""
        self._running = [tallies for tallies in failed.history if tallies is not self]

    def names(self) -> list[Collection[str]]:
        """The names of the routes in each worker process: see `Folding`."""
        return [group for tallies in self.history for group in tallies._own_names()]

    def missed(self, backend: str) -> int:
        """Requests that may change something, and that a B did not get or did not answer."""
        return sum(tallies._own_missed(backend) for tallies in self.history)

    def sums(self) -> dict[str, dict[str, RouteSums]]:
        """The counts at this moment: for each B, for each route."""
        total: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0] * WIDTH))
        for tallies in self.history:
            tallies._add_to(total)
        return {backend: {name: _sums(line) for name, line in routes.items()} for backend, routes in total.items()}

    def _own_names(self) -> list[Collection[str]]:
        before = {route for routes in self._before.values() for route in routes}
        return [before, *(row.names().values() for row in self._rows)]

    def _fold_before(self, groups: Sequence[Collection[str]]) -> None:
        """Give the routes of finished tallies one name each. How each process named them is then forgotten."""
        folding = Folding(groups)
        for routes in self._before.values():
            for route in list(routes):
                if (name := folding(route)) != route:
                    routes[name] = _added(routes[name], routes.pop(route))

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


class Slot:
    """The place of a route in a row. A route that another one has taken in is counted `into` the place of that one."""

    __slots__ = ("into", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.into: Slot | None = None


class RowTallies:
    """The counts of one worker process, for all its threads.

    A pair may be in flight while its route is taken in by another one. So the number of a place is read when a count is
    made, under the lock that a merge takes too.
    """

    def __init__(self, row: Row, number: int = 0, rows: int = 1) -> None:
        row.settle()
        self._row = row
        self._number, self._rows = number, rows
        self._lock = threading.Lock()  # held for a few instructions
        names = row.names()
        self.slots = {name: Slot(number) for number, name in names.items()}
        """The places of the routes that have one, see `slot`."""
        self._free = [number for number in reversed(range(ROUTES)) if number not in names]

    def slot(self, route: str) -> Slot | None:
        """The place of a route, or None if there are too many routes."""
        slot = self.slots.get(route)
        if slot is None and self._free:
            with self._lock:
                slot = self.slots.get(route)
                if slot is None and self._free:
                    slot = Slot(self._free.pop())
                    self._row.set_name(slot.number, route)
                    self.slots[route] = slot
        return slot

    def has_blocks(self, route: str, now: float) -> bool:
        """Whether it is this process's turn to take the times of a route into its blocks. `now` is a monotonic clock's.

        Blocks of several processes at the same time see the same pauses of A and B. Each would say the same, and
        together they would say it as if they had seen as many pauses as there are processes. So it is one process's
        turn. It changes, because a process may never get a request: a client may have a single connection. And it
        changes at random, for such a client may send its requests at fixed times.
        """
        turn = crc32(b"%d " % (now // _TURN) + route.encode("utf-8", "replace"))
        return turn % self._rows == self._number

    def request(self, slot: Slot) -> int:
        """Count a request to A. Returns how many pairs of its route were chosen so far, for the first B."""
        row = self._row
        with self._lock:
            number = slot.number if slot.into is None else _last(slot).number
            row.requests[number] += 1
            return row.cells[0][number * WIDTH + _CHOSEN]

    def chosen(self, backend: int, slot: Slot) -> None:
        """Count a pair that is to be compared. Call it before B's answer is known."""
        self._count(backend, slot, "chosen")

    def lost(self, backend: int, slot: Slot) -> None:
        """Count an unequal pair that did not reach the judge."""
        self._count(backend, slot, "lost")

    def judged(self, backend: int, slot: Slot, equal: bool, times: Times | None = None) -> None:
        """Count a pair that was compared; with `times`, if both have answered."""
        cells = self._row.cells[backend]
        with self._lock:
            start = (slot.number if slot.into is None else _last(slot).number) * WIDTH
            cells[start + (_EQUAL if equal else _UNEQUAL)] += 1
            if times is None:
                return
            a, b, toss = times
            start += len(COUNTS)
            cells[start + a] += 1
            cells[start + BUCKETS + b] += 1
            if toss is not None:
                for offset, more in enumerate(toss, start - len(COUNTS) + _AT["blocks"]):
                    cells[offset] += more

    def missed(self, backend: int) -> None:
        """Count a request that may change something, and that this B did not get or did not answer."""
        with self._lock:
            self._row.missed[backend] += 1

    def merge(self, old: str, new: str) -> None:
        """Add the counts of a route to those of another one, which has taken it in, and count it there from now on."""
        found = self.slot(new)
        with self._lock:
            if found is None:
                return
            slot, target = self.slots.get(old), _last(found)
            self.slots[old] = target
            if slot is not None and _last(slot) is not target:
                self._row.merge(_last(slot).number, target.number)
                self._free.append(_last(slot).number)
                _last(slot).into = target

    def _count(self, backend: int, slot: Slot, what: str) -> None:
        with self._lock:
            self._row.cells[backend][_last(slot).number * WIDTH + _AT[what]] += 1


def _last(slot: Slot) -> Slot:
    while slot.into is not None:
        slot = slot.into
    return slot


def _added(one: Sequence[int], other: Sequence[int]) -> list[int]:
    return [left + right for left, right in zip(one, other, strict=True)]


def _sums(line: Sequence[int]) -> RouteSums:
    counts: Mapping[str, int] = dict(zip(COUNTS, line, strict=False))
    times = tuple(islice(line, len(COUNTS), None))
    return RouteSums(**counts, a_times=times[:BUCKETS], b_times=times[BUCKETS:])
