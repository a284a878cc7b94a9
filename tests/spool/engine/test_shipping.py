"""What waits in an outbox goes into an engine: in its order, and each clone once by its number."""

import logging
import time
from collections import defaultdict
from dataclasses import replace

import pytest

from httptee.ledger import ShadowLine, SpoolWords
from httptee.spool.counts import DROPPED
from httptee.spool.engine import numbers as numbers_module
from httptee.spool.engine.parcel import unpacked
from httptee.spool.record import encode

from ..spools import a_request, a_sheet, write
from .benches import a_shipping, ship, steps
from .engines import Topic

HANDED = ShadowLine.HANDED_OVER


def messages(topic):
    return [entry.message for entries in topic.entries.values() for entry in entries]


def bodies(topic):
    """The bodies in the topic, by their lanes, what came twice counted once by its number."""
    found, seen = defaultdict(list), set()
    for message in messages(topic):
        key = (message.writer, message.partition, message.number)
        if key not in seen:
            seen.add(key)
            _, clone = unpacked(message.payload)
            found[clone.lane].append(int(clone.body))
    return found


def bodies_or_none(topic):
    return [unpacked(message.payload)[1].body if message.payload else None for message in messages(topic)]


def test_each_lane_is_in_one_partition_in_its_order(tmp_path):
    topic = Topic()
    write(tmp_path, 300, lanes=7)
    words = ship(tmp_path, topic)
    assert words.line[HANDED] == 300
    assert bodies(topic) == {f"lane{lane}": list(range(lane, 300, 7)) for lane in range(7)}
    places = {unpacked(message.payload)[1].lane: message.partition for message in messages(topic)}
    assert len(set(places.values())) > 1
    assert all(places[unpacked(message.payload)[1].lane] == message.partition for message in messages(topic))


def test_a_writer_counts_its_messages_in_each_partition_from_one_without_a_gap(tmp_path):
    topic = Topic()
    write(tmp_path, 100, lanes=9)
    ship(tmp_path, topic)
    write(tmp_path, 50, lanes=9, first=100, number=2)
    ship(tmp_path, topic)
    assert len({message.writer for message in messages(topic)}) == 1
    for entries in topic.entries.values():
        assert [entry.message.number for entry in entries] == list(range(1, len(entries) + 1))


def test_the_id_is_that_of_the_outbox_so_it_is_the_same_at_each_repeat(tmp_path):
    topic = Topic()
    write(tmp_path, 3)
    ship(tmp_path, topic)
    assert [unpacked(message.payload)[0] for message in messages(topic)] == [
        f"20260101T000000abcdef-01-0001-{number}" for number in (1, 2, 3)
    ]


@pytest.mark.parametrize("committed", [True, False])
def test_a_kill_between_the_engine_and_the_outbox_repeats_the_same_numbers(tmp_path, committed):
    topic, words = Topic(), SpoolWords()
    words.put[0] = 1
    write(tmp_path, 40, lanes=5)
    first = a_shipping(tmp_path, topic, words)
    first.begin(lambda: None)
    topic.down = True
    steps(first, lambda: bool(first._messages))
    if committed:
        for message in first._messages:
            topic.add(message)
    first.close()  # killed: nothing was settled
    topic.down = False
    write(tmp_path, 5, lanes=5, first=40, number=2)
    second = a_shipping(tmp_path, topic, words)
    second.begin(lambda: None)
    steps(second, lambda: second.done)
    assert len(messages(topic)) == (85 if committed else 45)
    assert {each: sorted(found) for each, found in bodies(topic).items()} == {
        f"lane{lane}": list(range(lane, 45, 5)) for lane in range(5)
    }
    assert words.line[HANDED] == 45
    assert words.put.tobytes() == words.left.tobytes()


def test_what_was_settled_before_the_kill_is_not_put_in_again(tmp_path):
    topic, words = Topic(), SpoolWords()
    words.put[0] = 1
    write(tmp_path, 10)
    first = a_shipping(tmp_path, topic, words)
    first.begin(lambda: None)
    steps(first, lambda: words.line[HANDED] == 10)
    first._source.close()
    first.close()
    second = a_shipping(tmp_path, topic, words)
    second.begin(lambda: None)
    assert second._messages == []
    steps(second, lambda: second.done)
    assert (len(messages(topic)), words.line[HANDED]) == (10, 10)


def test_another_start_of_the_machine_is_another_writer(tmp_path, monkeypatch):
    topic = Topic()
    write(tmp_path, 2)
    ship(tmp_path, topic)
    monkeypatch.setattr(numbers_module, "boot_id", lambda: b"another")
    write(tmp_path, 2, first=2, number=2)
    ship(tmp_path, topic)
    assert len({message.writer for message in messages(topic)}) == 2
    assert [message.number for message in messages(topic)] == [1, 2, 1, 2]


@pytest.mark.parametrize("trouble", ["down", "full"])
def test_while_the_engine_takes_nothing_all_waits_in_the_outbox_and_one_line_says_so(tmp_path, caplog, trouble):
    topic = Topic()
    setattr(topic, trouble, True)
    write(tmp_path, 5)
    shipping = a_shipping(tmp_path, topic)
    shipping.begin(lambda: None)
    tried = []
    append = shipping._engine.append
    shipping._engine.append = lambda found: (tried.append(found), append(found))[1]
    with caplog.at_level(logging.INFO):
        steps(shipping, lambda: len(tried) == 3)
        assert len(caplog.records) == 2  # that clones of an earlier run are found, and that they wait
        assert trouble in caplog.text
        setattr(topic, trouble, False)
        steps(shipping, lambda: shipping.done)
    assert "takes clones again" in caplog.text
    assert bodies(topic)["lane0"] == [0, 1, 2, 3, 4]


def test_a_clone_that_the_engine_finds_too_large_is_taken_as_a_loss_and_stops_no_other(tmp_path, caplog):
    topic, sheet = Topic(), a_sheet(tmp_path)
    large = replace(a_request(3), body=bytes(10_000))
    sent = [a_request(1), a_request(2), large, a_request(4)]
    assert sheet.append([(time.time_ns(), encode(each, "lane0")) for each in sent])
    sheet.close()
    topic.most = 5_000
    words = ship(tmp_path, topic)
    assert bodies_or_none(topic) == [b"1", b"2", None, b"4"]
    assert caplog.text.count("a clone is lost: too large") == 1
    assert words.line[HANDED] == 4


def test_while_clones_are_in_the_engine_those_that_come_go_behind_them(tmp_path):
    topic, words = Topic(), SpoolWords()
    words.put[0] = 1
    write(tmp_path, 3)
    shipping = a_shipping(tmp_path, topic, words)
    shipping.begin(lambda: None)
    steps(shipping, lambda: shipping.done)
    assert words.backlog
    steps(shipping, lambda: words.remote == 3)
    topic.entries.clear()
    steps(shipping, lambda: not words.backlog)


def test_what_is_too_old_is_dropped_and_what_is_damaged_is_counted(tmp_path):
    topic, words = Topic(), SpoolWords()
    words.put[0] = 1
    write(tmp_path, 3)
    sheet = a_sheet(tmp_path, 2)
    assert sheet.append([(time.time_ns(), b"no clone")])
    sheet.close()
    shipping = a_shipping(tmp_path, topic, words, max_age=0.5)
    shipping.begin(lambda: None)
    steps(shipping, lambda: shipping.done)
    assert (words.line[DROPPED["spool_expired"]], words.line[DROPPED["spool_corrupt"]]) == (3, 1)
    assert messages(topic) == []
    assert {loss.reason for loss in words.losses()} == {"spool_expired", "spool_corrupt"}


@pytest.mark.parametrize("begun", [False, True])
def test_the_oldest_make_room_at_the_limit_of_bytes(tmp_path, begun):
    topic, words = Topic(), SpoolWords()
    words.put[0] = 1
    topic.down = True
    sheet = a_sheet(tmp_path)
    for first in range(0, 3000, 500):
        stamp = time.time_ns() - 10**9
        clones = range(first, first + 500)
        assert sheet.append([(stamp + each, encode(a_request(each), f"lane{each % 3}")) for each in clones])
        sheet.rest()
    sheet.close()
    size = sum(path.stat().st_size for path in tmp_path.glob("*.spool"))
    shipping = a_shipping(tmp_path, topic, words, max_bytes=size // 2, min_free=0.0)
    shipping.begin(lambda: None)
    if begun:  # a batch was taken before there was a lack of room
        shipping._source.refresh()
        shipping._gather()
        assert len(shipping._batch) == 256
    steps(shipping, lambda: 0 < shipping._source.size <= size // 2)
    dropped = words.line[DROPPED["spool_full"]]
    assert 1000 < dropped < 3000
    topic.down = False
    steps(shipping, lambda: shipping.done)
    assert words.line[HANDED] + words.line[DROPPED["spool_full"]] == 3000
    assert len(messages(topic)) == words.line[HANDED]
