"""What holds for every engine: the same tests against the one in memory and against a real Redis."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from httptee.journal import Appended
from httptee.journal.engines import Engine, Entry, Member, Message, Missing, open_engine
from tests.support.engine import MemoryEngine
from tests.support.kafka_cluster import KafkaCluster
from tests.support.net import eventually
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.integration

LEASE = 0.5
PARTITIONS = 4


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


class Topic:
    """A topic that a test opens as often as it likes: each time as another process would."""

    def __init__(self, connect: Callable[..., Any], stack: ExitStack) -> None:
        self._connect = connect
        self._stack = stack
        self._engine: Engine | None = None

    def open(self, **options: Any) -> Engine:
        engine: Engine = self._connect(**options)
        self._stack.callback(engine.close)
        return engine


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaCluster]:
    with KafkaCluster() as cluster:
        yield cluster


@pytest.fixture(params=["memory", "redis", "kafka"])
def topic(request: pytest.FixtureRequest, redis: RedisServer, kafka: KafkaCluster) -> Iterator[Topic]:
    with ExitStack() as stack:
        if request.param == "memory":
            engines: dict[str, MemoryEngine] = {}

            def connect(keep: bool = False) -> Engine:
                return engines.setdefault("topic", MemoryEngine(PARTITIONS, keep))
        elif request.param == "kafka":
            address = kafka.address(re.sub(r"\W", "_", request.node.name))

            def connect(keep: bool = False) -> Engine:
                return open_engine(address, lease=LEASE, keep=keep)
        else:
            redis.ask("FLUSHALL")
            address = redis.address("topic", f"?partitions={PARTITIONS}")

            def connect(keep: bool = False) -> Engine:
                return open_engine(address, lease=LEASE, keep=keep)

        yield Topic(connect, stack)


NOT_KAFKA = pytest.mark.parametrize("topic", ["memory", "redis"], indirect=True)
"""What Kafka decides by itself: it keeps what is settled, and takes a partition back at once."""


def message(number: int, partition: int = 0, writer: str = "w", payload: bytes = b"payload") -> Message:
    return Message(partition, writer, number, 1_000 * number, payload)


def fill(engine: Engine, count: int, partition: int = 0, first: int = 1) -> None:
    assert engine.append([message(number, partition) for number in range(first, first + count)]) is Appended.COMMITTED


def numbers(entries: list[Entry]) -> list[int]:
    return [entry.message.number for entry in entries]


def read(member: Member, count: int, patience: str = "all messages") -> list[Entry]:
    """So many messages, whenever they come; and then no more."""
    found: list[Entry] = []
    eventually(lambda: found.extend(member.read(count - len(found), 0.05)) or len(found) >= count, patience)
    return found


def owning(member: Member, count: int) -> None:
    eventually(lambda: member.read(0) or len(member.owned) == count, f"{count} partitions")


def test_what_is_put_in_is_read_in_order_with_all_it_has(topic: Topic) -> None:
    engine = topic.open()
    messages = [Message(1, "writer", number, 10**18 + number, bytes([number]) * number) for number in range(1, 100)]
    assert engine.append(messages) is Appended.COMMITTED
    assert [entry.message for entry in read(engine.join("g"), 99)] == messages


def test_no_more_than_the_limit_is_read_at_once(topic: Topic) -> None:
    engine = topic.open()
    for partition in range(PARTITIONS):
        fill(engine, 10, partition)
    member = engine.join("g")
    found: list[int] = []
    eventually(lambda: found.append(len(member.read(7))) or sum(found) == 40, "all of them")
    assert max(found) <= 7


def test_a_batch_that_is_put_in_twice_is_there_once(topic: Topic) -> None:
    engine = topic.open()
    fill(engine, 10)
    fill(engine, 12)
    member = engine.join("g")
    assert numbers(read(member, 12)) == list(range(1, 13))
    assert member.read(10) == []
    assert member.missing() == []


def test_what_one_member_has_settled_the_next_does_not_read(topic: Topic) -> None:
    engine = topic.open()
    fill(engine, 10)
    first = engine.join("g")
    entries = read(first, 10)
    first.settle(entries[:4])
    first.settle([entries[6]])
    assert engine.depth("g") == 5
    first.close()
    second = topic.open().join("g")
    assert numbers(read(second, 5)) == [5, 6, 8, 9, 10]
    assert second.missing() == []


def test_all_that_is_settled_out_of_turn_is_gone_in_the_end(topic: Topic) -> None:
    engine = topic.open()
    fill(engine, 20)
    member = engine.join("g")
    entries = read(member, 20)
    for start in (7, 3, 0, 5, 1, 6, 2, 4):
        member.settle(entries[start::8])
    assert engine.depth("g") == 0
    fill(engine, 1, first=21)
    assert numbers(read(member, 1)) == [21]
    assert member.missing() == []


def test_members_share_the_partitions(topic: Topic) -> None:
    first, second = topic.open().join("g"), topic.open().join("g")
    owning(first, PARTITIONS)
    eventually(lambda: (first.read(1), second.read(1)) and len(second.owned) == PARTITIONS // 2, "half of them")
    assert not first.owned & second.owned
    assert first.owned | second.owned == set(range(PARTITIONS))
    second.close()
    owning(first, PARTITIONS)


@NOT_KAFKA
def test_a_partition_is_given_back_once_what_was_read_is_settled(topic: Topic) -> None:
    engine = topic.open()
    for partition in range(PARTITIONS):
        fill(engine, 3, partition)
    first, second = engine.join("g"), topic.open().join("g")
    entries = read(first, 3 * PARTITIONS)
    for _ in range(10):
        assert second.read(10) == []
        assert first.read(10) == []
    first.settle(entries)
    eventually(lambda: (first.read(1), second.read(1)) and len(second.owned) == PARTITIONS // 2, "half of them")
    assert second.missing() == []


def test_groups_read_the_same_messages_each_for_itself(topic: Topic) -> None:
    engine = topic.open()
    one, other = engine.join("one"), engine.join("other")
    owning(one, PARTITIONS)
    owning(other, PARTITIONS)
    fill(engine, 10)
    one.settle(read(one, 10))
    assert engine.depth("one") == 0
    assert engine.depth("other") == 10
    entries = read(other, 10)
    assert numbers(entries) == list(range(1, 11))
    other.settle(entries)
    assert engine.depth("other") == 0


def test_what_is_kept_is_read_by_a_group_that_comes_later(topic: Topic) -> None:
    engine = topic.open(keep=True)
    fill(engine, 10)
    one = engine.join("one")
    entries = read(one, 10)
    one.settle([entries[2]])
    one.settle(entries)
    other = engine.join("other")
    assert numbers(read(other, 10)) == list(range(1, 11))
    assert other.missing() == []


@NOT_KAFKA
def test_what_is_not_kept_is_not_missing_for_a_group_that_comes_later(topic: Topic) -> None:
    engine = topic.open()
    fill(engine, 10)
    one = engine.join("one")
    one.settle(read(one, 10))
    other = engine.join("other")
    owning(other, PARTITIONS)
    fill(engine, 1, first=11)
    assert numbers(read(other, 1)) == [11]
    assert other.missing() == []


def test_a_number_that_is_left_out_is_missing_with_its_interval(topic: Topic) -> None:
    engine = topic.open()
    fill(engine, 5)
    fill(engine, 2, first=9)
    member = engine.join("g")
    read(member, 7)
    (missing,) = member.missing()
    assert (missing.partition, missing.writer, missing.count) == (0, "w", 3)
    assert (missing.since, missing.until) == (5_000, 9_000)
    assert member.missing() == []


def test_what_is_missing_is_told_with_the_message_behind_it(topic: Topic) -> None:
    engine = topic.open()
    member = engine.join("g")
    owning(member, PARTITIONS)
    for partition in range(PARTITIONS):
        fill(engine, 3, partition)
        fill(engine, 3, partition, first=8)
    found: dict[int, list[Entry]] = {partition: [] for partition in range(PARTITIONS)}
    told: list[tuple[int, int, int, int]] = []

    def more() -> bool:
        for entry in member.read(1, 0.05):
            found[entry.message.partition].append(entry)
        told.extend((one.partition, len(found[one.partition]), one.first, one.last) for one in member.missing())
        return sum(map(len, found.values())) == 6 * PARTITIONS

    eventually(more, "all messages")
    assert sorted(told) == [(partition, 4, 4, 7) for partition in range(PARTITIONS)]
    assert member.save(0, b"state", found[0][2].cursor)
    member.close()
    follower = engine.join("g")
    read(follower, 3 + 6 * (PARTITIONS - 1))
    assert (0, 4, 7) in [(one.partition, one.first, one.last) for one in follower.missing()]


def test_a_state_is_stored_with_its_place(topic: Topic) -> None:
    engine = topic.open()
    fill(engine, 10)
    first = engine.join("g")
    entries = read(first, 10)
    assert first.load(0) is None
    assert first.save(0, b"six", entries[5].cursor)
    first.close()
    second = topic.open().join("g")
    assert numbers(read(second, 4)) == [7, 8, 9, 10]
    assert second.load(0) == b"six"
    assert second.save(0, b"still six", "")
    assert second.load(0) == b"still six"
    assert engine.depth("g") == 4


def test_a_partition_that_is_somebody_elses_cannot_be_saved_or_settled(topic: Topic) -> None:
    engine = topic.open()
    fill(engine, 4)
    first, second = engine.join("g"), topic.open().join("g")
    entries = read(first, 4)
    assert not second.save(0, b"not mine", entries[-1].cursor)
    second.settle(entries)
    assert second.load(0) is None
    assert engine.depth("g") == 4


def test_what_is_set_aside_is_not_read_again(topic: Topic) -> None:
    engine = topic.open()
    fill(engine, 3)
    first = engine.join("g")
    entries = read(first, 3)
    first.set_aside(entries[1], "poison")
    first.close()
    assert numbers(read(topic.open().join("g"), 2)) == [1, 3]


def test_documents_are_found_by_the_beginning_of_their_names(topic: Topic) -> None:
    engine = topic.open()
    for name in ("tee/a*", "tee/b", "other"):
        engine.put(name, name.encode())
    engine.put("tee/b", b"\x00\xff")
    assert topic.open().documents("tee/") == {"tee/a*": b"tee/a*", "tee/b": b"\x00\xff"}
    assert engine.documents("tee/a*") == {"tee/a*": b"tee/a*"}
    assert len(engine.documents("")) == 3


def test_a_payload_may_be_empty_or_a_mebibyte(topic: Topic) -> None:
    engine = topic.open()
    assert engine.append([message(1, payload=b""), message(2, payload=bytes(1 << 20))]) is Appended.COMMITTED
    assert [len(entry.message.payload) for entry in read(engine.join("g"), 2)] == [0, 1 << 20]


def test_reading_waits_no_longer_than_it_was_told(topic: Topic) -> None:
    member = topic.open().join("g")
    assert member.read(10) == []
    assert member.read(10, 0.05) == []
    assert member.missing() == []


def test_nothing_is_owned_after_the_end_which_may_come_twice(topic: Topic) -> None:
    engine = topic.open()
    member = engine.join("g")
    owning(member, PARTITIONS)
    member.close()
    member.close()
    assert member.owned == frozenset()
    engine.close()
    engine.close()


def test_a_scan_shows_what_is_there_and_settles_nothing(topic: Topic) -> None:
    engine = topic.open()
    fill(engine, 2_500, partition=1)
    assert scanned_numbers(engine.scan(1)) == list(range(1, 2_501))
    assert list(engine.scan(0)) == []
    scanned = engine.scan(1)
    first = next(scanned)
    fill(engine, 1, partition=1, first=2_501)
    assert scanned_numbers([first, *scanned]) == list(range(1, 2_501))
    assert engine.depth("g") == 2_501


@NOT_KAFKA
def test_a_scan_says_what_is_missing_with_its_interval(topic: Topic) -> None:
    engine = topic.open()
    assert engine.append([message(1), message(2), message(5), message(6)]) is Appended.COMMITTED
    _, _, missing, *more = engine.scan(0)
    assert isinstance(missing, Missing)
    assert (missing.first, missing.last, missing.since, missing.until) == (3, 4, 2000, 5000)
    assert len(more) == 2
    engine.trim(1, 0)
    assert not [found for found in engine.scan(0) if isinstance(found, Missing)]


def scanned_numbers(found: Iterable[Entry | Missing]) -> list[int]:
    return [one.message.number for one in found if isinstance(one, Entry)]
