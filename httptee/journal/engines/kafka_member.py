"""One reader in a group of a topic in Kafka. Kafka says which partitions are its own, and takes back those of a member
that does not answer any more.

A cursor is the offset behind its message: that is what Kafka's groups commit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from httptee.journal.engines.engine import Entry, Message, Unavailable
from httptee.journal.engines.flight import Flight, missing_in
from httptee.journal.engines.kafka_clients import KafkaClients, Sent
from httptee.journal.engines.kafka_store import KafkaStore, Progress
from httptee.journal.engines.numbers import Mark, Missing

_LONGEST_WAIT = 0.5  # seconds
_SESSION = 6.0  # seconds: brokers allow no shorter one unless they are told
_SILENT = 3.0  # leases that a member may go without a `read`


class KafkaMember:
    """For one thread. `lease`: seconds after which the partitions of a member that was killed are free."""

    def __init__(self, clients: KafkaClients, store: KafkaStore, topic: str, group: str, lease: float) -> None:
        self._clients = clients
        self._store = store
        self._topic = topic
        self._group = group
        self._lease = lease
        self._session = max(_SESSION, lease)
        self._consumer: Any = None
        self._flights: dict[int, Flight] = {}
        self._states: dict[int, int] = {}
        self._waiting: set[int] = set()  # are this member's, and cannot be read yet
        self._refused: set[int] = set()  # their commit was refused, and they may still be this member's
        self._ready: deque[Entry] = deque()
        self._missing: list[Missing] = []
        self._saves = False
        self._closed = False
        self._next = 0.0

    def __repr__(self) -> str:
        return f"<KafkaMember {self._group} owns {sorted(self._flights)}>"

    @property
    def owned(self) -> frozenset[int]:
        """The partitions that are this member's, by the last call of `read`."""
        return frozenset(self._flights)

    def read(self, limit: int, timeout: float = 0.0) -> list[Entry]:
        """The next messages. Kafka hears by this that the member is alive."""
        end = monotonic() + timeout
        consumer = self._joined()
        while True:
            try:
                for message in consumer.consume(max(1, limit), max(0.0, min(end - monotonic(), _LONGEST_WAIT))):
                    self._take(message)
                for partition in sorted(self._waiting):
                    self._begin(partition)
                if monotonic() >= self._next:
                    self._look_after()
            except self._clients.kafka.KafkaException as error:
                raise self._clients.unavailable(error) from error
            if self._ready or monotonic() >= end:
                self._waiting, self._refused = self._waiting | self._refused, set()  # for the next call
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
        for partition, cursors in by_partition.items():
            flight = self._flights.get(partition)
            if flight is not None and flight.settle(cursors) is not None:
                self._commit(partition)

    def set_aside(self, entry: Entry, reason: str) -> None:
        """Settle a message, and keep it apart with the reason."""
        message = entry.message
        if message.partition not in self._flights:
            return
        more = (("group", self._group.encode()), ("reason", reason.encode()))
        aside = f"{self._topic}.aside"
        sent = Sent(aside, message.partition, message.payload, None, (*headers(message), *more), message.stamp)
        self._clients.send([sent])
        self.settle([entry])

    def save(self, partition: int, state: bytes, after: str) -> bool:
        """Store a state, and settle everything up to `after`, both or neither."""
        flight = self._flights.get(partition)
        if flight is None:
            return False
        self._saves = True
        flight.settle_up_to(after)
        return self._commit(partition, state)

    def load(self, partition: int) -> bytes | None:
        """The last state of a partition."""
        self._clients.prepare()
        at = self._states.get(partition)
        if at is None:
            at = self._store.progress(self._group, partition).state
        return self._store.state(self._group, partition, at)

    def close(self) -> None:
        """Give back what is owned."""
        if self._closed:
            return
        self._closed = True
        with suppress(Unavailable):
            self._pass_over()
        if self._consumer is not None:
            with suppress(self._clients.kafka.KafkaException, self._clients.kafka.KafkaError, RuntimeError):
                self._consumer.close()
        for partition in self.owned:
            self._lose(partition)

    def _joined(self) -> Any:
        if self._consumer is None:
            self._clients.prepare()
            consumer = self._clients.consumer(
                self._group,
                **{
                    "session.timeout.ms": int(self._session * 1000),
                    "heartbeat.interval.ms": int(self._session * 100),
                    "max.poll.interval.ms": int(max(_SILENT * self._lease, self._session) * 1000),
                    # Only what moves from one member to another is given back when somebody joins.
                    "partition.assignment.strategy": "cooperative-sticky",
                },
            )
            consumer.subscribe([self._topic], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke)
            self._consumer = consumer
        return self._consumer

    def _assign(self, consumer: Any, places: Sequence[Any]) -> None:
        """Called by Kafka's client inside `consume`: what it is told to read here is begun in `read`."""
        consumer.incremental_assign([])
        self._waiting |= {place.partition for place in places}

    def _revoke(self, consumer: Any, places: Sequence[Any]) -> None:
        with suppress(Unavailable):
            self._pass_over()
        begun = [place for place in places if place.partition in self._flights]
        for place in places:
            self._waiting.discard(place.partition)
            self._refused.discard(place.partition)
            self._lose(place.partition)
        consumer.incremental_unassign(begun)

    def _begin(self, partition: int) -> None:
        progress = self._store.progress(self._group, partition)
        step = progress.step
        place = self._clients.kafka.TopicPartition(self._topic, partition, self._start(partition, int(step.low)))
        self._consumer.incremental_assign([place])
        self._waiting.discard(partition)
        self._flights[partition] = Flight(partition, step.low, step.marks, step.done)
        self._states[partition] = progress.state

    def _start(self, partition: int, low: int) -> int:
        """The first place that is to be read and is still there. What is no more is noticed by the numbers."""
        place = self._clients.kafka.TopicPartition(self._topic, partition)
        oldest, end = self._clients.helper(self._group).get_watermark_offsets(place, timeout=self._clients.answer)
        return low if oldest <= low <= end else int(oldest)

    def _lose(self, partition: int) -> None:
        flight = self._flights.pop(partition, None)
        if flight is not None:
            self._missing += missing_in({partition: flight}, self._ready)
        self._states.pop(partition, None)
        self._ready = deque(entry for entry in self._ready if entry.message.partition != partition)

    def _take(self, message: Any) -> None:
        flight = self._flights.get(message.partition())
        error = message.error()
        if flight is None:
            return
        if error is None:
            entry = entry_of(message)
            mark = Mark(entry.message.number, entry.message.stamp)
            if flight.take(entry.cursor, entry.message.writer, mark, dict):
                self._ready.append(entry)
        elif error.code() == self._clients.kafka.KafkaError._AUTO_OFFSET_RESET:
            # The cluster has removed what comes next: go on with the oldest that is there.
            place = self._clients.kafka.TopicPartition(self._topic, message.partition())
            self._consumer.incremental_unassign([place])
            place.offset = self._start(message.partition(), int(flight.position))
            self._consumer.incremental_assign([place])
        elif error.code() != self._clients.kafka.KafkaError._PARTITION_EOF and not error.retriable():
            raise self._clients.unavailable(error)

    def _look_after(self) -> None:
        """Once a second: whether the cluster is there, as silence does not tell, and what was passed over."""
        self._next = monotonic() + 1.0
        if not self._ready:
            self._consumer.list_topics(self._topic, timeout=self._clients.answer)
        self._pass_over()

    def _pass_over(self) -> None:
        """What was told to be missing is not told to the next owner: but a state that counts it comes first."""
        for partition, flight in list(self._flights.items()):
            if not flight.missing and not self._saves and flight.settle() is not None:
                self._commit(partition)

    def _commit(self, partition: int, state: bytes | None = None) -> bool:
        """Whether the partition was still this member's, and what is settled and the state are stored."""
        flight, kafka = self._flights[partition], self._clients.kafka
        progress = Progress(flight.whole(), self._states[partition])
        try:
            stored = self._store.commit(self._consumer, self._group, partition, progress, state)
        except kafka.KafkaException as error:
            if error.args[0].code() in (kafka.KafkaError.ILLEGAL_GENERATION, kafka.KafkaError.UNKNOWN_MEMBER_ID):
                self._lose(partition)
                # Kafka says nothing about what stays here over a rebalance: without this, nobody would read it.
                self._refused.add(partition)
                with suppress(kafka.KafkaException):
                    self._consumer.incremental_unassign([kafka.TopicPartition(self._topic, partition)])
                return False
            if error.args[0].code() == kafka.KafkaError.REBALANCE_IN_PROGRESS and state is None:
                return True  # it is stored with the next step, or before the partition is given back
            raise self._clients.unavailable(error) from error
        self._states[partition] = stored.state
        flight.stored()
        return True


def headers(message: Message) -> tuple[tuple[str, bytes], ...]:
    """What a message has beside its payload."""
    return (("w", message.writer.encode()), ("n", b"%d" % message.number), ("s", b"%d" % message.stamp))


def entry_of(message: Any) -> Entry:
    """A message as Kafka hands it out. What somebody else has put there has the number 0: it is passed over."""
    fields: Mapping[str, bytes] = dict(message.headers() or ())
    try:
        writer, number, stamp = fields["w"].decode(), int(fields["n"]), int(fields["s"])
    except (KeyError, ValueError):
        writer, number, stamp = "", 0, 0
    found = Message(message.partition(), writer, number, stamp, message.value() or b"")
    return Entry(found, str(message.offset() + 1))
