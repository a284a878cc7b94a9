"""The slots of one B: how many of its clones may be in flight, within the budget of all clones."""

from __future__ import annotations

import threading
from math import inf

from httptee.http import Exchange
from httptee.shadow.budget import Budget

ASSURED = 1000
"""Small clones that fit into the queue of each B in any case: the whole queue of the Go program."""


class Slots:
    """As many slots as `workers` and `backlog` together (None: only the budget limits them).

    `assured` small clones fit into the queue even if the budget is used up.
    """

    def __init__(self, budget: Budget, workers: int, backlog: int | None, assured: int) -> None:
        self._budget = budget
        self._capacity = inf if backlog is None else workers + backlog
        self._assured = workers + assured
        self._none_taken = threading.Condition(budget.lock)  # the lock guards the count below
        self._ending = False
        self.taken = 0  # a count is cheaper than threading.BoundedSemaphore

    def take(self, exchange: Exchange) -> str | None:
        """Take a slot and a part of the budget for a clone, or return the drop reason."""
        with self._budget.lock:
            taken = self.taken
            if taken >= self._capacity:
                return "saturated"
            if not self._budget.take(exchange, taken < self._assured):
                return "over_budget"
            self.taken = taken + 1
        return None

    def free(self, exchange: Exchange) -> None:
        """Give back what `take` has taken for a clone."""
        with self._budget.lock:
            self._budget.release(exchange)
            self.taken -= 1
            if self._ending and not self.taken:
                self._none_taken.notify_all()

    def wait(self, timeout: float) -> None:
        """Wait up to `timeout` seconds until no slot is taken."""
        with self._none_taken:
            self._ending = True
            self._none_taken.wait_for(lambda: not self.taken, max(0.0, timeout))
