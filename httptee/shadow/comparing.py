"""What a shadow needs of the comparison of answers."""

from __future__ import annotations

from typing import Protocol

from httptee.http import Exchange
from httptee.transport import Answer

COMPARING = "two answers could not be compared"
"""What is reported when the comparison fails."""


class Comparing(Protocol):
    """Compares the answers of one B with those that A's exchanges have `kept`. Never waits."""

    def chosen(self, exchange: Exchange) -> None:
        """The clone of an exchange with a kept answer was taken on."""

    def missed(self, exchange: Exchange) -> None:
        """The clone of an exchange, with a kept answer or without, was dropped."""

    def settled(self, exchange: Exchange, answer: Answer | None, error: Exception | None, seconds: float) -> None:
        """An exchange with B has ended after `seconds`: with a whole answer and a kept one of A, or with an error."""
