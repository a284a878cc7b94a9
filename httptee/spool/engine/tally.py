"""Counts what a tee has taken out of an engine, in memory that all its processes share.

What counts is what is stored in the engine: each outcome of a clone counts in the tee that has settled it, once that is
stored there together with its place. So a kill at any moment leaves the sum over all tees exact.
"""

from __future__ import annotations

from bisect import bisect_left

from httptee.ledger import BOUNDS, TAKEN, ShadowLine, SpoolWords
from httptee.spool import DROPPED, FAILED, Entry, StreamName, delivered
from httptee.spool.engine.origin import origin_of
from httptee.spool.engine.place import Count, counts_in

_OUTCOMES: dict[int, str] = {
    **{column: f"failed {reason}" for reason, column in FAILED.items()},
    **{column: f"dropped {reason}" for reason, column in DROPPED.items()},
    **{column: f"delivered {status}" for status, column in ShadowLine.DELIVERED.items()},
    delivered(0): "delivered 0",
}
_COLUMNS = {outcome: column for column, outcome in _OUTCOMES.items()}


class Tally:
    """The account of one B's `Catchup` with what comes out of an engine. `run` is the name of this start of the tee."""

    def __init__(self, words: SpoolWords, run: str) -> None:
        self.words = words
        self._run = run
        self._counted: dict[int, Count] = {}
        self._earlier: Count = {}  # what was counted in states that the engine has lost

    def slot_of(self, name: StreamName) -> int:
        """The slot of the losses of what comes out of an engine."""
        return TAKEN

    def settle(self, entry: Entry, column: int, seconds: float | None = None) -> None:
        """Count the outcome of a clone. `seconds` is what the exchange took, if B answered."""
        origin = origin_of(entry)
        if origin.place.gone:
            return
        origin.place.settle(origin.item, _OUTCOMES[column], entry.said if column == FAILED["poison"] else None)
        if seconds is not None:
            line = self.words.taken
            line[ShadowLine.BUCKETS[bisect_left(BOUNDS, seconds)]] += 1
            line[ShadowLine.MICROSECONDS] += int(seconds * 1e6)

    def know(self, partition: int, state: bytes | None) -> None:
        """The state of a partition was read. Raises ValueError if it is of another version."""
        self.count(partition, counts_in(state).get(self._run, {}))

    def count(self, partition: int, counted: Count) -> None:
        """The state of a partition is stored, with what this run has counted there."""
        before = self._counted.get(partition, {})
        if not counted:  # the engine has lost the state
            for outcome, count in before.items():
                self._earlier[outcome] = self._earlier.get(outcome, 0) + count
        self._counted[partition] = counted
        for outcome in {*before, *counted} & _COLUMNS.keys():
            if before.get(outcome) != counted.get(outcome):
                total = sum(each.get(outcome, 0) for each in self._counted.values())
                column = _COLUMNS[outcome]
                # A count never becomes less. In an older state, what is counted again is counted already.
                self.words.taken[column] = max(self.words.taken[column], total + self._earlier.get(outcome, 0))
