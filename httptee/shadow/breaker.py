"""The circuit breaker of one B: while B is down, its clones are dropped, except for probes.

After a number of failures in a row (`COUNTED`), the circuit opens: clones are dropped as `circuit_open` and take no
thread and no connection. After a wait, one clone is sent as a probe. The wait doubles with each probe that fails;
jitter spreads the probes of many tees. The first success closes the circuit.

All worker processes share the state, so one process opens the circuit for all. Times are of the monotonic clock, which
is the same in all processes. There is no lock between processes, because it would delay A. So two worker processes may
in rare cases both open the circuit or both send a probe. That costs one log line or one connection.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from httptee.errors import UpstreamError, UpstreamTimeout
from httptee.ledger import CIRCUIT_WORDS, IS_OPEN

logger = logging.getLogger(__name__)

# The state; times in microseconds. `_COSTLY` counts answers of `COSTLY` in a row, `_PROBE_ENDS` is 0 without a probe.
_OPEN, (_FAILURES, _PROBE_AT, _CHANGED_AT, _COSTLY, _PROBE_ENDS) = IS_OPEN, range(1, CIRCUIT_WORDS)

_CUT_OFF = "cut off"  # the body of an answer cost too much and was not read to its end

COSTLY = frozenset({"protocol", _CUT_OFF})
"""Answers that cost the tee time and are of no use. A head alone does not show that B sends other ones again."""

COUNTED = frozenset({"connect", "timeout", "tls"}) | COSTLY
"""The failures that count: B cannot be reached, does not answer in time, or its answer must not be read to its end."""

_JITTER = 0.2
_LOGGED_AFTER = 5  # failures in a row after which B is logged as down, if the policy drops no clones
_RESET_AFTER = 10.0  # seconds for which a circuit must be closed before it opens with the shortest wait again


def fault_of_b(error: Exception | None, status: int) -> str:
    """What an exchange without a whole answer says against B: a reason for `Breaker.failed`, or "" for nothing.

    No error means that the body was cut off. A timeout after the head of an answer says nothing: the answer is a
    stream. Nor does an error of another class: it comes from the request, which cannot be written as HTTP/1.
    """
    if error is None:
        return _CUT_OFF
    if not isinstance(error, UpstreamError) or (status and isinstance(error, UpstreamTimeout)):
        return ""
    return error.reason


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When the circuit opens, and how long the waits are.

    `failures` is the number of failures in a row that open it; with 0 it opens for the log and the status only, and no
    clone is dropped. `shortest` and `longest` are the limits of the wait between probes, in seconds. After `patience`
    seconds a probe counts as lost: the process that sent it may have died. With `spools`, the clones are spooled and
    not dropped; then the drainer logs the changes.
    """

    failures: int = 5
    shortest: float = 0.1
    longest: float = 1.5
    patience: float = 10.0
    spools: bool = False


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
        self._lock = threading.Lock()  # so that only one thread of this process gets the probe

    @property
    def open(self) -> bool:
        """Whether B is considered down."""
        return self._words[_OPEN] != 0

    @property
    def drops(self) -> bool:
        """Whether clones are dropped now, except for probes."""
        return self._drops and self._words[_OPEN] != 0

    @property
    def blocks(self) -> bool:
        """Whether the next clone is to be dropped: the circuit is open, and it is not yet time for a probe."""
        words = self._words
        if not self._drops or not words[_OPEN]:
            return False
        now = self._now()
        return now < words[_PROBE_AT] or now < words[_PROBE_ENDS]

    def take_probe(self) -> bool:
        """Make the caller's clone the probe. False if another clone is. The probe must end with one of the calls below.

        While it has not ended, there is no other probe.
        """
        with self._lock:
            if self.blocks:
                return False
            self._words[_PROBE_ENDS] = self._now() + int(self._policy.patience * 1e6)
            return True

    def end_probe(self) -> None:
        """The probe was dropped: another clone may be the probe at once."""
        self._words[_PROBE_ENDS] = 0

    def answered(self) -> None:
        """The head of an answer has arrived: B is up. A circuit that costly answers have opened stays open."""
        words = self._words
        if words[_FAILURES]:
            words[_FAILURES] = 0
        if words[_OPEN] and words[_COSTLY] < self._threshold:
            self._close()

    def succeeded(self) -> None:
        """B gave a whole answer: close the circuit."""
        words = self._words
        if words[_FAILURES]:
            words[_FAILURES] = 0
        if words[_COSTLY]:
            words[_COSTLY] = 0
        if words[_OPEN]:
            self._close()

    def failed(self, reason: str, probe: bool = False) -> None:
        """An exchange with B failed for `reason`: count it if it is one of `COUNTED`.

        While the circuit is open, only the failure of a probe makes the wait longer. The clones that were in flight
        when it opened say nothing new.
        """
        words = self._words
        if reason in COUNTED:
            row = _COSTLY if reason in COSTLY else _FAILURES
            words[row] += 1
            if not words[_OPEN] and words[row] >= self._threshold:
                self._open(reason, words[row])
        if probe:
            self._wait = min(self._policy.longest, self._wait * 2)
            words[_PROBE_AT] = self._now() + self._microseconds(self._wait)
            words[_PROBE_ENDS] = 0

    def _open(self, reason: str, count: int) -> None:
        words, now = self._words, self._now()
        if now - words[_CHANGED_AT] > _RESET_AFTER * 1e6:
            self._wait = self._policy.shortest
        words[_PROBE_ENDS] = 0
        words[_PROBE_AT] = now + self._microseconds(self._wait)
        words[_CHANGED_AT] = now
        words[_OPEN] = 1
        if self._policy.spools:
            return
        what = "its clones are dropped until it answers" if self._drops else "its clones are still sent"
        logger.warning("B %s is down: %d failures in a row, the last one: %s; %s", self._backend, count, reason, what)

    def _close(self) -> None:
        words, now = self._words, self._now()
        words[_OPEN] = words[_PROBE_ENDS] = 0
        if not self._policy.spools:
            logger.info("B %s is up again after %.1f s", self._backend, (now - words[_CHANGED_AT]) / 1e6)
        words[_CHANGED_AT] = now

    def _now(self) -> int:
        return int(self._clock() * 1e6)

    def _microseconds(self, wait: float) -> int:
        return int(wait * (1 + _JITTER * (2 * self._jitter() - 1)) * 1e6)
