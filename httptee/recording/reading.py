"""Reads a recording: its exchanges in the order of their arrival, and what is missing in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from httptee.recording.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which exchanges are missing, in nanoseconds since the epoch, both ends included.

    `lost` is their number, or None if it is not known. `reason` says why, as the ledger does, or `damaged`.
    """

    first: int
    last: int
    lost: int | None
    reason: str


class Recording:
    """A recording that is open for reading. Iterate over it for its exchanges, as often as needed.

    `primary` is A's address, or empty if it is not known. `count` is the number of whole exchanges, `first` and `last`
    are the arrivals of the first and the last one (0 if there is none), `gaps` is what is missing, in order.
    """

    primary: str
    count: int
    first: int
    last: int
    gaps: tuple[Gap, ...]

    def __iter__(self) -> Iterator[Exchange]:
        """The exchanges in the order of their arrival, in bounded memory."""
        return self.between()

    def between(self, first: int = 0, last: int | None = None) -> Iterator[Exchange]:
        """The exchanges that arrived from `first` up to `last`, in nanoseconds since the epoch."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the files. May be called twice."""
        raise NotImplementedError

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def read_recording(paths: Iterable[str | Path]) -> Recording:
    """Open a recording: files and directories of files, of one tee or several. Raises OSError if one cannot be read,
    and ValueError if one is no part of a recording."""
    raise NotImplementedError
