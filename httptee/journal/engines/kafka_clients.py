"""Clients of a Kafka cluster: made when they are needed, by each process for itself, and made anew after a failure."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

from httptee.journal.engines.address import Address, host_and_port, tls_context
from httptee.journal.engines.engine import TooLarge, Unavailable

ANSWER = 5.0
"""Seconds to wait for an answer of the cluster."""
_LARGEST = 64 * 1024 * 1024  # bytes of a message for this end; the topic has a limit of its own
_QUEUED = 32 * 1024  # KiB that a consumer reads ahead
_BATCH = 256 * 1024  # bytes that are sent as one, less than what a topic takes
_CREATE = 3.0  # seconds to wait for a topic to be made

_STATE = {"cleanup.policy": "compact", "segment.ms": "600000", "min.cleanable.dirty.ratio": "0.1"}
_TOPICS = {"": {"max.message.bytes": str(_LARGEST)}, ".state": _STATE, ".documents": _STATE, ".aside": {}}
"""The topics of a topic, by what is added to its name, as they are made where they do not exist."""


_LET_GO: list[object] = []  # clients of another process: to end one would wait for threads that are not here


@dataclass(frozen=True, slots=True)
class Sent:
    """What is put into a topic. `stamp` is in nanoseconds since the epoch."""

    topic: str
    partition: int
    value: bytes
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    stamp: int = 0


class KafkaClients:
    """The cluster of an address. For any number of threads, and for children that are forked."""

    def __init__(self, address: Address, answer: float = ANSWER) -> None:
        """Connects to nobody yet. Raises ValueError: a library or a file is missing."""
        try:
            import confluent_kafka.admin
        except ImportError as error:
            raise ValueError(f"{address.label}: needs a library: pip install 'httptee[kafka]'") from error
        self.kafka: Any = confluent_kafka
        self.answer = answer
        self._address = address
        self._lock = threading.Lock()
        self._producer: Any = None
        self._helpers: dict[str, Any] = {}
        self._pid = 0
        self._ready = False
        self._reason = ""
        if address.tls:
            tls_context(address)
        self._password = address.password()

    def consumer(self, group: str, **options: Any) -> Any:
        """A new consumer."""
        return self.kafka.Consumer(
            {
                **self._common(),
                "group.id": group,
                "enable.auto.commit": False,
                # What is no longer there is an error: with any other word it would be passed over in silence.
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "queued.max.messages.kbytes": _QUEUED,
                "fetch.message.max.bytes": 1024 * 1024,
                **options,
            }
        )

    def helper(self, group: str) -> Any:
        """A consumer that is no member of its group: it asks for places and for single messages. For one thread."""
        self._after_fork()
        name = f"{group} {threading.get_ident()}"
        if name not in self._helpers:
            self._helpers[name] = self.consumer(group)
        return self._helpers[name]

    def send(self, messages: Sequence[Sent]) -> list[int]:
        """Put messages in, in their order, and wait until each is stored by all brokers that have to: their places.
        Raises Unavailable: some may be stored, in each partition the first ones. TooLarge: the cluster does not take
        one of them."""
        self.prepare()
        with self._lock:
            self._after_fork()
            producer, self._producer = self._producer, None
            try:
                producer = producer or self._new_producer()
            except (self.kafka.KafkaException, ValueError) as error:  # a file with a password that is gone is one
                raise self.unavailable(error) from error
            places: dict[int, int] = {}
            errors: list[Any] = []
            end = monotonic() + self.answer
            try:
                for at, message in enumerate(messages):
                    self._produce(producer, at, message, places, errors, end)
                while len(places) < len(messages) and not errors and monotonic() < end:
                    producer.poll(0.05)
            except (self.kafka.KafkaException, BufferError, ValueError) as error:
                errors.append(error)
            if errors or len(places) < len(messages):
                # What is left is never sent: it would come after what is put in again, with a gap between.
                producer.purge()
                with suppress(self.kafka.KafkaException):
                    producer.flush(0.1)
                raise self.unavailable(errors[0] if errors else self._reason or "no answer in time")
            self._reason = ""
            self._producer = producer
            return [places[at] for at in range(len(messages))]

    def prepare(self) -> None:
        """Make the topics that do not exist, and compare the number of partitions. Raises Unavailable."""
        if self._ready:
            return
        name = self._address.topic
        try:
            names = [name + more for more in _TOPICS if self._partitions(name + more) is None]
            if names:
                self._create(names)
            found = self._partitions(name)
        except (self.kafka.KafkaException, ValueError) as error:
            raise self.unavailable(error) from error
        if found is None:
            raise self.unavailable("the topic does not exist, and cannot be made")
        if found != self._address.partitions:
            raise self.unavailable(f"the topic has {found} partitions, not {self._address.partitions}")
        self._ready = True

    def unavailable(self, error: object) -> Unavailable:
        """One line for a person."""
        what: Any = error.args[0] if isinstance(error, self.kafka.KafkaException) and error.args else error
        known = isinstance(what, self.kafka.KafkaError)
        text = what.str() if known else str(what)
        if known and what.code() in (self.kafka.KafkaError._TRANSPORT, self.kafka.KafkaError._TIMED_OUT):
            with suppress(self.kafka.KafkaException, RuntimeError):
                for _ in range(5):
                    self.helper("httptee").poll(0.02)  # it says by the way why it cannot reach anybody
            text = self._reason or text
        text = " ".join(text.partition(" (after ")[0].split())
        if self._password:
            text = text.replace(self._password, "…")
        large = isinstance(what, self.kafka.KafkaError) and what.code() == self.kafka.KafkaError.MSG_SIZE_TOO_LARGE
        return (TooLarge if large else Unavailable)(f"{self._address.label}: {text[:300]}")

    def close(self) -> None:
        """Close all clients. They are made again when they are needed."""
        with self._lock:
            self._after_fork()
            helpers, self._helpers, self._producer = self._helpers, {}, None
        for helper in helpers.values():
            helper.close()

    def _produce(
        self, producer: Any, at: int, message: Sent, places: dict[int, int], errors: list[Any], end: float
    ) -> None:
        def delivered(error: Any, stored: Any) -> None:
            if error is None:
                places[at] = stored.offset()
            else:
                errors.append(error)

        options = {"key": message.key, "headers": list(message.headers), "timestamp": message.stamp // 1_000_000}
        while True:
            try:
                producer.produce(
                    message.topic, message.value, partition=message.partition, on_delivery=delivered, **options
                )
                return
            except BufferError:
                if monotonic() > end:
                    raise
                producer.poll(0.05)

    def _partitions(self, topic: str) -> int | None:
        """How many a topic has; None if it does not exist."""
        found = self.helper("httptee").list_topics(topic, timeout=self.answer).topics.get(topic)
        return len(found.partitions) or None if found is not None and found.error is None else None

    def _create(self, names: Sequence[str]) -> None:
        count = self._address.partitions
        wanted = [
            self.kafka.admin.NewTopic(name, count, -1, config=_TOPICS[name.removeprefix(self._address.topic)])
            for name in names
        ]
        admin = self.kafka.admin.AdminClient(self._common())
        for future in admin.create_topics(wanted, operation_timeout=_CREATE, request_timeout=_CREATE).values():
            with suppress(self.kafka.KafkaException, self.kafka.KafkaError):
                future.result(_CREATE + 1)
        # A cluster may make topics when they are first asked for, and let nobody else make them.
        with self._lock:
            producer = self._new_producer()
        for name in names:
            producer.list_topics(name, timeout=self.answer)

    def _new_producer(self) -> Any:
        return self.kafka.Producer(
            {
                **self._common(),
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 0,
                "message.max.bytes": _LARGEST,
                "batch.size": _BATCH,
                "message.timeout.ms": 0,  # `send` ends what takes too long: all at once, so that no gap arises
                "compression.type": "none",
            }
        )

    def _common(self) -> dict[str, Any]:
        address = self._address
        hosts = ",".join(host_and_port(host, port) for host, port in address.hosts)
        found: dict[str, Any] = {"bootstrap.servers": hosts, "log_level": 0, "error_cb": self._heard}
        found |= {"socket.connection.setup.timeout.ms": 2_000, "reconnect.backoff.max.ms": 1_000}
        if address.user:
            found |= {"sasl.mechanism": address.sasl, "sasl.username": address.user}
            found["sasl.password"] = address.password()
        if address.tls:
            found |= {"ssl.ca.location": address.ca} if address.ca else {}
            if address.cert:
                found |= {"ssl.certificate.location": address.cert, "ssl.key.location": address.key or address.cert}
        found["security.protocol"] = f"{'SASL_' if address.user else ''}{'SSL' if address.tls else 'PLAINTEXT'}"
        return found

    def _heard(self, error: Any) -> None:
        if error.code() != self.kafka.KafkaError._ALL_BROKERS_DOWN:  # what comes before it says why
            self._reason = error.str()

    def _after_fork(self) -> None:
        """A client of the process before a fork has no threads here. It is let go without a word."""
        if self._pid != os.getpid():
            _LET_GO.append((self._producer, self._helpers))
            self._pid = os.getpid()
            self._producer, self._helpers = None, {}
