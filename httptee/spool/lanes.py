"""What was read and is not settled yet: the clones of each lane in their order, of which only the first may be sent.

Pure: entries in, entries out. Times are of the caller's clock, in seconds.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice, takewhile
from math import inf
from time import monotonic
from typing import Protocol

from httptee.http import Exchange
from httptee.spool.entry import Entry

SUSPECT = 5
"""Failures of the first clone of a lane after which a witness is asked."""
_NEAR = 1_000_000_000  # nanoseconds
_FEW = 8  # suspects; if more fail and no clone is answered, an answer of the check alone does not show that B is well


@dataclass(slots=True, eq=False)
class Lane:
    """A lane with its entries, the first one first. `failures` are those of the first one that may be its own fault;
    the last of them was at `failed_at`. `answered`: B has answered another lane since. `bracketed`: and also between
    the last two of them. `sent` while it is in flight."""

    key: str
    entries: deque[Entry] = field(default_factory=deque)
    failures: int = 0
    attempts: int = 0
    failed_at: float = 0.0
    answered: bool = False
    bracketed: bool = False
    sent: bool = False

    @property
    def head(self) -> Entry:
        """The entry that is to be sent next."""
        return self.entries[0]


class Lanes:
    """`<Lanes [12 clones in 3 lanes]>`."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}
        self._ready: deque[Lane] = deque()
        self._later: list[tuple[float, int, Lane]] = []
        self._count = 0
        self._tie = 0
        self.size = 0
        """Bytes of all clones."""

    def __repr__(self) -> str:
        return f"<Lanes [{self._count} clones in {len(self._lanes)} lanes]>"

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Lane]:
        return iter(list(self._lanes.values()))

    def add(self, key: str, entry: Entry) -> None:
        """Put an entry at the end of its lane; a late one before those that came after it and are not in flight. Others
        may be stored in another order than they came in, but not by much: else the clock was set back."""
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key)
            self._ready.append(lane)
        self._count += 1
        self.size += entry.size
        at = len(lane.entries)
        limit = inf if entry.clone is not None and entry.clone.late else _NEAR
        while at > lane.sent and 0 < lane.entries[at - 1].stamp - entry.stamp < limit:
            at -= 1
        if at == 0:  # the failures were those of another one
            _begin_anew(lane)
        lane.entries.insert(at, entry)

    def next(self, now: float) -> Lane | None:
        """The lane whose first entry is to be sent now, or None. It is in flight until one of the calls below."""
        while self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[2])
        if not self._ready:
            return None
        lane = self._ready.popleft()
        lane.sent = True
        return lane

    def done(self, lane: Lane) -> None:
        """The first entry is settled."""
        self.size -= lane.entries.popleft().size
        self._count -= 1
        lane.sent = False
        _begin_anew(lane)
        if lane.entries:
            self._ready.append(lane)
        else:
            del self._lanes[lane.key]

    def again(self, lane: Lane, at: float) -> None:
        """Send the first entry again, at that time."""
        lane.sent = False
        self._tie += 1
        heapq.heappush(self._later, (at, self._tie, lane))

    def withdraw(self, lane: Lane) -> None:
        """The first entry of a lane that is not in flight is settled without an attempt."""
        self._take_out(lane)
        self.done(lane)

    def cut(self, lane: Lane, count: int) -> list[Entry]:
        """Take out so many of the first entries of a lane, from the first one on that is not in flight."""
        head = lane.entries.popleft() if lane.sent else None
        taken = [lane.entries.popleft() for _ in range(min(count, len(lane.entries)))]
        self._count -= len(taken)
        self.size -= sum(entry.size for entry in taken)
        if head is not None:
            lane.entries.appendleft(head)
        elif taken:
            _begin_anew(lane)
            if not lane.entries:
                self._take_out(lane)
                del self._lanes[lane.key]
        return taken

    def those(self, chosen: Callable[[Entry], bool]) -> list[tuple[Lane, int]]:
        """How many of the first entries of each lane are chosen, without one in flight."""
        found = []
        for lane in self._lanes.values():
            if count := sum(1 for _ in takewhile(chosen, islice(lane.entries, lane.sent, None))):
                found.append((lane, count))
        return found

    def older_than(self, stamp: int) -> list[tuple[Lane, int]]:
        """How many of the first entries of each lane came before that, without one in flight."""
        return self.those(lambda entry: entry.stamp < stamp)

    def oldest(self, size: int) -> list[tuple[Lane, int]]:
        """How many of the first entries of each lane came first and have so many bytes together, without those in
        flight."""
        waiting = [(entry.stamp, entry.size, lane) for lane in self for entry in islice(lane.entries, lane.sent, None)]
        found: dict[Lane, int] = {}
        for _, each, lane in sorted(waiting, key=lambda one: one[0]):
            if size <= 0:
                break
            found[lane] = found.get(lane, 0) + 1
            size -= each
        return list(found.items())

    def _take_out(self, lane: Lane) -> None:
        """Have the lane wait for nothing."""
        if lane in self._ready:
            self._ready.remove(lane)
        else:
            self._later = [one for one in self._later if one[2] is not lane]
            heapq.heapify(self._later)


def _begin_anew(lane: Lane) -> None:
    """Another entry is the first one."""
    lane.failures = lane.attempts = 0
    lane.answered = lane.bracketed = False


class Suspects:
    """The lanes whose first clone has failed so often that it may be its own fault."""

    def __init__(self) -> None:
        self._lanes: set[Lane] = set()

    def __repr__(self) -> str:
        return f"<Suspects [{len(self._lanes)} lanes]>"

    @property
    def waiting(self) -> bool:
        """Whether any of them waits for a witness, and an answer of the check would be one."""
        return 0 < len(self._lanes) <= _FEW and any(not lane.answered and not lane.sent for lane in self._lanes)

    def failed(self, lane: Lane, now: float) -> None:
        """The first clone of a lane has failed."""
        lane.failures += 1
        if lane.failures >= SUSPECT:
            self._lanes.add(lane)
        lane.bracketed, lane.answered = lane.answered, False
        lane.failed_at = now

    def answered(self, began: float, *, check: bool) -> list[Lane]:
        """B has answered something that was sent then. Returns the lanes whose first clone is poison: it has failed
        twice, with an answer between and another one after that. `check`: what was sent is no clone."""
        if not self._lanes or (check and len(self._lanes) > _FEW):
            return []
        found = [lane for lane in self._lanes if lane.failures >= SUSPECT and not lane.sent and began > lane.failed_at]
        for lane in found:
            lane.answered = True
        return [lane for lane in found if lane.bracketed]

    def forget(self, lane: Lane) -> None:
        """Another clone is the first one of the lane."""
        self._lanes.discard(lane)


class Told(Protocol):
    """Learns from each answer whether B is up: the circuit breaker."""

    @property
    def open(self) -> bool:
        """Whether B is considered down."""

    def succeeded(self) -> None:
        """B gave a whole answer."""

    def failed(self, reason: str) -> None:
        """An exchange failed."""


@dataclass(slots=True)
class Flight:
    """An exchange in flight. `lane` is None for a check."""

    exchange: Exchange
    lane: Lane | None
    began: float = field(default_factory=monotonic)
