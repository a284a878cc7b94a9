"""What a shadow needs of others: its guards, the comparison of answers, and the spool, where clones go that B cannot
take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from httptee.http import Exchange
from httptee.ledger import Faults, Orders
from httptee.shadow.breaker import Breaker
from httptee.shadow.budget import Budget
from httptee.shadow.cutoff import Cutoff
from httptee.transport import Answer, Reading

COMPARING = "two answers could not be compared"
"""What is reported when the comparison fails."""

BACKLOG = "backlog"
"""Why a clone is spooled while B has a backlog: it must not pass those that came before it. It is no drop reason."""

INSTEAD_OF_DROPPED = frozenset({"saturated", "over_budget", "circuit_open", "cut_off", "closing", BACKLOG})
"""Reasons for which a clone that was chosen for B is spooled instead of dropped."""


class Comparing(Protocol):
    """Compares the answers of one B with those that A's exchanges have `kept`. Never waits."""

    def chosen(self, exchange: Exchange) -> None:
        """The clone of an exchange with a kept answer was taken on."""

    def missed(self, exchange: Exchange) -> None:
        """The clone of an exchange, with a kept answer or without, was dropped."""

    def settled(self, exchange: Exchange, answer: Answer | None, error: Exception | None, seconds: float) -> None:
        """An exchange with B has ended after `seconds`: with a whole answer and a kept one of A, or with an error."""


class Spooling(Protocol):
    """Keeps clones of one B that could not be delivered. Never waits."""

    @property
    def backlog(self) -> bool:
        """Whether B has clones in the spool, so that all of its clones must go through it. False while `settling`."""

    @property
    def settling(self) -> bool:
        """Whether the last clones are leaving the spool just now, and those that come are to wait for that."""

    def watch(self, look: Callable[[], bool]) -> None:
        """Call `look` many times a second from now on, in a thread of the spool, as long as it returns True."""

    def call(self) -> None:
        """Have that thread run."""

    def repeats(self, method: str, reason: str, status: int) -> bool:
        """Whether a clone is sent again that failed for this `reason`, or that B answered with this `status`."""

    def take(self, exchange: Exchange, reason: str, *, opened: bool, answer: Answer | None = None) -> str:
        """Take a clone and count it: one in flight that was `opened`, or one that was just offered. With an `answer`,
        its Retry-After is honored.

        Returns an empty text, or the drop reason of a clone that was not taken and is not counted.
        """


@dataclass(frozen=True, slots=True)
class Guards:
    """What limits the cost of a B. The breaker is the B's own; all Bs share the rest.

    `faults` reports what could not be counted. `orders` is what may be ordered for this B while the tee runs.
    """

    breaker: Breaker
    budget: Budget
    cutoff: Cutoff | None = None
    reading: Reading = field(default_factory=Reading)
    faults: Faults = field(default_factory=Faults)
    orders: Orders | None = None
