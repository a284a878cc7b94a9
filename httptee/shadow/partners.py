"""What a shadow needs of others: of the comparison of answers, and of the spool, where clones go that B cannot take."""

from __future__ import annotations

from typing import Protocol

from httptee.http import Exchange
from httptee.transport import Answer

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
        """Whether B has clones in the spool, so that all of its clones must go through it."""

    def repeats(self, method: str, reason: str, status: int) -> bool:
        """Whether a clone is sent again that failed for this `reason`, or that B answered with this `status`."""

    def take(self, exchange: Exchange, reason: str, *, opened: bool) -> str:
        """Take a clone and count it: one in flight that was `opened`, or one that was just offered.

        Returns an empty text, or the drop reason of a clone that was not taken and is not counted.
        """
