"""What one tee does about once a second: it says how many requests it has for each B, and takes its part of the rate.

No request waits for it. The part is a word in shared memory that the worker processes read. If the other tees cannot be
heard of, what was agreed stays in force for some seconds. Then each tee keeps to the whole rate of its own line.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Protocol

from httptee.journal.engines import Unavailable
from httptee.ledger import Ledger, Statement
from httptee.selection import part_of

logger = logging.getLogger(__name__)

_PATIENCE = 5.0  # seconds without an answer, after which each tee is on its own
_WANTED = "rate_limited"  # such a clone was for B


class Exchange(Protocol):
    """Where the tees meet."""

    def demands(self, backend: str, own: float) -> Sequence[float]:
        """Say what this tee has for a B, in requests a second. Returns what all tees have, this one included. Raises
        Unavailable."""

    def close(self) -> None:
        """Leave: the others share without this tee. Does not raise."""


class Sharing:
    """Shares the rates of one tee. `rates` are requests a second, by the place of the B in the `ledger`."""

    def __init__(
        self, ledger: Ledger, rates: Mapping[int, float], exchange: Exchange, clock: Callable[[], float] = monotonic
    ) -> None:
        self._ledger = ledger
        self._rates = rates
        self._exchange = exchange
        self._clock = clock
        self._heard = self._at = clock()
        self._names = [statement.backend for statement in ledger.statements()]
        self._before = self._wanted()
        self._failing = False

    def turn(self) -> None:
        """Exchange the demands, and set the parts. Never raises Unavailable."""
        now, wanted = self._clock(), self._wanted()
        seconds, self._at = max(1e-3, now - self._at), now
        before, self._before = self._before, wanted
        try:
            for place, rate in self._rates.items():
                name, own = self._names[place], (wanted[place] - before[place]) / seconds
                self._ledger.orders[place].rate_part = part_of(own, self._exchange.demands(name, own), rate)
        except Unavailable as error:
            self._failed(str(error))
            return
        self._heard = now
        if self._failing:
            self._failing = False
            logger.info("the rates are shared again with the other tees")

    def close(self) -> None:
        """Leave, and keep to the whole rate."""
        self._exchange.close()
        self._alone()

    def _failed(self, reason: str) -> None:
        if not self._failing:
            self._failing = True
            logger.warning(
                "the rates are not shared: %s; in %.0f s each tee keeps to its own, until they are again",
                reason, _PATIENCE,
            )  # fmt: skip
        if self._clock() - self._heard >= _PATIENCE:
            self._alone()

    def _alone(self) -> None:
        for place in self._rates:
            self._ledger.orders[place].rate_part = None

    def _wanted(self) -> list[int]:
        """How many clones each B was to get so far, whether the rate let them through or not."""
        return [_wanted(statement) for statement in self._ledger.statements()]


def _wanted(statement: Statement) -> int:
    others = sum(count for reason, count in statement.dropped_by_reason.items() if reason != _WANTED)
    return statement.seen - statement.recovered - statement.taken_over - others
