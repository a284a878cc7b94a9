"""The circuit breaker of one B: while B is down, its clones are dropped, except for probes.

After a number of failures in a row (`COUNTED`), the circuit opens: clones are dropped as `circuit_open` and take no
thread and no connection. After a wait, one clone is sent as a probe. The wait doubles with each failure; jitter
spreads the probes of many tees. The first success closes the circuit.

All worker processes share the state, so one process opens the circuit for all. Times are of the monotonic clock, which
is the same in all processes. There is no lock between processes, because it would delay A. So two worker processes may
in rare cases both open the circuit or both send a probe. That costs one log line or one connection.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from httptee.ledger import CIRCUIT_WORDS, IS_OPEN

logger = logging.getLogger(__name__)

_OPEN, (_FAILURES, _PROBE_AT, _CHANGED_AT) = IS_OPEN, range(1, CIRCUIT_WORDS)  # times in microseconds

COUNTED = frozenset({"connect", "timeout"})
"""The failures that count: B cannot be reached or does not answer in time. All others are bad answers."""

_JITTER = 0.2
_LOGGED_AFTER = 5  # failures in a row after which B is logged as down, if the policy drops no clones
_RESET_AFTER = 10.0  # seconds for which a circuit must be closed before it opens with the shortest wait again


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When the circuit opens, and how long the waits are.

    `failures` is the number of failures in a row that open it; with 0 it opens for the log and the status only, and no
    clone is dropped. `shortest` and `longest` are the limits of the wait between probes, in seconds.
    """

    failures: int = 5
    shortest: float = 0.1
    longest: float = 1.5


class Breaker:
    """The circuit to one B. Its state is in `CIRCUIT_WORDS` shared words."""

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
        self._threshold = policy.failures or _LOGGED_AFTER

    @property
    def open(self) -> bool:
        """Whether B is considered down."""
        return self._words[_OPEN] != 0

    @property
    def blocks(self) -> bool:
        """Whether to drop the next clone.

        While the circuit is open, this is False once after each wait: the caller's clone is then the probe.
        """
        words = self._words
        if not words[_OPEN] or not self._drops:
            return False
        now = self._now()
        if now < words[_PROBE_AT]:
            return True
        words[_PROBE_AT] = now + self._microseconds(self._wait)
        return False

    @property
    def drops_queue(self) -> bool:
        """Whether the clones that wait in the queue are to be dropped."""
        return self._drops and self._words[_OPEN] != 0

    def succeeded(self) -> None:
        """B gave a whole answer: close the circuit."""
        words = self._words
        if words[_FAILURES]:
            words[_FAILURES] = 0
        if words[_OPEN]:
            words[_OPEN] = 0
            logger.info("B %s is up again after %.1f s", self._backend, (self._now() - words[_CHANGED_AT]) / 1e6)
            words[_CHANGED_AT] = self._now()

    def failed(self, reason: str) -> None:
        """An exchange with B failed for `reason`: count it if it is one of `COUNTED`."""
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
        if now - words[_CHANGED_AT] > _RESET_AFTER * 1e6:
            self._wait = self._policy.shortest
        words[_OPEN] = 1
        words[_CHANGED_AT] = now
        words[_PROBE_AT] = now + self._microseconds(self._wait)
        what = "its clones are dropped until it answers" if self._drops else "its clones are still sent"
        logger.warning(
            "B %s is down: %d failures in a row, the last one: %s; %s", self._backend, words[_FAILURES], reason, what
        )

    def _now(self) -> int:
        return int(self._clock() * 1e6)

    def _microseconds(self, wait: float) -> int:
        return int(wait * (1 + _JITTER * (2 * self._jitter() - 1)) * 1e6)
