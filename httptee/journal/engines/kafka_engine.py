"""A topic of Kafka: one of its partitions for each of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from typing import Any

from httptee.journal import Appended
from httptee.journal.engines.address import Address, check_name
from httptee.journal.engines.engine import Entry, Message, TooLarge, Trimmed, Unavailable
from httptee.journal.engines.flight import told
from httptee.journal.engines.kafka_clients import KafkaClients, Sent
from httptee.journal.engines.kafka_member import KafkaMember, entry_of, headers
from httptee.journal.engines.kafka_store import KafkaStore
from httptee.journal.engines.numbers import Missing, Numbers

_LARGE = 128 * 1024  # bytes


class KafkaEngine:
    """A topic of a Kafka cluster. Connects when it is first used.

    `lease`: seconds after which the partitions of a member that was killed are free; 6 at least. What is settled stays
    in the topic: its own limits remove it.
    """

    def __init__(self, address: Address, lease: float = 10.0) -> None:
        """Raises ValueError: a library or a file is missing."""
        self._address = address
        self._lease = lease
        self._clients = KafkaClients(address)
        self._store = KafkaStore(self._clients, address.topic, address.partitions)
        self._members: list[KafkaMember] = []
        self._error = ""

    def __repr__(self) -> str:
        return f"<KafkaEngine {self.label}>"

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
        """Put messages in. What is put in again is there twice, and readers drop the second one by its number. Raises
        TooLarge."""
        try:
            for batch in _batches(messages):
                self._clients.send(
                    [
                        Sent(self._address.topic, one.partition, one.payload, None, headers(one), one.stamp)
                        for one in batch
                    ]
                )
        except TooLarge:
            raise
        except Unavailable as error:
            self._error = str(error)
            return Appended.UNAVAILABLE
        self._error = ""
        return Appended.COMMITTED

    def join(self, group: str) -> KafkaMember:
        """A new member of a group. Raises ValueError: the name has other characters than letters, digits, . _ -"""
        member = KafkaMember(self._clients, self._store, self._address.topic, check_name(group), self._lease)
        self._members.append(member)
        return member

    def scan(self, partition: int) -> Iterator[Entry | Missing]:
        """What is in a partition now, and what is missing there."""
        numbers = Numbers(partition)
        for message in self._messages(self._address.topic, partition):
            yield from told(entry_of(message), numbers, {})

    def apart(self) -> Iterator[tuple[Entry, str]]:
        """What was set aside."""
        for partition in range(self.partitions):
            for message in self._messages(f"{self._address.topic}.aside", partition):
                fields = dict(message.headers() or ())
                yield entry_of(message), fields.get("reason", b"").decode(errors="replace")

    def _messages(self, topic: str, partition: int) -> Iterator[Any]:
        """All messages of a partition that are there now. Raises Unavailable."""
        clients = self._clients
        clients.prepare()
        consumer = clients.consumer("httptee")
        try:
            place = clients.kafka.TopicPartition(topic, partition)
            at, high = consumer.get_watermark_offsets(place, timeout=clients.answer)
            place.offset = at
            consumer.assign([place])
            end = monotonic() + clients.answer
            while at < high:
                for message in consumer.consume(1000, 0.2):
                    if message.error() is None and message.offset() < high:
                        yield message
                        at, end = message.offset() + 1, monotonic() + clients.answer
                    elif message.error() is not None:
                        at = self._ended(message.error(), high)
                if at < high and monotonic() > end:
                    raise clients.unavailable("no answer in time")
        except clients.kafka.KafkaException as error:
            raise clients.unavailable(error) from error
        finally:
            consumer.close()

    def depth(self, group: str) -> int:
        """How many messages that the group has not settled are in the topic; one that is there twice counts twice."""
        clients, depth = self._clients, 0
        clients.prepare()
        for partition, (settled, beyond) in enumerate(self._store.settled(group)):
            place = clients.kafka.TopicPartition(self._address.topic, partition)
            try:
                low, high = clients.helper(group).get_watermark_offsets(place, timeout=clients.answer)
            except clients.kafka.KafkaException as error:
                raise clients.unavailable(error) from error
            depth += high - max(low, min(high, settled)) - beyond
        return max(0, depth)

    def trim(self, most_bytes: int, most_seconds: float) -> Trimmed:
        """Nothing: the cluster removes what the topic's own limits say, and readers notice it by the numbers."""
        return Trimmed()

    def put(self, name: str, document: bytes) -> None:
        """Store a document beside the topic, in place of an earlier one of this name."""
        self._store.put(name, document)

    def documents(self, prefix: str) -> Mapping[str, bytes]:
        """The documents whose names begin with `prefix`."""
        return self._store.documents(prefix)

    def close(self) -> None:
        """Give back what its members own, and close all clients."""
        while self._members:
            self._members.pop().close()
        self._store.close()
        self._clients.close()

    def _ended(self, error: Any, high: int) -> int:
        """The place behind the end, or Unavailable."""
        if error.code() == self._clients.kafka.KafkaError._PARTITION_EOF:
            return high
        raise self._clients.unavailable(error)


def _batches(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """In their order, a large one by itself: if it is too large, none that follows is in the topic before it."""
    start = 0
    for at, message in enumerate(messages):
        if len(message.payload) >= _LARGE:
            if start < at:
                yield messages[start:at]
            yield messages[at : at + 1]
            start = at + 1
    if start < len(messages):
        yield messages[start:]
