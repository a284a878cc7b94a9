"""An engine in memory, for tests: `Engine` and `Member` as Redis and Kafka have them, with ways to make it fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep

from httptee.journal import Appended
from httptee.journal.engines import Entry, Message, Missing, Unavailable
from httptee.journal.engines.engine import Trimmed
from httptee.journal.engines.flight import Flight, Step, missing_in
from httptee.journal.engines.numbers import Mark, Numbers


@dataclass
class _Progress:
    """What a group has stored of a partition."""

    owner: MemoryMember | None = None
    low: str = "0"
    marks: dict[str, Mark] = field(default_factory=dict)
    done: dict[str, tuple[str, Mark]] = field(default_factory=dict)
    state: bytes | None = None


@dataclass
class _Group:
    members: list[MemoryMember] = field(default_factory=list)
    progress: dict[int, _Progress] = field(default_factory=dict)


class MemoryEngine:
    """Set `unavailable` to a text or `full` to True, and it fails so until you set them back. `take_away` lets a member
    lose a partition, `MemoryMember.kill` all of them without giving anything back. `remove` trims by hand, as somebody
    would behind the tee's back. `appended` has every batch that was committed."""

    def __init__(self, partitions: int = 4, keep: bool = False) -> None:
        self.unavailable = ""
        self.full = False
        self.appended: list[list[Message]] = []
        self.aside: list[tuple[Entry, str]] = []
        self.closed = False
        self._partitions = partitions
        self._keep = keep
        self._error = ""
        self._places = 0
        self._streams: dict[int, dict[str, Message]] = {partition: {} for partition in range(partitions)}
        self._last: dict[int, dict[str, Mark]] = {partition: {} for partition in range(partitions)}
        self._gone: dict[int, dict[str, Mark]] = {partition: {} for partition in range(partitions)}
        self._groups: dict[str, _Group] = {}
        self._documents: dict[str, bytes] = {}

    @property
    def label(self) -> str:
        return "memory://topic"

    @property
    def partitions(self) -> int:
        return self._partitions

    @property
    def error(self) -> str:
        return self._error

    def append(self, messages: Sequence[Message]) -> Appended:
        self._error = self.unavailable or ("no memory left" if self.full else "")
        if self._error:
            return Appended.UNAVAILABLE if self.unavailable else Appended.FULL
        self.appended.append(list(messages))
        for message in messages:
            last = self._last[message.partition]
            if message.number > last.get(message.writer, Mark()).number:
                last[message.writer] = Mark(message.number, message.stamp)
                self._places += 1
                self._streams[message.partition][str(self._places)] = message
        return Appended.COMMITTED

    def join(self, group: str) -> MemoryMember:
        return MemoryMember(self, self._groups.setdefault(group, _Group()))

    def scan(self, partition: int) -> Iterator[Entry | Missing]:
        self.check()
        numbers, gone, last = Numbers(partition), dict(self._gone[partition]), dict(self._last[partition])
        for place, message in list(self._streams[partition].items()):
            missing = numbers.note(message.writer, Mark(message.number, message.stamp), gone)
            yield from () if missing is None else (missing,)
            yield Entry(message, place)
        for writer, mark in last.items():
            missing = numbers.end(writer, mark, gone)
            yield from () if missing is None else (missing,)

    def apart(self) -> Iterator[tuple[Entry, str]]:
        yield from self.aside

    def depth(self, group: str) -> int:
        self.check()
        found = self._groups.setdefault(group, _Group())
        depth = 0
        for partition, stream in self._streams.items():
            progress = found.progress.get(partition, _Progress())
            depth += sum(int(place) > int(progress.low) and place not in progress.done for place in stream)
        return depth

    def trim(self, most_bytes: int, most_seconds: float) -> Trimmed:
        """Only by bytes."""
        self.check()
        removed: list[Message] = []
        while (
            most_bytes
            and sum(len(m.payload) for stream in self._streams.values() for m in stream.values()) > most_bytes
        ):
            partition, place = min(
                ((p, place) for p, stream in self._streams.items() for place in stream), key=lambda pair: int(pair[1])
            )
            message = self._streams[partition].pop(place)
            self._gone[partition][message.writer] = Mark(message.number, message.stamp)
            removed.append(message)
        return Trimmed(len(removed), removed[0].stamp, removed[-1].stamp) if removed else Trimmed()

    def put(self, name: str, document: bytes) -> None:
        self.check()
        self._documents[name] = document

    def documents(self, prefix: str) -> Mapping[str, bytes]:
        self.check()
        return {name: document for name, document in self._documents.items() if name.startswith(prefix)}

    def close(self) -> None:
        self.closed = True

    def check(self) -> None:
        if self.unavailable:
            raise Unavailable(self.unavailable)

    def remove(self, partition: int, count: int | None = None) -> None:
        """Remove the oldest messages of a partition, all without a count, and account for nothing."""
        for place in list(self._streams[partition])[:count]:
            del self._streams[partition][place]

    def take_away(self, group: str, partition: int) -> None:
        """Whoever owns the partition does not any more, and learns of it when it next does something."""
        self._groups[group].progress[partition].owner = None

    def stream(self, partition: int) -> Mapping[str, Message]:
        return self._streams[partition]

    def last(self, partition: int) -> Mapping[str, Mark]:
        return self._last[partition]

    def gone(self, partition: int) -> Mapping[str, Mark]:
        return self._gone[partition]

    def store(self, group: _Group, partition: int, step: Step) -> None:
        progress = group.progress[partition]
        progress.low = step.low or progress.low
        progress.marks |= step.marks
        progress.done |= step.done
        for place in step.passed:
            progress.done.pop(place, None)
        if len(self._groups) == 1 and not self._keep:
            for place in [*step.done, *(p for p in self._streams[partition] if int(p) <= int(progress.low))]:
                self._streams[partition].pop(place, None)
            self._gone[partition] |= step.marks


class MemoryMember:
    """A member of a group of a `MemoryEngine`."""

    def __init__(self, engine: MemoryEngine, group: _Group) -> None:
        self._engine = engine
        self._group = group
        self._flights: dict[int, Flight] = {}
        self._missing: list[Missing] = []
        self._saves = False
        self._killed = False

    @property
    def owned(self) -> frozenset[int]:
        return frozenset(self._flights)

    def kill(self) -> None:
        """It is gone without a word. Its partitions are free, as after the time of its lease."""
        self._killed = True
        self._leave()

    def read(self, limit: int, timeout: float = 0.0) -> list[Entry]:
        assert not self._killed
        self._engine.check()
        end = monotonic() + timeout
        self._balance()
        while not (entries := self._next(limit)) and monotonic() < end:
            sleep(0.005)
        return entries

    def missing(self) -> list[Missing]:
        found, self._missing = self._missing, []
        return found + missing_in(self._flights, ())

    def settle(self, entries: Sequence[Entry]) -> None:
        self._engine.check()
        for entry in entries:
            partition = entry.message.partition
            if self._holds(partition):
                self._store(partition, self._flights[partition].settle([entry.cursor]))

    def set_aside(self, entry: Entry, reason: str) -> None:
        self._engine.check()
        if self._holds(entry.message.partition):
            self._engine.aside.append((entry, reason))
            self.settle([entry])

    def save(self, partition: int, state: bytes, after: str) -> bool:
        self._engine.check()
        if not self._holds(partition):
            return False
        self._saves = True
        self._group.progress[partition].state = state
        self._store(partition, self._flights[partition].settle_up_to(after))
        return True

    def load(self, partition: int) -> bytes | None:
        self._engine.check()
        return self._group.progress[partition].state if partition in self._group.progress else None

    def close(self) -> None:
        for partition in self.owned:
            self._pass_over(partition)
        self._leave()

    def _leave(self) -> None:
        for progress in self._group.progress.values():
            if progress.owner is self:
                progress.owner = None
        if self in self._group.members:
            self._group.members.remove(self)
        self._flights.clear()

    def _holds(self, partition: int) -> bool:
        """Whether it still owns the partition; if not, it knows now."""
        if partition in self._flights and self._group.progress[partition].owner is self:
            return True
        self._lose(partition)
        return False

    def _lose(self, partition: int) -> None:
        flight = self._flights.pop(partition, None)
        if flight is not None:
            self._missing += flight.told()

    def _balance(self) -> None:
        partitions = range(self._engine.partitions)
        if self not in self._group.members:
            self._group.members.append(self)
        lost = {partition for partition in self.owned if not self._holds(partition)}
        rank, count = self._group.members.index(self), len(self._group.members)
        share = len(partitions) // count + (rank < len(partitions) % count)
        for partition in partitions:
            progress = self._group.progress.setdefault(partition, _Progress(marks=dict(self._engine.gone(partition))))
            if progress.owner is None and len(self._flights) < share and partition not in lost:
                progress.owner = self
                self._flights[partition] = Flight(partition, progress.low, progress.marks, progress.done)
        for partition in sorted(self.owned, reverse=True):
            if len(self._flights) > share and not self._flights[partition].unsettled:
                self._group.progress[partition].owner = None
                self._lose(partition)

    def _next(self, limit: int) -> list[Entry]:
        entries = []
        for partition, flight in self._flights.items():
            for place, message in list(self._engine.stream(partition).items()):
                if int(place) <= int(flight.position):
                    continue
                if len(entries) == limit:
                    return entries
                mark = Mark(message.number, message.stamp)
                if flight.take(place, message.writer, mark, lambda p=partition: self._engine.gone(p)):  # type: ignore[misc]
                    entries.append(Entry(message, place))
            flight.end(self._engine.last(partition), lambda p=partition: self._engine.gone(p))  # type: ignore[misc]
            self._pass_over(partition)
        return entries

    def _pass_over(self, partition: int) -> None:
        flight = self._flights[partition]
        if not flight.missing and not self._saves:
            self._store(partition, flight.settle())

    def _store(self, partition: int, step: Step | None) -> None:
        if step is not None:
            self._engine.store(self._group, partition, step)
            self._flights[partition].stored()
