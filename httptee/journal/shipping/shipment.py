"""Where records are shipped to, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from httptee.journal import Appended
from httptee.journal.engines import Message
from httptee.journal.shipping.parcel import Missing


@dataclass(frozen=True, slots=True)
class Shipment:
    """What became of the records of a directory, since it is shipped: `shipped`, `waiting` and `lost` count records,
    `size` is in bytes. `gaps` has the latest losses. `error` says why nothing is shipped, or is empty."""

    shipped: int = 0
    waiting: int = 0
    lost: int = 0
    size: int = 0
    gaps: tuple[Missing, ...] = ()
    error: str = ""


class Topic(Protocol):
    """What a shipper uses of an `Engine`."""

    @property
    def label(self) -> str:
        """The address for people, without credentials."""

    @property
    def partitions(self) -> int:
        """How many partitions the topic has."""

    @property
    def error(self) -> str:
        """Why the last `append` was not committed, or empty."""

    def append(self, messages: Sequence[Message]) -> Appended:
        """Put messages in. Raises TooLarge."""
