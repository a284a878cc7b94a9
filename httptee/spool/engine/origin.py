"""An entry that comes out of an engine."""

from __future__ import annotations

from collections.abc import Callable

from httptee.ledger import TAKEN
from httptee.spool import Entry, StreamName
from httptee.spool.engine.place import Item, Place

_NOBODY = StreamName("", TAKEN, 0)


class Origin:
    """Where an entry comes from: its partition, its item there, and its id."""

    name = _NOBODY

    def __init__(self, place: Place, item: Item, label: str, taken: Callable[[], Entry]) -> None:
        self.place = place
        self.item = item
        self.label = label
        self._taken = taken

    def take(self) -> Entry:
        """The entry that `Taking.peek` returned."""
        return self._taken()

    def settle(self, sequence: int) -> None:
        """The tally does it."""


class Parcel(Entry):
    """An entry of an engine. Its id is the one that it had in the outbox of the tee that it came to."""

    __slots__ = ()

    @property
    def spool_id(self) -> str:
        """What the field `X-Httptee-Spool-Id` has."""
        return self.stream.label


def origin_of(entry: Entry) -> Origin:
    """Where an entry of an engine comes from."""
    assert isinstance(entry.stream, Origin)
    return entry.stream
