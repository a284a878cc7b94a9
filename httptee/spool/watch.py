"""What is said about the spool of one B: its gauges, and one line in the log when its state changes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic, time_ns

from httptee.spool.catchup import Catchup

logger = logging.getLogger(__name__)

_LEVEL, _SPOOLING, _CATCHING_UP, _HELD = range(4)
_SAID_AFTER = 1.0  # seconds for which a state must hold, so that a single repeat is not logged
_STALE = 3.0  # seconds without any success, after which B counts as down
_EACH = 0.25  # seconds between two looks
_SMOOTH = 0.1  # of the last look in the rate at which the spool becomes smaller: clones come in bursts


class Watch:
    """Publishes the gauges of one `Catchup`, and logs its changes."""

    def __init__(self, catchup: Catchup, clock: Callable[[], float] = monotonic) -> None:
        self._catchup = catchup
        self._clock = clock
        self._next = 0.0
        self._state = self._said = _LEVEL
        self._since = clock()
        self._settled, self._at = self._left(), clock()
        self.rate = 0.0
        """Clones a second that leave the spool."""
        self.shrinks = 0.0
        """Clones a second by which the spool becomes smaller: those that leave it, without those that come."""
        self._records = self._count()

    def look(self, *, held: bool) -> None:
        """Publish, if it is time."""
        now = self._clock()
        if now < self._next:
            return
        self._next = now + _EACH
        catchup, words = self._catchup, self._catchup.words
        left = self._left()
        self.rate = 0.5 * self.rate + 0.5 * (left - self._settled) / max(1e-3, now - self._at)
        records = self._count()
        self.shrinks += _SMOOTH * ((self._records - records) / max(1e-3, now - self._at) - self.shrinks)
        self._settled, self._records, self._at = left, records, now
        state = self._found(held)
        if state != self._state:
            self._state, self._since = state, now
            words.publish(since=time_ns())
        elif state != self._said and now - self._since >= _SAID_AFTER:
            self._say(state)
        source = catchup.source
        words.publish(
            state=state,
            records=records,
            bytes=source.size,
            oldest=catchup.oldest,
            rate=int(self.rate * 1000),
            shrinks=max(0, int(self.shrinks * 1000)),
            orphans=source.orphans,
            tick=time_ns(),
        )

    def set_aside(self) -> None:
        """Publish how many requests are set aside. Reads their directory."""
        self._catchup.words.publish(set_aside=len(self._catchup.aside))

    def _down(self) -> bool:
        """Whether the last attempt failed, and the circuit of B is open or it has answered nothing for some seconds."""
        catchup = self._catchup
        return bool(catchup.failure) and (catchup.refused or monotonic() - catchup.last_success > _STALE)

    def _count(self) -> int:
        return self._catchup.words.waiting

    def _left(self) -> int:
        return self._catchup.words.gone

    def _found(self, held: bool) -> int:
        if not self._catchup.words.backlog:
            return _LEVEL
        if held:
            return _HELD
        return _SPOOLING if self._down() else _CATCHING_UP

    def _say(self, state: int) -> None:
        self._said = state
        catchup, count = self._catchup, self._count()
        if state == _SPOOLING:
            logger.warning("B %s is down (%s): its clones are spooled", catchup.name, catchup.failure)
        elif state == _CATCHING_UP:
            logger.info("B %s catches up: %d clones are spooled", catchup.name, count)
        elif state == _HELD:
            logger.info(
                "B %s gets none of its %d spooled clones now: to protect A, or it is paused", catchup.name, count
            )
        else:
            logger.info("B %s is level again: nothing is spooled any more", catchup.name)
