"""A topic in librdkafka's mock cluster that stops, removes what is old, or has a member that is killed.

The mock keeps 5 MiB of each partition: what is put in beyond that removes the oldest, as the limits of a topic do.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException

from httptee.journal import Appended
from httptee.journal.engines import Engine, Entry, Member, Message, Missing, TooLarge, Unavailable, open_engine
from httptee.journal.engines.kafka_store import KafkaStore
from tests.support.house import ROOT
from tests.support.kafka_cluster import KafkaCluster
from tests.support.net import eventually, refusing_port
from tests.support.process import Program
from tests.support.tls import Authority

pytestmark = pytest.mark.integration

PARTITIONS = 4
LEASE = 1.0
KEPT = 5 * 1024 * 1024  # bytes


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaCluster]:
    with KafkaCluster(brokers=3) as cluster:
        yield cluster


@contextmanager
def opened(cluster: KafkaCluster, topic: str) -> Iterator[Engine]:
    engine = open_engine(cluster.address(topic), lease=LEASE)
    try:
        yield engine
    finally:
        engine.close()


def message(number: int, partition: int = 0, size: int = 10) -> Message:
    return Message(partition, "w", number, time.time_ns(), bytes(size))


def numbers(entries: list[Entry]) -> list[int]:
    return [entry.message.number for entry in entries]


def read(member: Member, count: int) -> list[Entry]:
    found: list[Entry] = []
    eventually(lambda: found.extend(member.read(count - len(found), 0.1)) or len(found) >= count, "all messages", 60)
    return found


def test_a_record_of_a_mebibyte_comes_back_as_it_was(kafka: KafkaCluster) -> None:
    record = os.urandom(1 << 20)
    with opened(kafka, "large") as engine:
        assert engine.append([Message(2, "w", 1, 7, record)]) is Appended.COMMITTED, engine.error
        (entry,) = read(engine.join("g"), 1)
        assert entry.message.payload == record


def test_a_record_that_is_too_large_is_refused_for_good_and_the_others_are_taken(kafka: KafkaCluster) -> None:
    with opened(kafka, "too-large") as engine:
        large = message(2, size=(64 << 20) + 1)
        with pytest.raises(TooLarge, match="too large"):
            engine.append([message(1), large, message(3)])
        assert engine.append([message(1)]) is Appended.COMMITTED
        with pytest.raises(TooLarge):
            engine.append([large])
        assert engine.append([message(2), message(3)]) is Appended.COMMITTED
        assert numbers(read(engine.join("g"), 3)) == [1, 2, 3]


def test_how_much_waits_is_known_without_the_states(kafka: KafkaCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(kafka, "depth") as engine:
        engine.append([message(number) for number in range(1, 11)])
        member = engine.join("g")
        entries = read(member, 10)
        assert member.save(0, bytes(10_000), entries[3].cursor)
        member.settle(entries[6:9])
        monkeypatch.setattr(KafkaStore, "_message", None)
        assert engine.depth("g") == 3


def test_what_the_cluster_removed_before_anybody_read_it_is_missing_with_its_interval(kafka: KafkaCluster) -> None:
    with opened(kafka, "removed") as engine:
        messages = [message(number, size=500_000) for number in range(1, 31)]
        for one in messages:
            assert engine.append([one]) is Appended.COMMITTED, engine.error
        member = engine.join("g")
        entries = read(member, 1)
        eventually(lambda: entries.extend(member.read(10, 0.1)) or numbers(entries)[-1] == 30, "the last one")
        (missing,) = member.missing()
        assert missing.count + len(entries) == 30
        assert missing.count >= 30 - KEPT // 500_000
        assert (missing.first, missing.since) == (1, 0)
        assert missing.until == messages[missing.last].stamp


def test_what_the_cluster_removed_in_front_of_a_reader_is_missing_with_its_interval(kafka: KafkaCluster) -> None:
    with opened(kafka, "behind") as engine:
        first = [message(number, size=100) for number in range(1, 4)]
        assert engine.append(first) is Appended.COMMITTED, engine.error
        member = engine.join("g")
        member.settle(read(member, 3))
        member.close()
        for number in range(4, 34):
            assert engine.append([message(number, size=500_000)]) is Appended.COMMITTED, engine.error
        follower = engine.join("g")
        entries: list[Entry] = []
        eventually(lambda: entries.extend(follower.read(10, 0.1)) or numbers(entries)[-1:] == [33], "the last one", 60)
        (missing,) = follower.missing()
        assert missing.first == 4
        assert missing.since == first[-1].stamp
        assert missing.count + len(entries) == 30
        follower.settle(entries)
        assert engine.depth("g") == 0


def test_what_the_cluster_removes_while_a_reader_does_not_read_is_missing(kafka: KafkaCluster) -> None:
    with opened(kafka, "under") as engine:
        assert engine.append([message(1)]) is Appended.COMMITTED, engine.error
        member = engine.join("g")
        member.settle(read(member, 1))
        for number in range(2, 62):
            assert engine.append([message(number, size=900_000)]) is Appended.COMMITTED, engine.error
        entries: list[Entry] = []
        missing: list[Missing] = []

        def all_known() -> bool:
            entries.extend(member.read(10, 0.1))
            missing.extend(member.missing())
            return len(entries) + sum(one.count for one in missing) == 60

        eventually(all_known, "what is read and what is missing", 60)
        assert numbers(entries)[-1] == 61
        assert missing
        assert all(0 < one.since < one.until for one in missing)


def test_a_cluster_that_stops_takes_nothing_and_goes_on_without_a_gap(kafka: KafkaCluster) -> None:
    with opened(kafka, "stopped") as engine, opened(kafka, "stopped") as other:
        assert engine.append([message(number) for number in range(1, 11)]) is Appended.COMMITTED, engine.error
        member = other.join("g")
        entries = read(member, 10)
        kafka.pause()
        try:
            batch = [message(number) for number in range(11, 21)]
            assert engine.append(batch) is Appended.UNAVAILABLE
            assert engine.error.startswith(f"{engine.label}: ")
            assert "\n" not in engine.error
            with pytest.raises(Unavailable):
                eventually(lambda: member.read(10, 0.1), "no answer")
        finally:
            kafka.proceed()
        eventually(lambda: engine.append(batch) is Appended.COMMITTED, "the cluster")
        assert engine.append([message(number) for number in range(21, 31)]) is Appended.COMMITTED, engine.error

        def goes_on() -> bool:
            try:
                entries.extend(member.read(10, 0.1))
            except Unavailable:
                return False
            return {*numbers(entries)} == set(range(1, 31))

        eventually(goes_on, "the rest", 60)
        assert member.missing() == []


READER = """
import sys
from httptee.journal.engines import Unavailable, open_engine
member = open_engine(sys.argv[1], lease=1).join("g")
entries, saved = [], None
while saved is None:
    try:
        entries += member.read(10, 0.1)
        saved = member.save(1, b"four", entries[3].cursor) if len(entries) == 10 else None
    except Unavailable:
        pass
print("saved", saved, flush=True)
while True:
    member.read(10, 0.1)
"""


def test_the_partitions_of_a_member_that_was_killed_go_to_another_with_their_state(kafka: KafkaCluster) -> None:
    with opened(kafka, "killed") as engine:
        assert engine.append([message(number, 1) for number in range(1, 11)]) is Appended.COMMITTED, engine.error
        command = [sys.executable, "-c", READER, kafka.address("killed")]
        program = Program(command, env={"PYTHONPATH": str(ROOT)})
        try:
            program.wait_for_line("^saved True$")
        finally:
            program.kill()
        member = engine.join("g")
        assert numbers(read(member, 6)) == list(range(5, 11))
        assert member.load(1) == b"four"
        assert member.missing() == []
        assert member.save(1, b"eight", "8")
        assert (member.load(1), engine.depth("g")) == (b"eight", 2)


def test_a_member_that_did_not_read_for_long_can_save_nothing_any_more(kafka: KafkaCluster) -> None:
    with opened(kafka, "silent") as engine, opened(kafka, "silent") as other:
        assert engine.append([message(number) for number in range(1, 11)]) is Appended.COMMITTED, engine.error
        first, second = engine.join("g"), other.join("g")
        entries = read(first, 10)
        assert first.save(0, b"two", entries[1].cursor)
        assert numbers(read(second, 8)) == list(range(3, 11))
        assert not first.save(0, b"too late", entries[9].cursor)
        assert second.load(0) == b"two"
        assert second.save(0, b"three", entries[2].cursor)
        assert engine.depth("g") == 7


def test_a_progress_that_is_too_long_for_a_commit_is_stored_beside_the_topic(kafka: KafkaCluster) -> None:
    with opened(kafka, "long") as engine:
        messages = [Message(0, f"writer-{number:04}", 1, number, b"") for number in range(1, 301)]
        assert engine.append(messages) is Appended.COMMITTED, engine.error
        member = engine.join("g")
        entries = read(member, 300)
        assert member.save(0, b"state", "")
        member.settle(entries[:100] + entries[150:])
        member.close()
        follower = engine.join("g")
        assert [entry.message.stamp for entry in read(follower, 50)] == list(range(101, 151))
        assert follower.load(0) == b"state"
        assert engine.append([Message(0, "writer-0001", 2, 301, b"")]) is Appended.COMMITTED
        assert len(read(follower, 1)) == 1
        assert follower.missing() == []


def test_what_somebody_else_has_put_there_is_passed_over(kafka: KafkaCluster) -> None:
    from confluent_kafka import Producer

    with opened(kafka, "foreign") as engine:
        assert engine.append([message(1)]) is Appended.COMMITTED, engine.error
        producer = Producer({"bootstrap.servers": kafka.hosts, "log_level": 0})
        producer.produce("foreign", b"hello", partition=0)
        producer.flush(10)
        assert engine.append([message(2)]) is Appended.COMMITTED, engine.error
        member = engine.join("g")
        entries = read(member, 2)
        assert numbers(entries) == [1, 2]
        member.settle(entries)
        assert engine.depth("g") == 0


def test_a_cluster_that_is_not_there_is_told_in_one_line() -> None:
    with refusing_port() as port:
        engine = open_engine(f"kafka://127.0.0.1:{port}/topic")
        assert engine.append([message(1)]) is Appended.UNAVAILABLE
        assert engine.error.startswith(f"kafka://127.0.0.1:{port}/topic: ")
        assert engine.error.endswith("Connection refused")
        assert "\n" not in engine.error
        with pytest.raises(Unavailable):
            engine.join("g").read(1)
        with pytest.raises(Unavailable):
            engine.documents("")
        engine.close()


def test_a_topic_has_as_many_partitions_as_the_address_says(kafka: KafkaCluster) -> None:
    with opened(kafka, "parts") as engine:
        assert engine.append([message(1)]) is Appended.COMMITTED, engine.error
        other = open_engine(kafka.address("parts", "?partitions=8"))
        assert other.append([message(2)]) is Appended.UNAVAILABLE
        assert other.error == f"{other.label}: the topic has 4 partitions, not 8"
        other.close()


def test_a_child_of_a_process_that_uses_an_engine_has_clients_of_its_own(kafka: KafkaCluster, tmp_path: Path) -> None:
    with opened(kafka, "forked") as engine:
        assert engine.append([message(1)]) is Appended.COMMITTED, engine.error
        child = os.fork()
        if not child:
            os._exit(0 if engine.append([message(2)]) is Appended.COMMITTED else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert engine.append([message(3)]) is Appended.COMMITTED, engine.error
        assert numbers(read(engine.join("g"), 3)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("&tls=1&ca={ca}&cert={cert}", ": ssl://"),
        ("&password-file={password}", ": sasl_plaintext://"),
        ("&tls=1&ca={ca}&sasl=PLAIN&password-file={password}", ": sasl_ssl://"),
    ],
)
def test_a_cluster_that_speaks_otherwise_is_told_with_the_reason(
    kafka: KafkaCluster, tmp_path: Path, more: str, reason: str
) -> None:
    """The mock speaks neither TLS nor SASL: that both are asked for is all that can be seen."""
    authority, password = Authority(tmp_path), tmp_path / "password"
    password.write_text("sesame")
    more = more.format(ca=authority.file, cert=authority.issue(), password=password)
    engine = open_engine(kafka.address("other").replace("//", "//tee@" if "password" in more else "//") + more)
    assert engine.append([message(1)]) is Appended.UNAVAILABLE
    assert reason in engine.error
    assert "sesame" not in engine.error
    engine.close()


def test_a_partition_whose_commit_was_refused_is_read_again_if_it_is_still_this_members(
    kafka: KafkaCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(kafka, "refused") as engine:
        engine.append([message(number) for number in range(1, 6)])
        member = engine.join("g")
        entries = read(member, 5)
        assert member.save(0, b"two", entries[1].cursor)

        def refused(*_: object) -> None:
            raise KafkaException(KafkaError(KafkaError.ILLEGAL_GENERATION))

        with monkeypatch.context() as patched:
            patched.setattr(KafkaStore, "commit", refused)
            assert not member.save(0, b"five", entries[4].cursor)
        assert 0 not in member.owned
        member.read(10)
        assert 0 not in member.owned  # for one call: whoever counts must load the state anew
        assert numbers(read(member, 3)) == [3, 4, 5]
        assert member.load(0) == b"two"
        assert member.save(0, b"five", entries[4].cursor)
        assert engine.depth("g") == 0
