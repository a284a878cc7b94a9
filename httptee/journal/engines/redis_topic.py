"""The names of the keys of a topic in Redis; `redis_scripts` says what each holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from httptee.journal.engines.engine import Entry, Message
from httptee.journal.engines.flight import Step, order
from httptee.journal.engines.numbers import Mark

Call = tuple[list[str], list[str | int | bytes]]
"""Keys and arguments of a script."""


class RedisTopic:
    """The keys of one topic."""

    def __init__(self, name: str, partitions: int) -> None:
        self.partitions = partitions
        self.prefix = f"{{{name}}}"
        self.about = f"{self.prefix}:about"
        self.groups = f"{self.prefix}:groups"
        self.documents = f"{self.prefix}:documents"
        self.aside = f"{self.prefix}:aside"

    def stream(self, partition: int) -> str:
        """The messages."""
        return f"{self.prefix}:{partition}"

    def streams(self) -> list[str]:
        """That of each partition."""
        return [self.stream(partition) for partition in range(self.partitions)]

    def last(self, partition: int) -> str:
        """The last number of each writer."""
        return f"{self.prefix}:{partition}:last"

    def gone(self, partition: int) -> str:
        """The last number of each writer that was removed and is accounted for."""
        return f"{self.prefix}:{partition}:gone"

    def members(self, group: str) -> str:
        """Who is in a group."""
        return f"{self.prefix}:g:{group}:members"

    def grace(self, group: str) -> str:
        """While nobody takes what is free."""
        return f"{self.prefix}:g:{group}:grace"

    def ownership(self, group: str, partitions: Iterable[int]) -> list[str]:
        """The keys that say whose each partition is."""
        return [
            key
            for partition in partitions
            for key in (f"{self._in_group(group, partition)}:owner", self._in_group(group, partition))
        ]

    def state(self, group: str, partition: int) -> str:
        """What `save` stored."""
        return f"{self._in_group(group, partition)}:state"

    def progress(self, group: str, partition: int) -> list[str]:
        """What a group has settled in a partition, and what that is compared with: the keys of BEGIN and SETTLE."""
        own = self._in_group(group, partition)
        return [
            own,
            f"{own}:marks",
            f"{own}:done",
            f"{own}:state",
            self.stream(partition),
            self.gone(partition),
            self.groups,
        ]

    def ending(self, group: str, partition: int, position: str) -> Call:
        """What END is called with."""
        keys = [self.stream(partition), self.last(partition), *self.progress(group, partition)[:3]]
        return keys, [after(position), position]

    def forgetting(self, partition: int, seconds: float) -> Call:
        """What FORGET is called with."""
        keys = [self.stream(partition), self.last(partition), self.gone(partition), self.groups, self.about]
        return keys, [self.prefix, partition, int(seconds * 1000)]

    def depth_keys(self, group: str) -> Iterable[str]:
        """What DEPTH needs of each partition."""
        for partition in range(self.partitions):
            own = self._in_group(group, partition)
            yield from (
                self.stream(partition),
                self.last(partition),
                self.gone(partition),
                f"{own}:marks",
                f"{own}:done",
            )

    def _in_group(self, group: str, partition: int) -> str:
        return f"{self.prefix}:g:{group}:{partition}"


def entry_of(partition: int, cursor: bytes, fields: Mapping[bytes, bytes]) -> Entry:
    """A message as the server hands it out. What somebody else has put there has the number 0: it is passed over."""
    try:
        writer, number, stamp = fields[b"w"].decode(), int(fields[b"n"]), int(fields[b"s"])
    except (KeyError, ValueError):
        writer, number, stamp = "", 0, 0
    return Entry(Message(partition, writer, number, stamp, fields.get(b"p", b"")), cursor.decode())


def packed_step(step: Step, state: bytes | None) -> Iterator[str | int | bytes]:
    """A step and a state as SETTLE takes them."""
    yield from (step.low, after(step.low) if step.low else "", int(state is not None), state or b"")
    yield len(step.marks)
    for writer, mark in step.marks.items():
        yield from (writer, _packed(mark))
    yield len(step.done)
    for cursor, (writer, mark) in step.done.items():
        yield from (cursor, f"{_packed(mark)}:{writer}")
    yield from step.passed


def after(cursor: str) -> str:
    """The first place behind a cursor."""
    milliseconds, sequence = order(cursor)
    return f"{milliseconds}-{sequence + 1}"


def marks(pairs: Sequence[bytes]) -> Mapping[str, Mark]:
    """Writers and their marks from the answer of a script: one after the other."""
    return {writer.decode(): _mark(value) for writer, value in zip(pairs[::2], pairs[1::2], strict=True)}


def done(pairs: Sequence[bytes]) -> Mapping[str, tuple[str, Mark]]:
    """Places, and what is settled there."""
    found = {}
    for cursor, value in zip(pairs[::2], pairs[1::2], strict=True):
        number, stamp, writer = value.split(b":", 2)
        found[cursor.decode()] = (writer.decode(), Mark(int(number), int(stamp)))
    return found


def _packed(mark: Mark) -> str:
    return f"{mark.number}:{mark.stamp}"


def _mark(value: bytes) -> Mark:
    number, stamp = value.split(b":")
    return Mark(int(number), int(stamp))
