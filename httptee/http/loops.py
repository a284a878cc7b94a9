"""Ends a loop through the tee where no Via is added (`-no-via`).

A request that comes back cannot be told from one that a client repeats. So requests stay as they are, until the same
method and target come `OFTEN` times in a second. Then every `OFTEN`-th of them gets one more field, `FIELD`, with the
identity of this tee. If a request with that field arrives, an upstream leads back: it is refused with 508. For the next
minute, every request gets the field, so each one is refused when it comes back for the first time. If none comes back
within `TRIAL` seconds, the tee adds nothing for a minute.

Not found: a loop with fewer passes a second, one that changes the target in each pass (it ends when the target is too
long), one whose upstreams remove the field, and for up to a minute one that begins after a trial.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from httptee.errors import LoopDetected
from httptee.http.message import Headers

FIELD = "X-Httptee-Loop"
OFTEN = 64
TRIAL = 1.0
_REST = 60.0  # seconds without a mark after a trial, and with a mark on every request after a loop
_WINDOW = 1.0  # seconds
_MOST_TARGETS = 10_000  # that are counted in a window

_LENGTH, _LOWER = len(FIELD), FIELD.lower()


class LoopGuard:
    """Counts the requests of one process. Threads may lose counts; that only delays the field."""

    def __init__(self, identity: str, clock: Callable[[], float] = monotonic) -> None:
        self._identity = identity
        self._clock = clock
        self._counts: dict[int, int] = {}  # by the hash: targets of 64 KiB would hold too much
        self._window_ends = 0.0
        self._trial_ends = 0.0  # 0.0 without a trial
        self._rest_ends = 0.0
        self._marks_until = 0.0

    def passed(self, method: str, target: str, headers: Headers) -> Headers:
        """The fields to forward: the same, or with one more. Raises LoopDetected for a request that comes back."""
        now = self._clock()
        for name, value in headers:
            if len(name) == _LENGTH and value == self._identity and name.lower() == _LOWER:
                self._marks_until, self._trial_ends = now + _REST, 0.0
                raise LoopDetected("this request has passed through this tee before: an upstream leads back to it")
        if now < self._marks_until or (self._is_often(hash((method, target)), now) and self._tries(now)):
            return [*headers, (FIELD, self._identity)]
        return headers

    def _is_often(self, key: int, now: float) -> bool:
        counts = self._counts
        if now >= self._window_ends or len(counts) >= _MOST_TARGETS:
            counts.clear()
            self._window_ends = now + _WINDOW
        counts[key] = count = counts.get(key, 0) + 1
        return count % OFTEN == 0

    def _tries(self, now: float) -> bool:
        """Whether a request may get the field. Begins and ends the trials."""
        if now < self._rest_ends:
            return False
        if not self._trial_ends:
            self._trial_ends = now + TRIAL
        elif now >= self._trial_ends:
            self._trial_ends, self._rest_ends = 0.0, now + _REST
            return False
        return True
