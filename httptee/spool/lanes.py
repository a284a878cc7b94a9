"""What was read and is not settled yet: the clones of each lane in their order, of which only the first may be sent.

Pure: entries in, entries out. Times are of the caller's clock, in seconds.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

from httptee.errors import upstream_error
from httptee.http import Exchange, values
from httptee.spool.stream import Entry
from httptee.transport import Answer

_LONGEST_RETRY_AFTER = 300.0  # seconds
_NEVER_LATER = frozenset(range(200, 400))  # statuses after which a clone is not sent again, whatever the fields say


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

    def __repr__(self) -> str:
        return f"<Lanes [{self._count} clones in {len(self._lanes)} lanes]>"

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Lane]:
        return iter(list(self._lanes.values()))

    def add(self, key: str, entry: Entry) -> None:
        """Put an entry at the end of its lane; a late one before those that came after it and are not in flight."""
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key)
            self._ready.append(lane)
        self._count += 1
        at = len(lane.entries)
        if entry.clone is not None and entry.clone.late:
            while at > lane.sent and lane.entries[at - 1].stamp > entry.stamp:
                at -= 1
        if at == 0:  # the failures were those of another one
            lane.failures, lane.answered, lane.bracketed = 0, False, False
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
        lane.entries.popleft()
        self._count -= 1
        lane.failures = lane.attempts = 0
        lane.sent = lane.answered = lane.bracketed = False
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
        if lane in self._ready:
            self._ready.remove(lane)
        else:
            self._later = [one for one in self._later if one[2] is not lane]
            heapq.heapify(self._later)
        self.done(lane)


@dataclass(slots=True)
class Result:
    """What became of an exchange: `reason` of its failure or an empty text, the status, and Retry-After in seconds."""

    exchange: Exchange
    seconds: float
    reason: str
    status: int
    retry_after: float = 0.0
    unsent: bool = False


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


def result_of(exchange: Exchange, seconds: float, error: Exception | None, answer: Answer | None) -> Result:
    """The result of an exchange: its error, or its answer as far as it came."""
    reason = "" if error is None else upstream_error(error).reason
    status = 0 if answer is None else answer.status
    if answer is None or status in _NEVER_LATER:
        return Result(exchange, seconds, reason, status)
    found = values(answer.headers, "retry-after")
    after = float(found[0]) if found and found[0].isdigit() else 0.0
    return Result(exchange, seconds, reason, status, min(after, _LONGEST_RETRY_AFTER))
