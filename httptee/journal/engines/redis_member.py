"""One reader in a group of a topic in Redis. What is its own is a lease that each `read` renews in time."""

from __future__ import annotations

import contextlib
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from time import monotonic, sleep
from typing import Any

from httptee.journal.engines import redis_group_scripts as scripts
from httptee.journal.engines.engine import Entry, Unavailable
from httptee.journal.engines.flight import Flight, Step, missing_in
from httptee.journal.engines.numbers import Mark, Missing
from httptee.journal.engines.redis_link import Full, RedisLink
from httptee.journal.engines.redis_topic import Call, RedisTopic, done, entry_of, marks, packed_step

_LONGEST_WAIT = 1.0  # seconds that the server is asked to wait for a message
_MOST_BYTES = 8 * 1024 * 1024  # what is read at once, as far as the sizes before can tell
_TIDY, _SILENT = 3600.0, 30 * 86400.0  # seconds between two looks for silent writers, and until one is forgotten
_PATIENCE = 3  # leases that a member which has to give a partition back may still need to settle what it has read


class RedisMember:
    """For one thread. `lease` is in seconds."""

    def __init__(self, link: RedisLink, topic: RedisTopic, group: str, lease: float, keep: bool) -> None:
        self._link = link
        self._topic = topic
        self._group = group
        self._lease = lease
        self._keep = keep
        self._token = secrets.token_hex(8)
        self._flights: dict[int, Flight] = {}
        self._leaving: dict[int, float] = {}
        self._ready: deque[Entry] = deque()
        self._missing: list[Missing] = []
        self._next = 0.0
        self._tidied = monotonic()
        self._size = 1024.0
        self._saves = False
        self._closed = False

    def __repr__(self) -> str:
        return f"<RedisMember {self._group} {self._token} owns {sorted(self._flights)}>"

    @property
    def owned(self) -> frozenset[int]:
        """The partitions that are this member's, by the last call of `read`."""
        return frozenset(self._flights)

    def read(self, limit: int, timeout: float = 0.0) -> list[Entry]:
        """The next messages. Renews the leases when it is time."""
        end = monotonic() + timeout
        while True:
            if monotonic() >= self._next:
                self._renew()
            if not self._ready:
                self._fetch(limit, min(end - monotonic(), self._next - monotonic(), _LONGEST_WAIT))
            if self._ready or monotonic() >= end:
                return [self._ready.popleft() for _ in range(min(limit, len(self._ready)))]

    def missing(self) -> list[Missing]:
        """What was noticed to be missing since the last call."""
        found, self._missing = self._missing, []
        return found + missing_in(self._flights, self._ready)

    def settle(self, entries: Sequence[Entry]) -> None:
        """These are done with."""
        by_partition: dict[int, list[str]] = {}
        for entry in entries:
            by_partition.setdefault(entry.message.partition, []).append(entry.cursor)
        held = {partition: cursors for partition, cursors in by_partition.items() if partition in self._flights}
        self._store_each({partition: self._flights[partition].settle(cursors) for partition, cursors in held.items()})

    def set_aside(self, entry: Entry, reason: str) -> None:
        """Settle a message, and keep it apart with the reason."""
        message = entry.message
        if message.partition not in self._flights:
            return
        # First put it there, then settle: it may be there twice after a kill, and is never lost.
        words = ("w", message.writer, "n", message.number, "s", message.stamp, "p", message.payload)
        more = ("partition", message.partition, "group", self._group, "reason", reason)
        self._link.ask("XADD", self._topic.aside, "*", *words, *more)
        self.settle([entry])

    def save(self, partition: int, state: bytes, after: str) -> bool:
        """Store a state, and settle everything up to `after`, both or neither."""
        flight = self._flights.get(partition)
        if flight is None:
            return False
        self._saves = True
        return self._store(partition, flight.settle_up_to(after) or Step(), state)

    def load(self, partition: int) -> bytes | None:
        """The last state of a partition."""
        state: bytes | None = self._link.ask("GET", self._topic.state(self._group, partition))
        return state

    def close(self) -> None:
        """Give back what is owned."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(Unavailable):
            self._pass_over()
            self._release(list(self._flights), leaves=True)
        self._flights.clear()
        self._ready.clear()

    def _renew(self) -> None:
        """Renew what is owned, take what is free, and give back what is too much."""
        everywhere = range(self._topic.partitions)
        held = [int(partition in self._flights) for partition in everywhere]
        keys = [self._topic.about, self._topic.groups, self._topic.members(self._group), self._topic.grace(self._group)]
        arguments: list[str | int | bytes] = [self._topic.partitions, self._group, self._token, int(self._lease * 1000)]
        arguments += held
        keys += self._topic.ownership(self._group, everywhere)
        share, now, revived = self._run(scripts.KEEP, keys, arguments)
        if share < 0:
            raise Unavailable(f"the topic {self._topic.prefix} has {-share} partitions, not {self._topic.partitions}")
        for partition in self.owned - set(now):
            self._lose(partition)
        for partition in revived:
            self._flights[partition].again()
        for partition in set(now) - self.owned:
            self._begin(partition)
        self._look_at_the_end()
        self._pass_over()
        if monotonic() >= self._tidied + _TIDY:
            self._tidied = monotonic()
            self._link.run_each(scripts.FORGET, [self._topic.forgetting(one, _SILENT) for one in self._flights])
        self._give_back(share)
        self._next = monotonic() + min(1.0, self._lease / 4)

    def _begin(self, partition: int) -> None:
        keys = self._topic.progress(self._group, partition)
        low, stored, beyond = self._run(scripts.BEGIN, keys, [self._topic.prefix, partition])
        self._flights[partition] = Flight(partition, low.decode(), marks(stored), done(beyond))

    def _give_back(self, share: int) -> None:
        """Read no more from what is too much, and give it back once it is settled."""
        while len(self._flights) - len(self._leaving) > share:
            most = max(self.owned - self._leaving.keys())
            self._leaving[most] = monotonic() + _PATIENCE * self._lease
        while self._leaving and len(self._flights) <= share:
            self._leaving.popitem()
        waiting = {entry.message.partition for entry in self._ready}
        over = [
            partition
            for partition, end in self._leaving.items()
            if monotonic() > end or (not self._flights[partition].unsettled and partition not in waiting)
        ]
        if over:
            self._release(over)
            for partition in over:
                self._lose(partition)

    def _release(self, partitions: Sequence[int], leaves: bool = False) -> None:
        keys = [self._topic.members(self._group), *self._topic.ownership(self._group, partitions)]
        self._run(scripts.RELEASE, keys, [self._token, int(leaves)])

    def _lose(self, partition: int) -> None:
        flight = self._flights.pop(partition, None)
        if flight is not None:
            self._missing += missing_in({partition: flight}, self._ready)
        self._leaving.pop(partition, None)
        self._ready = deque(entry for entry in self._ready if entry.message.partition != partition)

    def _fetch(self, limit: int, wait: float) -> None:
        """Read what comes next from each partition."""
        reading = [partition for partition in self._flights if partition not in self._leaving]
        if not reading:
            sleep(max(0.0, wait))
            return
        count = max(1, min(-(-limit // len(reading)), int(_MOST_BYTES / len(reading) / self._size)))
        block: tuple[str | int, ...] = ("BLOCK", int(wait * 1000)) if wait >= 0.001 else ()
        names = [self._topic.stream(partition) for partition in reading]
        places = [self._flights[partition].position for partition in reading]
        by_name = dict(zip(names, reading, strict=True))
        for name, entries in self._link.ask("XREAD", "COUNT", count, *block, "STREAMS", *names, *places) or ():
            for cursor, fields in entries:
                self._take(entry_of(by_name[name.decode()], cursor, fields))

    def _take(self, entry: Entry) -> None:
        message = entry.message
        self._size += (len(message.payload) - self._size) / 64
        mark = Mark(message.number, message.stamp)
        flight = self._flights[message.partition]
        if flight.take(entry.cursor, message.writer, mark, lambda: self._gone(message.partition)):
            self._ready.append(entry)

    def _gone(self, partition: int) -> Mapping[str, Mark]:
        found = self._link.ask("HGETALL", self._topic.gone(partition))
        return marks([part for pair in found.items() for part in pair])

    def _look_at_the_end(self) -> None:
        """Whether somebody has removed messages behind which none is left that would tell by its number."""
        flights = dict(self._flights)
        calls = [self._topic.ending(self._group, partition, one.position) for partition, one in flights.items()]
        for partition, answer in zip(flights, self._link.run_each(scripts.END, calls), strict=True):
            if answer == b"behind":
                self._release([partition])
                self._lose(partition)
            elif answer != b"more":
                self._flights[partition].end(marks(answer), partial(self._gone, partition))

    def _pass_over(self) -> None:
        """What was told to be missing is not told to the next owner: but a state that counts it comes first."""
        if not self._saves:
            told = {partition: flight for partition, flight in self._flights.items() if not flight.missing}
            self._store_each({partition: flight.settle() for partition, flight in told.items()})

    def _store_each(self, steps: Mapping[int, Step | None]) -> None:
        wanted = {partition: step for partition, step in steps.items() if step is not None}
        calls = [self._settling(partition, step, None) for partition, step in wanted.items()]
        for partition, answer in zip(wanted, self._link.run_each(scripts.SETTLE, calls), strict=True):
            self._stored(partition, answer, None)

    def _store(self, partition: int, step: Step, state: bytes | None) -> bool:
        """Whether the partition was still this member's, and the step and the state are stored."""
        return self._stored(partition, self._run(scripts.SETTLE, *self._settling(partition, step, state)), state)

    def _settling(self, partition: int, step: Step, state: bytes | None) -> Call:
        """The keys and the arguments of SETTLE."""
        keys = self._topic.progress(self._group, partition)
        return keys, [self._token, self._topic.prefix, partition, int(self._keep), *packed_step(step, state)]

    def _stored(self, partition: int, answer: int, state: bytes | None) -> bool:
        """What SETTLE has answered."""
        if answer < 0:
            self._renew()  # the server has lost what it knew: this member goes on where it is, and stores all of it
            if partition in self._flights:
                return self._store(partition, self._flights[partition].settle() or Step(), state)
        elif not answer:
            self._lose(partition)
        elif partition in self._flights:
            self._flights[partition].stored()
            return True
        return False

    def _run(self, script: str, keys: Sequence[str], arguments: Sequence[str | int | bytes]) -> Any:
        try:
            return self._link.run(script, keys, arguments)
        except Full as error:
            raise Unavailable(str(error)) from error
