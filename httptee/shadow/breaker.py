"""The circuit breaker of one B: while B is down its clones cost nothing, and one at a time finds out whether it is up.

After some failures in a row to connect or to answer in time, the circuit opens: clones are dropped as `circuit_open`
without taking a thread or a connection. One clone is let through as a probe at a time, after a wait that doubles with
each that fails; jitter keeps the probes of many tees apart. The first that succeeds closes the circuit.

The state is shared by all worker processes, so one of them notices and one of them probes. Times are those of the
monotonic clock, which processes share too. Two workers may, once in a while, both open a circuit or both send a
probe: that costs a log line or a connection, where a lock between processes would cost A.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from httptee.ledger import CIRCUIT_WORDS, IS_OPEN

logger = logging.getLogger(__name__)

_OPEN, (_FAILURES, _PROBE_AT, _OPENED) = IS_OPEN, range(1, CIRCUIT_WORDS)  # times in microseconds

COUNTED = frozenset({"connect", "timeout"})
"""The failures that say that B is not there, rather than that it answers badly."""

_JITTER = 0.2
_WORTH_A_LINE = 5  # failures in a row that the log speaks of where nothing is dropped for them
_FORGIVEN = 10.0  # seconds a circuit must have been closed for its next opening to start with the shortest wait


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When to open and how long to wait: `failures` in a row (0: only say so in the log), seconds between probes."""

    failures: int = 5
    shortest: float = 0.1
    longest: float = 1.5


class Breaker:
    """The circuit to one B, on `CIRCUIT_WORDS` shared words."""

    def __init__(
        self,
        backend: str,
        words: memoryview,
        policy: BreakerPolicy,
        clock: Callable[[], float] = monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._backend = backend
        self._words = words
        self._policy = policy
        self._clock = clock
        self._jitter = jitter
        self._wait = policy.shortest
        self._drops = policy.failures > 0
        self._threshold = policy.failures or _WORTH_A_LINE

    @property
    def open(self) -> bool:
        """Whether B is taken to be down."""
        return self._words[_OPEN] != 0

    @property
    def blocks(self) -> bool:
        """Whether a clone is to be dropped now. Where the time for a probe has come, the asker's clone is the probe."""
        words = self._words
        if not words[_OPEN] or not self._drops:
            return False
        now = self._now()
        if now < words[_PROBE_AT]:
            return True
        words[_PROBE_AT] = now + self._microseconds(self._wait)
        return False

    @property
    def gives_up(self) -> bool:
        """Whether clones that wait are to be dropped rather than sent: not the one that is the probe."""
        return self._drops and self._words[_OPEN] != 0

    def succeeded(self) -> None:
        """B gave a whole answer."""
        words = self._words
        if words[_FAILURES]:
            words[_FAILURES] = 0
        if words[_OPEN]:
            words[_OPEN] = 0
            logger.info("B %s is up again after %.1f s", self._backend, (self._now() - words[_OPENED]) / 1e6)
            words[_OPENED] = self._now()

    def failed(self, reason: str) -> None:
        """B gave none."""
        if reason not in COUNTED:
            return
        words = self._words
        words[_FAILURES] += 1
        if words[_OPEN]:
            self._wait = min(self._policy.longest, self._wait * 2)
            words[_PROBE_AT] = self._now() + self._microseconds(self._wait)
        elif words[_FAILURES] >= self._threshold:
            self._open(reason)

    def _open(self, reason: str) -> None:
        words, now = self._words, self._now()
        if now - words[_OPENED] > _FORGIVEN * 1e6:
            self._wait = self._policy.shortest
        words[_OPEN] = 1
        words[_OPENED] = now
        words[_PROBE_AT] = now + self._microseconds(self._wait)
        what = "its clones are dropped until it answers" if self._drops else "its clones are sent all the same"
        logger.warning(
            "B %s is down: %d failures in a row, the last one: %s; %s", self._backend, words[_FAILURES], reason, what
        )

    def _now(self) -> int:
        return int(self._clock() * 1e6)

    def _microseconds(self, wait: float) -> int:
        return int(wait * (1 + _JITTER * (2 * self._jitter() - 1)) * 1e6)
