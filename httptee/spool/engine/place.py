"""What a tee knows of one partition while it is the owner: what is settled, in which order it was read, and how it was
counted. It is stored in the engine together with the place up to which everything is settled. So the next owner neither
leaves a clone out nor counts one twice. Pure.

A clone counts once in the state, under the run of the tee that settled it. `beyond` are the numbers of each writer that
are settled out of turn, or were counted as lost; `low` has each writer's last number below that, and its stamp.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from httptee.journal.engines import Entry
from httptee.spool.engine.numbers import began
from httptee.spool.engine.ranges import Ranges

WINDOW = 16 * 1024
"""Messages behind the last one before which all are settled; those beyond it must wait."""
LOST = "dropped spool_corrupt"
_MOST_RUNS, _MOST_WRITERS = 200, 200  # those that were counted last are kept by their names
_EARLIER = "earlier"
Count = dict[str, int]


@dataclass(slots=True, eq=False)
class Item:
    """Messages of one writer in the order in which they were read: one that has an `entry`, or several that are missing
    or came twice. `poisoned`: it is counted, and it is to be set aside with that reason."""

    writer: str
    first: int
    last: int
    stamp: int
    cursor: str = ""
    entry: Entry | None = None
    done: bool = False
    poisoned: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages that never came: how many, and the stamps of those around them, 0 if not known."""

    count: int
    since: int
    until: int


@dataclass(slots=True)
class _State:
    low: dict[str, list[int]] = field(default_factory=dict)
    beyond: defaultdict[str, Ranges] = field(default_factory=lambda: defaultdict(Ranges))
    counts: defaultdict[str, Count] = field(default_factory=lambda: defaultdict(dict))
    aside: dict[str, str] = field(default_factory=dict)  # by writer and number: what is still to be set aside, and why
    gap: list[int] = field(default_factory=lambda: [0, 0, 0])


class Place:
    """`<Place 3 [12 read, 4 settled beyond]>`. `state` is what the last owner has stored, `run` this start of the tee.
    Raises ValueError if the state is of another version."""

    def __init__(self, partition: int, run: str, state: bytes | None) -> None:
        self.partition = partition
        self.gone = False
        """Whether another tee owns it by now."""
        self.dirty = False
        """Whether anything is to be stored."""
        self.after = ""
        """The cursor up to which everything is settled; empty: as it was."""
        self._run = run
        self._state = _read(state)
        self._last = {writer: (number, stamp) for writer, (number, stamp) in self._state.low.items()}
        self._items: deque[Item] = deque()
        self._poisoned: list[Item] = []

    def __repr__(self) -> str:
        beyond = sum(last - first + 1 for ranges in self._state.beyond.values() for first, last in ranges)
        return f"<Place {self.partition} [{len(self._items)} read, {beyond} settled beyond]>"

    @property
    def full(self) -> bool:
        """Whether no more is to be read, until the first of what was read is settled."""
        return len(self._items) >= WINDOW

    @property
    def counted(self) -> Count:
        """What this run of the tee has counted here, by outcome."""
        return dict(self._state.counts[self._run]) if self._run in self._state.counts else {}

    @property
    def gap(self) -> Gap:
        """All messages of the partition that never came."""
        return Gap(*self._state.gap)

    def take(self, entry: Entry) -> tuple[Item | None, Gap | None]:
        """A message that was read: what to settle later, None if that is done; and what is missing before it."""
        message = entry.message
        writer, number, stamp = message.writer, message.number, message.stamp
        last, since = self._last.get(writer, (0, 0))
        gap = self.miss(writer, last + 1, number - 1, since, stamp)
        item = Item(writer, number, number, stamp, entry.cursor, entry)
        self._items.append(item)
        if number <= last or number in self._state.beyond[writer]:
            reason = self._state.aside.get(_key(item))
            if reason is not None:
                item.poisoned = reason
                self._poisoned.append(item)
            else:
                item.done = True
        if number > last:
            self._last[writer] = (number, stamp)
        self._advance()
        return (None if item.done or item.poisoned else item), gap

    def reaches(self, writer: str, number: int) -> bool:
        """Whether all messages of a writer before this one were read or counted."""
        known, _ = self._last.get(writer, (0, 0))
        return not self._state.beyond[writer].lacking(known + 1, number - 1)

    def miss(self, writer: str, first: int, last: int, since: int, until: int) -> Gap | None:
        """Count messages of a writer as lost, except for those that were counted or read before."""
        known, _ = self._last.get(writer, (0, 0))
        since = since or began(writer)
        lacking = self._state.beyond[writer].lacking(max(first, known + 1), last)
        if last > known:
            self._items.append(Item(writer, known + 1, last, until, done=True))
            self._last[writer] = (last, until)
        count = sum(high - low + 1 for low, high in lacking)
        if count:
            self._state.beyond[writer].add(max(first, known + 1), last)
            self._count(LOST, count)
            every = self._state.gap
            every[0] += count
            every[1] = min(every[1] or since or until, since or until)
            every[2] = max(every[2], until)
        self._advance()
        return Gap(count, since or until, until) if count else None

    def settle(self, item: Item, outcome: str, poison: str | None = None) -> None:
        """Count a message that is done with. With the reason of a `poison`, it is to be set aside too."""
        if self.gone or item.done or item.poisoned:
            return
        self._count(outcome, 1)
        self._state.beyond[item.writer].add(item.first, item.last)
        if poison is None:
            item.done = True
        else:
            item.poisoned = poison or "poison"
            self._state.aside[_key(item)] = item.poisoned
            self._poisoned.append(item)
        self._advance()

    def poisoned(self) -> list[Item]:
        """What is counted, and is to be set aside once that is stored."""
        return list(self._poisoned)

    def was_set_aside(self, item: Item) -> None:
        """It is kept apart now."""
        self._poisoned.remove(item)
        self._state.aside.pop(_key(item), None)
        item.done = True
        self._advance()

    def packed(self) -> bytes:
        """The state as bytes."""
        state = self._state
        _trim(state.counts)
        for key in [key for key in state.aside if self._passed(*key.rsplit(" ", 1))]:
            del state.aside[key]
        for writer in sorted(state.low, key=lambda each: state.low[each][1])[:-_MOST_WRITERS]:
            del state.low[writer]
        return json.dumps(
            {
                "format": 1,
                "low": state.low,
                "beyond": {writer: ranges for writer, each in state.beyond.items() if (ranges := list(each))},
                "counts": state.counts,
                "aside": state.aside,
                "gap": state.gap,
            }
        ).encode()

    def _passed(self, writer: str, number: str) -> bool:
        return int(number) <= self._state.low.get(writer, [0])[0]

    def _count(self, outcome: str, count: int) -> None:
        counts = self._state.counts.pop(self._run, {})  # so that the runs which counted last come last
        counts[outcome] = counts.get(outcome, 0) + count
        self._state.counts[self._run] = counts
        self.dirty = True

    def _advance(self) -> None:
        while self._items and self._items[0].done:
            item = self._items.popleft()
            self.after = item.cursor or self.after
            number, stamp = self._state.low.get(item.writer, (0, 0))
            self._state.low[item.writer] = [max(number, item.last), max(stamp, item.stamp)]
            self._state.beyond[item.writer].drop_up_to(self._state.low[item.writer][0])
            self.dirty = True


def counts_in(state: bytes | None) -> Mapping[str, Count]:
    """What each run of a tee has counted, by a stored state. Raises ValueError."""
    return _read(state).counts


def gap_in(state: bytes | None) -> Gap:
    """What never came, by a stored state. Raises ValueError."""
    return Gap(*_read(state).gap)


def lows_in(state: bytes | None) -> Mapping[str, int]:
    """Up to which number the messages of each writer are settled, by a stored state. Raises ValueError."""
    return {writer: number for writer, (number, _) in _read(state).low.items()}


def _read(data: bytes | None) -> _State:
    state = _State()
    if not data:
        return state
    found: dict[str, Any] = {}
    with suppress(ValueError):
        found = json.loads(data)
    if found.get("format") != 1:
        raise ValueError("the state of a partition is of another version of httptee")
    state.low = found["low"]
    for writer, ranges in found["beyond"].items():
        state.beyond[writer] = Ranges((first, last) for first, last in ranges)
    state.counts.update(found["counts"])
    state.aside, state.gap = found["aside"], found["gap"]
    return state


def _trim(counts: dict[str, Count]) -> None:
    """Put the counts of the runs that have not counted for the longest time together."""
    for run in [run for run in counts if run != _EARLIER][:-_MOST_RUNS]:
        earlier = counts.setdefault(_EARLIER, {})
        for outcome, count in counts.pop(run).items():
            earlier[outcome] = earlier.get(outcome, 0) + count


def _key(item: Item) -> str:
    return f"{item.writer} {item.first}"
