"""The partitions that one judge owns: what is read from them, and what is saved of them."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from httptee.journal.engines import Entry, Member
from httptee.verdict.evidence import with_safe_examples, without_examples
from httptee.verdict.fleet.docket import Docket, decoded, encoded
from httptee.verdict.fleet.document import Lost
from httptee.verdict.fleet.parting import partition_of
from httptee.verdict.judge import Trial

logger = logging.getLogger(__name__)

_SAVE = 1.0  # seconds from one save of a partition to the next
_MANY = 500  # messages, after which it is saved sooner
_SAVE_COST = 4.0  # saving may take a fifth of the time


class Partitions:
    """For one thread. There are `count` partitions. `keep` says how much the states may hold of the values in answers,
    as for the evidence. Most methods raise Unavailable; then nothing is lost, and they may be called again."""

    def __init__(
        self,
        member: Member,
        count: int,
        trials: Sequence[Trial],
        keep: str = "full",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.owned: dict[int, Docket] = {}
        """What is known of each partition that is this judge's."""
        self.count = count
        self._member = member
        self._trials = trials
        self._safe = without_examples if keep == "paths" else with_safe_examples
        self._clock = clock
        self._entries: deque[Entry] = deque()
        self._save_at: dict[int, float] = {}

    def read(self, limit: int, wait: float) -> Iterator[tuple[Docket, Entry]]:
        """The next messages, at most `limit`. Waits up to `wait` seconds for the first one."""
        if not self._entries:
            self._entries.extend(self._member.read(limit, wait))
        self._own(self._member.owned)
        for missing in self._member.missing():
            docket = self.owned.get(missing.partition)
            if docket is not None:
                docket.lost += Lost(missing.count, missing.since / 1e9, missing.until / 1e9)
                docket.changed = True
        while self._entries:
            entry = self._entries.popleft()
            docket = self.owned.get(entry.message.partition)
            if docket is not None:  # else another judge has it by now, and reads this again
                docket.taken(entry.cursor)
                yield docket, entry

    def of(self, route: str) -> Docket | None:
        """What is known of the partition of a route, if it is this judge's."""
        return self.owned.get(partition_of(route, self.count))

    def fold(self, name_of: Callable[[str], str]) -> None:
        """Put routes together that are one by now."""
        for docket in self.owned.values():
            docket.fold(name_of)

    def states(self) -> list[Mapping[str, Any]]:
        """The state of every partition: those of this judge as they are, those of others as they were saved."""
        found: list[Mapping[str, Any]] = []
        for number in range(self.count):
            docket = self.owned.get(number)
            state = docket.state() if docket is not None else self._loaded(number)
            if state is not None:
                found.append(state)
        return found

    def save(self, everything: bool = False) -> None:
        """Save what is due, or all that has changed."""
        for number, docket in list(self.owned.items()):
            waits = self._clock() < self._save_at.get(number, 0.0)
            if docket.changed and (everything or not waits or docket.unsaved >= _MANY):
                self._save(number, docket)

    def close(self) -> None:
        """Give back what is owned. What was not saved is judged again by its next owner."""
        self.owned.clear()
        self._member.close()

    def _own(self, owned: frozenset[int]) -> None:
        for number in self.owned.keys() - owned:
            del self.owned[number]
        for number in sorted(owned - self.owned.keys()):
            self.owned[number] = self._opened(number)

    def _opened(self, number: int) -> Docket:
        try:
            return Docket(number, self.count, self._trials, self._loaded(number))
        except (KeyError, TypeError, ValueError) as error:  # of another version of a court
            _say(number, error)
            return Docket(number, self.count, self._trials)

    def _loaded(self, number: int) -> dict[str, Any] | None:
        try:
            return decoded(self._member.load(number))
        except ValueError as error:
            _say(number, error)
            return None

    def _save(self, number: int, docket: Docket) -> None:
        began = self._clock()
        state = {**docket.state()}
        state["cases"] = self._safe(state["cases"])
        if self._member.save(number, encoded(state), docket.after):
            docket.saved()
        else:  # it is another judge's, which has read the same messages
            del self.owned[number]
        now = self._clock()
        self._save_at[number] = now + max(_SAVE, _SAVE_COST * (now - began))


def _say(number: int, error: Exception) -> None:
    logger.error("the state of partition %d cannot be used: %s; it begins anew", number, error)
