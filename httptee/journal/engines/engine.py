"""What an engine is: a topic with partitions, its readers, and a few documents beside it.

A topic has a fixed number of partitions. The messages of one partition keep their order. A writer numbers its messages
in each partition from 1 without a gap. So a reader knows a message that came twice, and how many never came: a topic is
never trimmed silently.

Readers join a group. Each partition belongs to one member at a time. What a member has read and not settled is read
again by the next owner of the partition, so a reader that was killed loses nothing. A member that must count each
message once saves its state together with its place: `Member.save`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from httptee.journal import Appended
from httptee.journal.engines.numbers import Missing


class Unavailable(Exception):
    """The engine cannot be reached, or refuses. The text is one line for a person, and holds no credential."""


class TooLarge(Unavailable):
    """The engine does not take a message of this size, however often it is put in."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is put into a topic. `number` counts the messages of this `writer` in this `partition`, from 1. `stamp` is
    in nanoseconds since the epoch."""

    partition: int
    writer: str
    number: int
    stamp: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """A message as it is read. `cursor` is its place in the partition, in the engine's own form."""

    message: Message
    cursor: str


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What was removed without being read: how many messages, and the stamps of the first and the last one."""

    count: int = 0
    first: int = 0
    last: int = 0


class Member(Protocol):
    """One reader in a group, for one thread. Its methods raise Unavailable."""

    @property
    def owned(self) -> frozenset[int]:
        """The partitions that are this member's, by the last call of `read`. One that was lost and taken again is
        absent after one call at least."""

    def read(self, limit: int, timeout: float = 0.0) -> list[Entry]:
        """The next messages of the partitions that are owned, in order within each, at most `limit`. Waits up to
        `timeout` seconds for the first one. Call it at least once a second: it keeps what is owned, takes what is free,
        and gives back what is more than this member's share: what it had read there and not settled, the next owner
        reads again. (Redis lets it settle that first, for the time of three leases.) A new partition starts at the
        first message that is not settled, or after the place that `save` has stored."""

    def missing(self) -> list[Missing]:
        """What was noticed to be missing since the last call: it was in the topic, and nobody removed it by `settle`,
        `save` or `trim`. It is told with the message behind it. Ask after each `read`. Whoever reads on after a member
        that was killed notices again what is missing behind the last place that was settled: with `save` each is
        counted once. Does not raise."""

    def settle(self, entries: Sequence[Entry]) -> None:
        """These are done with. What belongs to another member by now is left alone."""

    def set_aside(self, entry: Entry, reason: str) -> None:
        """Settle a message, and keep it apart with the reason, for a person."""

    def save(self, partition: int, state: bytes, after: str) -> bool:
        """Store a state, and settle everything up to the cursor `after` (empty: nothing), both or neither. False if the
        partition is no longer this member's: then nothing was stored."""

    def load(self, partition: int) -> bytes | None:
        """The last state of a partition, by whichever member."""

    def close(self) -> None:
        """Give back what is owned. May be called twice. Does not raise."""


class Engine(Protocol):
    """A topic. Its methods raise Unavailable, except `append` and `close`."""

    @property
    def label(self) -> str:
        """The address for people, without credentials."""

    @property
    def partitions(self) -> int:
        """How many partitions the topic has."""

    @property
    def error(self) -> str:
        """Why the last `append` was not committed, or empty."""

    def append(self, messages: Sequence[Message]) -> Appended:
        """Put messages in. COMMITTED: each of them is in the topic. Else some may be: put the same ones in again with
        their numbers, and each is there once, or its reader knows the second one by its number.

        Raises TooLarge: the engine does not take one of them. Put in one by one, the others are taken."""

    def join(self, group: str) -> Member:
        """A new member of a group."""

    def scan(self, partition: int) -> Iterator[Entry | Missing]:
        """What is in a partition when the first one is asked for, from the oldest message on, each once, and what is
        missing: as `Member.missing`, in its place. It needs no group, and settles nothing."""

    def apart(self) -> Iterator[tuple[Entry, str]]:
        """What was set aside by all groups, the oldest first, each with the reason."""

    def depth(self, group: str) -> int:
        """How many messages that the group has not settled are in the topic."""

    def trim(self, most_bytes: int, most_seconds: float) -> Trimmed:
        """Remove the oldest messages until both limits hold. 0: no limit."""

    def put(self, name: str, document: bytes) -> None:
        """Store a document beside the topic, in place of an earlier one of this name."""

    def documents(self, prefix: str) -> Mapping[str, bytes]:
        """The documents whose names begin with `prefix`."""

    def close(self) -> None:
        """Close all connections. May be called twice. Does not raise."""
