"""A topic of Redis Streams: one stream a partition."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from httptee.journal import Appended
from httptee.journal.engines import redis_scripts as scripts
from httptee.journal.engines.address import Address, check_name
from httptee.journal.engines.engine import Entry, Message, TooLarge, Trimmed, Unavailable
from httptee.journal.engines.flight import order, told
from httptee.journal.engines.numbers import Mark, Missing, Numbers
from httptee.journal.engines.redis_link import Full, RedisLink
from httptee.journal.engines.redis_member import RedisMember
from httptee.journal.engines.redis_topic import RedisTopic, entry_of, marks

_MOST_MESSAGES, _MOST_BYTES = 512, 4 * 1024 * 1024
"""What one script stores at most: others wait while it runs."""
_LARGEST = 512 * 1024 * 1024 - 1
"""What a server takes as one value, unless it is told otherwise."""
_TRIMMED_AT_ONCE, _READ_AT_ONCE = 256, 1000


class RedisEngine:
    """A topic of a Redis server of version 6.2 or later. Connects when it is first used, and again when that broke.

    `lease`: seconds after which the partitions of a member that does not read any more are free. `keep`: what all
    groups have settled stays, until `trim` removes it; otherwise it is removed at once.
    """

    def __init__(self, address: Address, lease: float = 10.0, keep: bool = False) -> None:
        """Raises ValueError: a library or a file is missing."""
        self._address = address
        self._lease = lease
        self._keep = keep
        self._topic = RedisTopic(address.topic, address.partitions)
        self._link = RedisLink(address)
        self._members: list[RedisMember] = []
        self._error = ""

    def __repr__(self) -> str:
        return f"<RedisEngine {self.label}>"

    @property
    def label(self) -> str:
        """The address for people, without credentials."""
        return self._address.label

    @property
    def partitions(self) -> int:
        """How many partitions the topic has."""
        return self._address.partitions

    @property
    def error(self) -> str:
        """Why the last `append` was not committed, or empty."""
        return self._error

    def append(self, messages: Sequence[Message]) -> Appended:
        """Put messages in: those that are there already, by their numbers, are not put in again. Raises TooLarge."""
        if (size := max((len(one.payload) for one in messages), default=0)) > _LARGEST:
            raise TooLarge(f"{self.label}: a message of {size} bytes is more than the server takes")
        try:
            for batch in _batches(messages):
                self._append(batch)
        except Full as error:
            self._error = f"{self.label}: {error}"
            return Appended.FULL
        except Unavailable as error:
            self._error = str(error)
            return Appended.UNAVAILABLE
        self._error = ""
        return Appended.COMMITTED

    def join(self, group: str) -> RedisMember:
        """A new member of a group. Raises ValueError: the name has other characters than letters, digits, . _ -"""
        member = RedisMember(self._link, self._topic, check_name(group), self._lease, self._keep)
        self._members.append(member)
        return member

    def scan(self, partition: int) -> Iterator[Entry | Missing]:
        """What is in a partition now, and what is missing there."""
        known = self._link.ask("HGET", self._topic.about, "partitions")
        if known is not None and int(known) != self.partitions:
            raise Unavailable(f"{self.label}: the topic has {int(known)} partitions, not {self.partitions}")
        stream, numbers, count = self._topic.stream(partition), Numbers(partition), 1
        last, gone = self._marks(self._topic.last(partition)), self._marks(self._topic.gone(partition))
        newest = self._link.ask("XREVRANGE", stream, "+", "-", "COUNT", 1)
        place = "-"
        while newest and (entries := self._link.ask("XRANGE", stream, place, newest[0][0], "COUNT", count)):
            for cursor, fields in entries:
                yield from told(entry_of(partition, cursor, fields), numbers, gone)
            size = sum(len(fields.get(b"p", b"")) for _, fields in entries) / len(entries)
            place, count = f"({entries[-1][0].decode()}", max(1, min(_READ_AT_ONCE, int(_MOST_BYTES / (size + 1))))
        for writer, mark in last.items():
            if (missing := numbers.end(writer, mark, gone)) is not None:
                yield missing

    def apart(self) -> Iterator[tuple[Entry, str]]:
        """What was set aside."""
        place = "-"
        while entries := self._link.ask("XRANGE", self._topic.aside, place, "+", "COUNT", _READ_AT_ONCE // 10):
            for cursor, fields in entries:
                partition = int(fields[b"partition"])
                yield entry_of(partition, cursor, fields), fields[b"reason"].decode(errors="replace")
            place = f"({entries[-1][0].decode()}"

    def depth(self, group: str) -> int:
        """How many messages that the group has not settled are in the topic."""
        keys = [self._topic.groups, *self._topic.depth_keys(group)]
        return int(self._run(scripts.DEPTH, keys, [self.partitions, int(self._keep)]))

    def trim(self, most_bytes: int, most_seconds: float) -> Trimmed:
        """Remove the oldest messages until both limits hold: by the memory that the server says they take, and by when
        they came in."""
        removed = Trimmed()
        if most_seconds:
            seconds, microseconds = self._link.ask("TIME")
            before = int(seconds * 1000 + microseconds // 1000 - most_seconds * 1000)
            for partition in range(self.partitions):
                while (part := self._trim(partition, _TRIMMED_AT_ONCE, before))[0]:
                    removed = _sum(removed, part[1])
        while most_bytes:
            sizes = [
                (int(size), int(length), order(first.decode()), partition)
                for partition, (size, length, first) in enumerate(self._run(scripts.SIZES, self._topic.streams(), []))
                if length
            ]
            excess = sum(size for size, *_ in sizes) - most_bytes
            if excess <= 0:
                break
            size, length, _, oldest = min(sizes, key=lambda one: one[2])
            count = max(1, min(_TRIMMED_AT_ONCE, excess * length // size))
            removed = _sum(removed, self._trim(oldest, count, 0)[1])
        return removed

    def put(self, name: str, document: bytes) -> None:
        """Store a document beside the topic, in place of an earlier one of this name."""
        self._run(scripts.PUT, [self._topic.documents], [name, document])

    def documents(self, prefix: str) -> Mapping[str, bytes]:
        """The documents whose names begin with `prefix`."""
        pattern = re.sub(r"([\\*?\[\]^])", r"\\\1", prefix) + "*"
        found: dict[str, bytes] = {}
        cursor: Any = 0
        while True:
            cursor, values = self._link.ask("HSCAN", self._topic.documents, cursor, "MATCH", pattern, "COUNT", 1000)
            found |= {name.decode(errors="replace"): document for name, document in values.items()}
            if not int(cursor):
                return found

    def close(self) -> None:
        """Give back what its members own, and close all connections."""
        while self._members:
            self._members.pop().close()
        self._link.close()

    def _append(self, batch: Sequence[Message]) -> None:
        """Raises Full or Unavailable."""
        places: dict[int, int] = {}
        keys = [self._topic.about]
        arguments: list[str | int | bytes] = [self.partitions]
        for message in batch:
            if message.partition not in places:
                places[message.partition] = len(keys) + 1
                names = self._topic.stream, self._topic.last, self._topic.gone
                keys += [name(message.partition) for name in names]
            arguments += (places[message.partition], message.writer, message.number, message.stamp, message.payload)
        answer = int(self._link.run(scripts.APPEND, keys, arguments))
        if answer < 0:
            raise Unavailable(f"{self.label}: the topic has {-answer} partitions, not {self.partitions}")

    def _marks(self, key: str) -> Mapping[str, Mark]:
        return marks([part for pair in self._link.ask("HGETALL", key).items() for part in pair])

    def _trim(self, partition: int, count: int, before: int) -> tuple[int, Trimmed]:
        """How many were removed, and what nobody had read of them."""
        keys = [self._topic.stream(partition), self._topic.gone(partition), self._topic.groups]
        removed, *unread = self._run(scripts.TRIM, keys, [count, before, self._topic.prefix, partition])
        return int(removed), Trimmed(*map(int, unread))

    def _run(self, script: str, keys: Sequence[str], arguments: Sequence[str | int | bytes]) -> Any:
        try:
            return self._link.run(script, keys, arguments)
        except Full as error:
            raise Unavailable(f"{self.label}: {error}") from error


def _sum(one: Trimmed, other: Trimmed) -> Trimmed:
    """Both together."""
    if not one.count or not other.count:
        return one if one.count else other
    return Trimmed(one.count + other.count, min(one.first, other.first), max(one.last, other.last))


def _batches(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """In their order, as many at a time as one script may store."""
    start = size = 0
    for at, message in enumerate(messages):
        if at - start >= _MOST_MESSAGES or (at > start and size + len(message.payload) > _MOST_BYTES):
            yield messages[start:at]
            start, size = at, 0
        size += len(message.payload)
    if start < len(messages):
        yield messages[start:]
