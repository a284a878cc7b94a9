"""What is kept beside a topic of Kafka: how far a group is, its states, and documents.

How far a group is in a partition is committed as Kafka does it: the offset is the low mark, and what belongs to it is
in the metadata of the commit, of which Kafka takes 4,096 bytes. A state, and what does not fit there, is a message in
`TOPIC.state`, and the commit says where: so both are stored by the commit, which Kafka refuses to a member that is
not in the group any more.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

from httptee.journal.engines.flight import Step
from httptee.journal.engines.kafka_clients import KafkaClients, Sent
from httptee.journal.engines.numbers import Mark

_MOST_METADATA = 3_500  # bytes


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a group is in a partition. `state` is the place of the last state in `TOPIC.state`, or -1."""

    step: Step = field(default_factory=lambda: Step("0"))
    state: int = -1


class KafkaStore:
    """The stored things of a topic."""

    def __init__(self, clients: KafkaClients, topic: str, partitions: int) -> None:
        self._clients = clients
        self._topic = topic
        self._partitions = partitions
        self._lock = threading.Lock()
        self._reader: Any = None
        self._read = 0
        self._documents: dict[str, bytes] = {}

    def progress(self, group: str, partition: int) -> Progress:
        """How far the group is. Raises Unavailable."""
        clients = self._clients
        try:
            (found,) = clients.helper(group).committed(
                [clients.kafka.TopicPartition(self._topic, partition)], timeout=clients.answer
            )
        except clients.kafka.KafkaException as error:
            raise clients.unavailable(error) from error
        if found.offset < 0:
            return Progress()
        values = json.loads(found.metadata or "{}")
        if "p" in values:
            stored = self._message(group, partition, values["p"])
            headers = dict(stored.headers() or ()) if stored is not None else {}
            values = {**json.loads(headers.get("progress", b"{}")), **values}
        return Progress(replace(_unpacked(values), low=str(found.offset)), values.get("s", -1))

    def settled(self, group: str) -> list[tuple[int, int]]:
        """The low mark of each partition, and how many messages beyond it are settled. One question for all: it is
        asked many times a second. Raises Unavailable."""
        clients = self._clients
        places = [clients.kafka.TopicPartition(self._topic, partition) for partition in range(self._partitions)]
        try:
            found = clients.helper(group).committed(places, timeout=clients.answer)
        except clients.kafka.KafkaException as error:
            raise clients.unavailable(error) from error
        values = [json.loads(each.metadata or "{}") if each.offset >= 0 else {} for each in found]
        return [
            (max(0, each.offset), value.get("n", len(value.get("d", ()))))
            for each, value in zip(found, values, strict=True)
        ]

    def commit(self, consumer: Any, group: str, partition: int, progress: Progress, state: bytes | None) -> Progress:
        """Store how far a member is, and a state. Raises KafkaException, or Unavailable."""
        values = _packed(progress)
        text = json.dumps(values, separators=(",", ":"))
        if state is not None or len(text) > _MOST_METADATA:
            headers = [("progress", text.encode())]
            key = f"{group}/{partition}".encode()
            kept = state if state is not None else b""
            (at,) = self._clients.send([Sent(f"{self._topic}.state", partition, kept, key, headers)])
            if state is not None:
                progress = replace(progress, state=at)
            text = json.dumps({"p": at, "s": progress.state, "n": len(progress.step.done)})
        place = self._clients.kafka.TopicPartition(self._topic, partition, int(progress.step.low), text)
        (found,) = consumer.commit(offsets=[place], asynchronous=False)
        if found.error is not None:
            raise self._clients.kafka.KafkaException(found.error)
        return progress

    def state(self, group: str, partition: int, at: int) -> bytes | None:
        """The state at a place. Raises Unavailable."""
        message = self._message(group, partition, at) if at >= 0 else None
        return (message.value() or b"") if message is not None else None

    def put(self, name: str, document: bytes) -> None:
        """Store a document. Raises Unavailable."""
        self._clients.send([Sent(f"{self._topic}.documents", 0, document, name.encode())])

    def documents(self, prefix: str) -> Mapping[str, bytes]:
        """The documents by the beginning of their names. Raises Unavailable."""
        clients, topic = self._clients, f"{self._topic}.documents"
        clients.prepare()
        with self._lock:
            try:
                if self._reader is None:
                    self._reader = clients.consumer("httptee")
                    self._reader.assign([clients.kafka.TopicPartition(topic, 0, clients.kafka.OFFSET_BEGINNING)])
                place = clients.kafka.TopicPartition(topic, 0)
                _, high = self._reader.get_watermark_offsets(place, timeout=clients.answer)
                end = monotonic() + clients.answer
                while self._read < high:
                    if monotonic() > end:
                        raise clients.unavailable("no answer in time")
                    self._take(high)
            except clients.kafka.KafkaException as error:
                raise clients.unavailable(error) from error
            return {name: document for name, document in self._documents.items() if name.startswith(prefix)}

    def close(self) -> None:
        """Close what reads the documents."""
        with self._lock:
            reader, self._reader, self._read = self._reader, None, 0
        if reader is not None:
            reader.close()

    def _take(self, high: int) -> None:
        for message in self._reader.consume(1000, 0.2):
            if message.error() is None:
                self._documents[(message.key() or b"").decode(errors="replace")] = message.value() or b""
                self._read = message.offset() + 1
            elif message.error().code() == self._clients.kafka.KafkaError._PARTITION_EOF:
                self._read = high  # compaction may have removed the last ones

    def _message(self, group: str, partition: int, at: int) -> Any:
        """The message of a group at a place, or the next one: a later one of the same key may have taken its place."""
        clients, key = self._clients, f"{group}/{partition}".encode()
        helper, end = clients.helper(group), monotonic() + clients.answer
        try:
            helper.assign([clients.kafka.TopicPartition(f"{self._topic}.state", partition, at)])
            while monotonic() < end:
                message = helper.poll(0.2)
                if message is not None and message.error() is None and message.key() == key:
                    return message
                if message is not None and message.error() is not None:
                    if message.error().code() == clients.kafka.KafkaError._PARTITION_EOF:
                        return None
                    raise clients.unavailable(message.error())
        except clients.kafka.KafkaException as error:
            raise clients.unavailable(error) from error
        finally:
            helper.unassign()
        raise clients.unavailable("no answer in time")


def _packed(progress: Progress) -> dict[str, Any]:
    step = progress.step
    return {
        "m": {writer: [mark.number, mark.stamp] for writer, mark in step.marks.items()},
        "d": {cursor: [writer, mark.number, mark.stamp] for cursor, (writer, mark) in step.done.items()},
        "s": progress.state,
    }


def _unpacked(values: Mapping[str, Any]) -> Step:
    marks = {writer: Mark(*mark) for writer, mark in values.get("m", {}).items()}
    done = {cursor: (writer, Mark(*mark)) for cursor, (writer, *mark) in values.get("d", {}).items()}
    return Step("", marks, done)
