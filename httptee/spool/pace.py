"""How fast B gets what was spooled, and how it becomes level. Additive increase would take too long, so the rate is
doubled each second while B answers well, and halved when it fails.

What was not sent in time, as the drainer got no CPU time, may be sent a little later. After a pause, that alone would
be more than the cap allows in a short time. So the clones of each half second are counted too. A little less is sent
than the cap allows: what B gets in its own half second was not sent in just that time.

Clones that wait for the last ones in the spool go out together when it is empty. B is to get no more than the cap with
them either, so meanwhile their part of the half second is left free.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import ceil
from time import monotonic

from httptee.ledger import SpoolWords

FIRST = 10.0
"""Clones a second, at the start and after an outage."""
LEAST_CAP = 100.0
"""Clones a second that are allowed without any live traffic to compare with."""
_LOWEST = 2.0
_WINDOW = 1.0  # seconds
_HALVED_EACH = 0.25  # seconds: the failures of what was in flight together count once
_BURST = 0.1  # seconds of the rate
_TOGETHER = 0.005  # seconds in which clones are counted together
SPAN = 0.5
"""Seconds in which not more is sent than the cap allows, whenever they begin."""
_PART = 0.97  # of the cap in each span: the first clones in it may come late, and the last ones at once
_LET_GO = 0.03  # seconds until those that wait go on when the spool is empty

PATIENCE = 0.5
"""Seconds for which clones wait at most. Then they go into the spool."""

_SOON = 0.15  # seconds: the spool is empty as soon as that, at the rate of now
_EACH = 0.05  # seconds between two looks
_FIRST_REST, _LONGEST_REST = 1.0, 30.0  # seconds until it is tried again; twice as long each time


class Pace:
    """`rate` in clones a second: doubled each second while the p99 of the answers is below `limit` seconds, halved when
    one fails, at most twice `live` and at most `most` (0: no such limit)."""

    def __init__(self, limit: float, most: float = 0.0, clock: Callable[[], float] = monotonic) -> None:
        self.rate = FIRST
        self.live = 0.0
        """The recent rate of the clones that come, in clones a second."""
        self.limit = limit
        self._most = most
        self._clock = clock
        self._tokens = 1.0
        self._filled = self._window = self._halved = clock()
        # Of the last `SPAN`: when some clones were sent, the first and the last of them, and how many.
        self._recent: deque[list[float]] = deque()
        self._in_span = 0.0
        self._waits_from = self._waits_until = 0.0
        self._seconds: list[float] = []
        self._failed = False

    @property
    def cap(self) -> float:
        """The highest rate that is allowed now."""
        cap = max(LEAST_CAP, 2 * self.live)
        return min(cap, self._most) if self._most else cap

    def tokens(self) -> int:
        """How many clones may be sent now."""
        now = self._clock()
        rate = min(self.rate, self.cap)
        self._tokens = min(max(1.0, rate * _BURST), self._tokens + (now - self._filled) * rate)
        self._filled = now
        if now - self._window >= _WINDOW:
            self._close_window(now)
        recent = self._recent
        while recent and recent[0][1] <= now - SPAN + 1e-6:
            self._in_span -= recent.popleft()[2]
        return max(0, int(min(self._tokens, max(1.0, self._in_a_span(now)) - self._in_span)))

    def leave_room(self, seconds: float) -> None:
        """From now on clones wait for the last ones in the spool, for so many seconds at most."""
        self._waits_from = self._clock()
        self._waits_until = self._waits_from + seconds

    def _in_a_span(self, now: float) -> float:
        """How many clones may be sent in the span that ends now."""
        whole = self.cap * SPAN
        most = min(whole, ceil(_PART * whole))
        if now >= self._waits_until:
            return most
        waiting = self.live * (now - self._waits_from + _LET_GO)
        return min(most, _PART * max(LEAST_CAP, 2 * self.live) * SPAN - waiting)

    def sent(self) -> None:
        """One clone was sent. Call it after that: the drainer may have waited for the processor before."""
        self._tokens -= 1.0
        self._in_span += 1.0
        now = self._clock()
        if self._recent and now - self._recent[-1][0] < _TOGETHER:
            self._recent[-1][1:] = now, self._recent[-1][2] + 1.0
        else:
            self._recent.append([now, now, 1.0])

    def succeeded(self, seconds: float) -> None:
        """B has answered."""
        self._seconds.append(seconds)

    def failed(self) -> None:
        """B has failed."""
        self._failed = True
        now = self._clock()
        if now - self._halved >= _HALVED_EACH:
            self._halved = now
            self.rate = max(_LOWEST, min(self.rate, self.cap) / 2)

    def _close_window(self, now: float) -> None:
        seconds, self._seconds = sorted(self._seconds), []
        failed, self._failed = self._failed, False
        self._window = now
        if seconds and not failed and seconds[int(0.99 * (len(seconds) - 1))] < self.limit:
            self.rate = min(self.cap, max(self.rate, FIRST / 2) * 2)


class Settling:
    """Says when clones that come are to wait for the last ones in the spool of one B.

    All clones of a B with a backlog go through its spool. So under a steady load there are always some in it: those
    that came in the last moment. When only so few are left, the worker processes let new ones wait in memory until the
    spool is empty.
    """

    def __init__(self, words: SpoolWords, clock: Callable[[], float] = monotonic) -> None:
        self._words = words
        self._clock = clock
        self._next = 0.0
        self._rest = _FIRST_REST

    def look(self, rate: float, *, well: bool) -> float:
        """Let clones wait if the spool is soon empty at this rate, in clones a second. `well`: B takes clones. Returns
        the seconds for which they wait at most if they begin to wait now, or 0."""
        now = self._clock()
        if now < self._next:
            return 0.0
        self._next = now + _EACH
        if not well:
            return 0.0
        left = self._words.waiting
        if not left:
            self._rest = _FIRST_REST
        elif left <= max(1.0, rate * _SOON):
            self._words.settle(PATIENCE)
            self._next = now + PATIENCE + self._rest
            self._rest = min(_LONGEST_REST, 2 * self._rest)
            return PATIENCE
        return 0.0
