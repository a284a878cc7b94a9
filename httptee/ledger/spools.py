"""The spools of all Bs, and the places of the worker processes in them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from time import time_ns

from httptee.ledger.columns import ShadowLine
from httptee.ledger.spooled import SpoolDesk, Spooled, SpoolWords


class Spools:
    """The spools of one ledger. `by_name` has the shared memory of each B's spool; a reload keeps it."""

    def __init__(self, earlier: Spools | None = None) -> None:
        self.by_name: dict[str, SpoolWords] = earlier.by_name if earlier else {}
        self.run: str = earlier.run if earlier else ""
        """The name of this start of the tee in the names of the files."""
        self._desks: dict[tuple[int, int], SpoolDesk] = {}

    def give_desks(self, names: Sequence[str], rows: int, spooled: Collection[str]) -> None:
        """Give each worker process a desk at the spools of these Bs. Call it once, before the first fork."""
        for number, name in enumerate(names):
            if name in spooled:
                words = self.by_name.setdefault(name, SpoolWords())
                for row in range(rows):
                    if slot := words.take_slot():
                        self._desks[row, number] = SpoolDesk(words, slot)

    def desk(self, row: int, number: int) -> SpoolDesk | None:
        """A worker process's desk at the spool of a B, by the B's number; None if it has none."""
        return self._desks.get((row, number))

    def settle_death(self, row: int, number: int, put: int) -> None:
        """A worker process has ended that had put this many clones into the spool of a B, with those before it."""
        if desk := self._desks.get((row, number)):
            desk.words.settle_death(desk.slot, put)

    def give_back(self) -> None:
        """No process will use the desks any more."""
        for desk in self._desks.values():
            desk.words.give_back(desk.slot)
        self._desks.clear()

    def read(self, name: str) -> tuple[list[int], Spooled | None]:
        """The line of the drainer, and what the spool of a B holds."""
        words = self.by_name.get(name)
        if words is None:
            return [0] * ShadowLine.WIDTH, None
        return words.line.tolist(), Spooled.of(words, time_ns())
