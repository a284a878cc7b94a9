"""The guard around everything that only observes: counts, logs, gauges. Whatever fails in it, the request goes on.

What could not be observed is counted, and logged at most once in `QUIET` seconds for each thing that fails.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import ParamSpec, TypeVar, cast

from httptee.http import Follower
from httptee.ledger.accounts import Account

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)

COUNTING = "an outcome could not be counted"
"""What is reported when the ledger fails."""

QUIET = 10.0
"""Seconds in which the failure of one thing is logged once."""


class Faults:
    """Reports the errors of observers. `count` is called for each one, and may fail itself."""

    def __init__(self, count: Callable[[], object] = lambda: None, clock: Callable[[], float] = monotonic) -> None:
        self._count = count
        self._clock = clock
        self._lock = threading.Lock()
        self._logged: dict[str, tuple[float, int]] = {}  # when it was logged, and how many errors came since

    def report(self, what: str) -> None:
        """Count the error that is being handled, and log it with its traceback if that is due. Does not raise."""
        try:
            self._count()
        except Exception:  # the ledger itself may be what fails
            logger.debug("an error could not be counted", exc_info=True)
        with self._lock:
            at, more = self._logged.get(what, (0.0, 0))
            now = self._clock()
            due = not at or now - at >= QUIET
            self._logged[what] = (now, 0) if due else (at, more + 1)
        if due:
            before = f" ({more} more like this held back)" if more else ""
            logger.error("%s; the requests go on%s", what, before, exc_info=True)

    def watch(self, what: str, observe: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
        """Call `observe` and return its result; if it raises, report `what` and return None."""
        try:
            return observe(*args, **kwargs)
        except Exception:
            self.report(what)
            return None

    def watched(self, what: str, observe: Callable[P, R]) -> Callable[P, R | None]:
        """The same function, called by `watch`."""
        return cast("Callable[P, R | None]", partial(self.watch, what, observe))


class GuardedAccount:
    """One B's account whose counts cannot fail: what a B's threads do must not end in the middle.

    The two that each clone needs are written out: a call through `watch` takes four times as long.
    """

    def __init__(self, account: Account, faults: Faults) -> None:
        self._account = account
        self._faults = faults
        self.drop = faults.watched(COUNTING, account.drop)
        self.settle_failed = faults.watched(COUNTING, account.settle_failed)
        self.settle_dropped = faults.watched(COUNTING, account.settle_dropped)
        self.drop_spooled = faults.watched(COUNTING, account.drop_spooled)
        self.publish = faults.watched(COUNTING, account.publish)

    def open(self) -> None:
        """Count a clone that was taken on."""
        try:
            self._account.open()
        except Exception:
            self._faults.report(COUNTING)

    def settle_delivered(self, status: int, seconds: float, follower: Follower | None = None) -> None:
        """Settle a clone in flight: B answered it."""
        try:
            self._account.settle_delivered(status, seconds, follower)
        except Exception:
            self._faults.report(COUNTING)

    def spool(self, *, opened: bool) -> bool:
        """Count a clone that goes into the spool. False if it is not counted: then it must not go there."""
        return bool(self._faults.watch(COUNTING, self._account.spool, opened=opened))

    @property
    def dropped(self) -> int:
        """Clones that this worker process has dropped so far."""
        return self._account.dropped
