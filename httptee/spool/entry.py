"""A clone that waits, and what a `Catchup` needs to know of where it comes from and where it is counted."""

from __future__ import annotations

from dataclasses import dataclass
from time import time_ns
from typing import Protocol

from httptee.ledger import SpoolWords
from httptee.spool.names import StreamName
from httptee.spool.outcome import LONGEST_WAIT
from httptee.spool.record import StoredClone


class Whence(Protocol):
    """Where an entry comes from: a stream, or a partition of an engine."""

    @property
    def name(self) -> StreamName:
        """The stream."""

    @property
    def label(self) -> str:
        """The name as a text."""

    def take(self) -> Entry:
        """The entry that was looked at: it is read."""

    def settle(self, sequence: int) -> None:
        """Note that a record is settled."""


@dataclass(slots=True)
class Entry:
    """One clone that waits: a record of a stream. `clone` is None if it is damaged or missing. `stamp` is when it came,
    in nanoseconds since the epoch; of a missing record, that of the record before it."""

    stream: Whence
    sequence: int
    stamp: int
    clone: StoredClone | None
    said: str = ""
    """Why the last attempt failed, in a word."""

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return 0 if self.clone is None else self.clone.size

    @property
    def wait(self) -> float:
        """The seconds until it may be sent."""
        if self.clone is None or not self.clone.due:
            return 0.0
        wait = (self.clone.due - time_ns()) / 1e9
        return wait if 0.0 < wait <= LONGEST_WAIT else 0.0  # further away: the clock was set back since

    @property
    def spool_id(self) -> str:
        """What the field `X-Httptee-Spool-Id` has."""
        return f"{self.stream.label}-{self.sequence}"


class Incoming(Protocol):
    """The entries of one B in the order in which they are read. Its methods raise OSError."""

    orphans: int

    @property
    def size(self) -> int:
        """Bytes of what waits on the disk."""

    def recover(self) -> None:
        """Finish what was about to be done when it ended."""

    def refresh(self) -> None:
        """Look for what is new."""

    def peek(self) -> Entry | None:
        """The next entry, or None."""

    def save(self) -> None:
        """Save the place."""

    def close(self) -> None:
        """Save the place and end."""


class Counting(Protocol):
    """Counts what leaves the spool of one B, each clone once."""

    words: SpoolWords

    def slot_of(self, name: StreamName) -> int:
        """The slot in which the clones of a stream are counted."""

    def settle(self, entry: Entry, column: int, seconds: float | None = None) -> None:
        """Count the outcome of a clone. `seconds` is what the exchange took, if B answered."""


class Keeping(Protocol):
    """Keeps requests that were set aside."""

    def __len__(self) -> int: ...

    def add(self, spool_id: str, said: str, came: float, clone: StoredClone) -> bool:
        """Keep a request; False if that was not possible."""
