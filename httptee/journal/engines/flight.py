"""What one member has read from one partition and not yet settled, and up to where all is settled."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile

from httptee.journal.engines.engine import Entry
from httptee.journal.engines.numbers import Mark, Missing, Numbers


def order(cursor: str) -> tuple[int, ...]:
    """What places of one partition are compared by: `1700000000000-3` of Redis, `1234` of Kafka."""
    return tuple(map(int, cursor.split("-")))


@dataclass(slots=True)
class _Read:
    """A message that was read, or one that the group settled earlier out of its turn."""

    cursor: str
    writer: str
    mark: Mark
    settled: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What to store after messages were settled. Up to `low` everything is settled (empty: as before). `marks` are the
    last numbers there. `done` are settled beyond it, and `passed` were so and are below it now."""

    low: str = ""
    marks: Mapping[str, Mark] = field(default_factory=dict)
    done: Mapping[str, tuple[str, Mark]] = field(default_factory=dict)
    passed: tuple[str, ...] = ()


class Flight:
    """One partition in the hands of one member. `low`, `marks` and `done` are what the group had stored as a `Step`.

    Places grow: `order` compares them. `position` is the last one that was read.
    """

    def __init__(
        self, partition: int, low: str, marks: Mapping[str, Mark], done: Mapping[str, tuple[str, Mark]]
    ) -> None:
        self.position = low
        self.missing: list[Missing] = []
        """What was noticed to be missing, and is not told yet."""
        self._missing_at: list[str] = []  # at which place each of these was noticed
        self._numbers = Numbers(partition, marks)
        self._reads: deque[_Read] = deque()
        self._open: dict[str, _Read] = {}
        self._earlier = deque(sorted(done.items(), key=lambda item: order(item[0])))
        self._beyond = set(done)  # what is stored as settled beyond the low mark
        self._behind = (low, dict(marks))  # the low mark, and all numbers there
        # What is not stored yet, as in a Step.
        self._low = ""
        self._marks: dict[str, Mark] = {}
        self._done: dict[str, tuple[str, Mark]] = {}
        self._passed: list[str] = []

    @property
    def unsettled(self) -> int:
        """How many messages were read and not settled."""
        return len(self._open)

    def take(self, cursor: str, writer: str, mark: Mark, gone: Callable[[], Mapping[str, Mark]]) -> bool:
        """A message that was read: whether it is to be handed out. `gone` is asked only where one seems missing; if it
        raises, the message counts as not read."""
        settled = self._catch_up(order(cursor), gone) == cursor
        new = not settled and self._numbers.is_new(writer, mark.number)
        if new:
            self._note(cursor, writer, mark, gone)
        if not settled:  # a repetition is done with already, but its place has to be passed, too
            self._reads.append(_Read(cursor, writer, mark, settled=not new))
        if new:
            self._open[cursor] = self._reads[-1]
        self.position = cursor
        return new

    def end(self, marks: Mapping[str, Mark], gone: Callable[[], Mapping[str, Mark]]) -> None:
        """There is nothing beyond the position, and these messages were the last that were put in."""
        self._catch_up(None, gone)
        for writer, mark in marks.items():
            if self._numbers.is_new(writer, mark.number):
                found = self._numbers.end(writer, mark, gone())
                if found is not None:
                    self._miss(found, self.position)
                    self._reads.append(_Read(self.position, writer, mark, settled=True))

    def told(self, ready: str = "") -> list[Missing]:
        """What is missing in front of the messages before this one, or before any. Each is returned once."""
        count = sum(order(at) < order(ready) for at in self._missing_at) if ready else len(self.missing)
        found, self.missing = self.missing[:count], self.missing[count:]
        self._missing_at = self._missing_at[count:]
        return found

    def settle(self, cursors: Iterable[str] = ()) -> Step | None:
        """These are done with. What is to be stored since the last call of `stored`; None: nothing."""
        for cursor in cursors:
            read = self._open.pop(cursor, None)
            if read is not None:
                read.settled = True
                self._done[cursor] = (read.writer, read.mark)
        while self._reads and self._reads[0].settled:
            self._pass(self._reads.popleft())
        if not self._low and not self._done:
            return None
        return Step(self._low, dict(self._marks), dict(self._done), tuple(self._passed))

    def settle_up_to(self, cursor: str) -> Step | None:
        """Everything up to this place is done with. Empty: nothing more than what was."""
        last = order(cursor) if cursor else ()
        return self.settle(list(takewhile(lambda read: order(read) <= last, self._open)))

    def stored(self) -> None:
        """What `settle` returned is stored."""
        self._beyond.update(self._done)
        self._low, self._marks, self._done, self._passed = "", {}, {}, []

    def whole(self) -> Step:
        """All that is settled, stored or not."""
        low, marks = self._behind
        return Step(low, dict(marks), {read.cursor: (read.writer, read.mark) for read in self._reads if read.settled})

    def again(self) -> None:
        """Nothing is stored any more: the next step has all of it."""
        low, marks = self._behind
        self._low, self._marks = self._low or low, dict(marks)
        self._done |= {read.cursor: (read.writer, read.mark) for read in self._reads if read.settled}
        self._beyond.clear()
        self._passed = []

    def _pass(self, read: _Read) -> None:
        """The low mark goes on to this one."""
        self._low = read.cursor
        marks = self._behind[1]
        # A repetition has a lower number than what is known.
        if read.mark.number > marks.get(read.writer, Mark()).number:
            self._marks[read.writer] = marks[read.writer] = read.mark
        self._behind = (read.cursor, marks)
        self._done.pop(read.cursor, None)
        if read.cursor in self._beyond:
            self._beyond.discard(read.cursor)
            self._passed.append(read.cursor)

    def _catch_up(self, limit: tuple[int, ...] | None, gone: Callable[[], Mapping[str, Mark]]) -> str:
        """Take in what was settled earlier up to here. The place of the last one."""
        last = ""
        while self._earlier and (limit is None or order(self._earlier[0][0]) <= limit):
            last, (writer, mark) = self._earlier[0]
            self._note(last, writer, mark, gone)
            self._earlier.popleft()
            self._reads.append(_Read(last, writer, mark, settled=True))
        return last

    def _note(self, cursor: str, writer: str, mark: Mark, gone: Callable[[], Mapping[str, Mark]]) -> None:
        # Most messages follow the one before: then nothing else is asked for.
        before = self._numbers
        known = None if before.follows(writer, mark.number) else gone()
        found = before.note(writer, mark, known)
        if found is not None:
            self._miss(found, cursor)

    def _miss(self, found: Missing, cursor: str) -> None:
        self.missing.append(found)
        self._missing_at.append(cursor)


def missing_in(flights: Mapping[int, Flight], ready: Iterable[Entry]) -> list[Missing]:
    """What is missing in front of what was handed out, each once. `ready` are messages that were read, and are not
    handed out yet: a state that is saved now does not reach up to them."""
    first: dict[int, str] = {}
    if any(flight.missing for flight in flights.values()):
        for entry in ready:
            first.setdefault(entry.message.partition, entry.cursor)
    return [found for partition, flight in flights.items() for found in flight.told(first.get(partition, ""))]


def told(entry: Entry, numbers: Numbers, gone: Mapping[str, Mark]) -> Iterator[Entry | Missing]:
    """A message that a scan has come to, if it is no repetition, behind what is missing before it."""
    message = entry.message
    if numbers.is_new(message.writer, message.number):
        missing = numbers.note(message.writer, Mark(message.number, message.stamp), gone)
        if missing is not None:
            yield missing
        yield entry
