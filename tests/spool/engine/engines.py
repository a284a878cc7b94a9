"""An engine of the tests, in memory: its members share the partitions, and it may be down or full."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from httptee.journal import Appended
from httptee.journal.engines import Entry, Message, Missing, TooLarge, Unavailable
from httptee.journal.engines.engine import Trimmed


class Topic:
    """What all engines of one address share."""

    def __init__(self, partitions: int = 4) -> None:
        self.partitions = partitions
        self.entries: dict[int, list[Entry]] = defaultdict(list)
        self.documents: dict[str, bytes] = {}
        self.states: dict[int, tuple[bytes, str]] = {}
        self.acknowledged: dict[int, set[str]] = defaultdict(set)
        self.aside: list[tuple[Entry, str]] = []
        self.members: list[FakeMember] = []
        self.owner: dict[int, FakeMember] = {}
        self.down = self.full = False
        self.most = 1 << 30
        self.refuses_aside, self.refused = False, 0
        self._cursor = 0

    def check(self) -> None:
        if self.down:
            raise Unavailable("the engine of the tests is down")

    def add(self, message: Message) -> None:
        """Put one message in, whatever was before."""
        self._cursor += 1
        self.entries[message.partition].append(Entry(message, f"{self._cursor:08d}-0"))

    def give(self, member: FakeMember, *partitions: int) -> None:
        """Let a member own these from now on."""
        for partition in partitions:
            self.owner[partition] = member

    def low(self, partition: int) -> str:
        return self.states.get(partition, (b"", ""))[1]

    def waiting(self, partition: int) -> list[Entry]:
        low, acknowledged = self.low(partition), self.acknowledged[partition]
        return [one for one in self.entries[partition] if one.cursor > low and one.cursor not in acknowledged]


class FakeMember:
    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._at: dict[int, str] = {}
        self.owned: frozenset[int] = frozenset()
        topic.members.append(self)

    def read(self, limit: int, timeout: float = 0.0) -> list[Entry]:
        self._topic.check()
        if not any(owner in self._topic.members for owner in self._topic.owner.values()):
            self._topic.give(self, *range(self._topic.partitions))
        owned = frozenset(each for each, owner in self._topic.owner.items() if owner is self)
        for partition in owned - self.owned:
            self._at[partition] = self._topic.low(partition)
        self.owned = owned
        found: list[Entry] = []
        for partition in sorted(owned):
            for entry in self._topic.waiting(partition):
                if entry.cursor > self._at[partition] and len(found) < limit:
                    self._at[partition] = entry.cursor
                    found.append(entry)
        return found

    def missing(self) -> list[Missing]:
        return []

    def settle(self, entries: Sequence[Entry]) -> None:
        self._topic.check()
        for entry in entries:
            self._topic.acknowledged[entry.message.partition].add(entry.cursor)

    def set_aside(self, entry: Entry, reason: str) -> None:
        if self._topic.refuses_aside:
            self._topic.refused += 1
            raise Unavailable("there is no room")
        self.settle([entry])
        self._topic.aside.append((entry, reason))

    def save(self, partition: int, state: bytes, after: str) -> bool:
        self._topic.check()
        if self._topic.owner.get(partition) is not self:
            return False
        self._topic.states[partition] = (state, max(after, self._topic.low(partition)))
        return True

    def load(self, partition: int) -> bytes | None:
        self._topic.check()
        return self._topic.states.get(partition, (None, ""))[0]

    def close(self) -> None:
        if self in self._topic.members:
            self._topic.members.remove(self)
            self._topic.owner = {each: owner for each, owner in self._topic.owner.items() if owner is not self}


class FakeEngine:
    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.label = "fake://topic"
        self.partitions = topic.partitions
        self.error = ""

    def append(self, messages: Sequence[Message]) -> Appended:
        if self.topic.down or self.topic.full:
            self.error = "down" if self.topic.down else "full"
            return Appended.UNAVAILABLE if self.topic.down else Appended.FULL
        if any(len(message.payload) > self.topic.most for message in messages):
            raise TooLarge("too large")
        for message in messages:
            self.topic.add(message)
        return Appended.COMMITTED

    def join(self, group: str) -> FakeMember:
        return FakeMember(self.topic)

    def scan(self, partition: int) -> Iterator[Entry]:
        yield from self.topic.entries[partition]

    def apart(self) -> Iterator[tuple[Entry, str]]:
        yield from self.topic.aside

    def depth(self, group: str) -> int:
        self.topic.check()
        return sum(len(self.topic.waiting(partition)) for partition in range(self.partitions))

    def trim(self, most_bytes: int, most_seconds: float) -> Trimmed:
        return Trimmed()

    def put(self, name: str, document: bytes) -> None:
        self.topic.check()
        self.topic.documents[name] = document

    def documents(self, prefix: str) -> Mapping[str, bytes]:
        self.topic.check()
        return {name: each for name, each in self.topic.documents.items() if name.startswith(prefix)}

    def close(self) -> None:
        pass
