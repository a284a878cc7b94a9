import logging
import os
import signal
import threading
from itertools import count

import pytest

from httptee.journal import Appended, Limits
from httptee.journal.shipping import Shipper
from httptee.journal.shipping.parcel import Missing
from httptee.journal.shipping.state import StateFile
from tests.journal.shipping.made import Topic, numbered, ship, shipper, writer_in
from tests.support.clock import Clock


class Killed(BaseException):
    """Ends a shipper where it stands."""


def payloads(first, count):
    return [record for _, record in numbered(first, count)]


def test_records_arrive_with_numbers_from_one_in_each_partition(tmp_path):
    journal, topic = writer_in(tmp_path), Topic()
    journal.append(numbered(1, 100))
    ship(shipper(topic, tmp_path))
    assert topic.records == payloads(1, 100)
    assert {partition for _, partition in topic.messages} == {0, 1, 2, 3}


def test_a_segment_that_is_being_written_is_shipped_and_stays(tmp_path):
    journal, topic = writer_in(tmp_path), Topic()
    shipping = shipper(topic, tmp_path)
    journal.append(numbered(1, 3))
    ship(shipping)
    journal.append(numbered(4, 3))
    ship(shipping)
    assert topic.records == payloads(1, 6)
    assert len(list(tmp_path.glob("*.log"))) == 1


def test_a_segment_is_removed_when_all_of_it_is_shipped(tmp_path):
    journal, topic = writer_in(tmp_path, limits=Limits(segment_bytes=500, min_free=0.0)), Topic()
    shipping = shipper(topic, tmp_path)
    for number in range(1, 50):
        journal.append(numbered(number, 1))
    ship(shipping)
    assert len(list(tmp_path.glob("*.log"))) == 1
    journal.close()
    ship(shipping)
    assert topic.records == payloads(1, 49)
    assert not list(tmp_path.glob("*.log"))


def test_a_stream_whose_segments_are_all_gone_goes_on_with_the_same_names(tmp_path):
    topic = Topic()
    shipping = shipper(topic, tmp_path, own="s")
    for turn in range(5):
        journal = writer_in(tmp_path, sequence=10 * turn)
        journal.append(numbered(1 + 10 * turn, 10))
        journal.close()
        ship(shipping)
    assert topic.records == payloads(1, 50)
    assert topic.missing == []


def test_heads_go_to_every_partition_and_notes_to_one(tmp_path):
    journal, topic = writer_in(tmp_path), Topic()
    journal.append(numbered(1, 1))
    journal.note(5, b"said")
    ship(shipper(topic, tmp_path))
    assert [parcel.head for parcel in topic.parcels if parcel.head] == [b"head"] * 4
    assert [parcel.note for parcel in topic.parcels if parcel.note] == [b"said"]


def test_compressed_records_are_shipped_one_by_one(tmp_path):
    pytest.importorskip("zstandard")
    journal, topic = writer_in(tmp_path, compress=True), Topic()
    journal.append(numbered(1, 100))
    journal.close()
    ship(shipper(topic, tmp_path))
    assert topic.records == payloads(1, 100)


def test_what_an_earlier_process_left_is_shipped_before_what_is_written_now(tmp_path):
    left = writer_in(tmp_path, "left")
    left.append(numbered(1, 10))
    left.close()
    os.utime(next(tmp_path.glob("left.*")), (1, 1))
    now, topic = writer_in(tmp_path, "now"), Topic()
    now.append(numbered(11, 10))
    ship(shipper(topic, tmp_path, own="now"))
    assert topic.records == payloads(1, 20)
    assert {message.payload[1:] for message in topic.calls[0]} == {b"head", *payloads(1, 10)}


@pytest.mark.parametrize("outcome", [Appended.FULL, Appended.UNAVAILABLE])
def test_an_engine_that_takes_nothing_is_tried_again_after_longer_and_longer_times(tmp_path, outcome, caplog):
    caplog.set_level(logging.INFO)
    journal, topic = writer_in(tmp_path), Topic()
    journal.append(numbered(1, 10))
    journal.close()
    topic.outcomes = [outcome] * 9
    shipping = shipper(topic, tmp_path)
    assert [shipping.turn() for _ in range(9)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
    ship(shipping)
    assert topic.records == payloads(1, 10)
    assert [record.message for record in caplog.records] == [
        "redis://there/topic: nothing is shipped: nobody answers; it waits, and it is tried again",
        "redis://there/topic: it is shipped again",
    ]


def test_a_batch_that_was_refused_has_the_same_numbers_when_it_comes_again(tmp_path):
    journal, topic = writer_in(tmp_path), Topic()
    journal.append(numbered(1, 10))
    journal.close()
    topic.outcomes, topic.stores = [Appended.UNAVAILABLE], True
    ship(shipper(topic, tmp_path))
    assert topic.calls[0] == topic.calls[1]
    assert topic.records == payloads(1, 10)


@pytest.mark.parametrize("stores", [False, True])
@pytest.mark.parametrize("at", range(6))
def test_after_a_kill_the_same_records_have_the_same_numbers(tmp_path, stores, at):
    journal, topic = writer_in(tmp_path, limits=Limits(segment_bytes=20_000, min_free=0.0)), Topic()
    for first in range(1, 5001, 100):
        journal.append(numbered(first, 100))
    topic.outcomes, topic.stores = [Appended.COMMITTED] * at + [Killed()], stores
    killed = shipper(topic, tmp_path)
    with pytest.raises(Killed):
        ship(killed)
    killed._outbox._file.close()
    other = writer_in(tmp_path, "another")  # what came meanwhile does not get in between
    other.append(numbered(5001, 10))
    ship(shipper(topic, tmp_path))
    assert topic.records == payloads(1, 5010)


@pytest.mark.parametrize("at", range(11))
def test_a_kill_between_the_engine_and_the_saving_of_the_place_counts_nothing_twice(tmp_path, at, monkeypatch):
    journal, topic = writer_in(tmp_path, limits=Limits(segment_bytes=20_000, min_free=0.0)), Topic()
    for first in range(1, 3001, 100):
        journal.append(numbered(first, 100))
    killed, saved, save = shipper(topic, tmp_path), count(), StateFile.save

    def dying(file, data, *, sync=False):
        if next(saved) == at:
            raise Killed
        save(file, data, sync=sync)

    with monkeypatch.context() as patch:
        patch.setattr(StateFile, "save", dying)
        with pytest.raises(Killed):
            ship(killed)
    killed._outbox._file.close()
    after = shipper(topic, tmp_path)
    ship(after)
    after.close()
    assert topic.records == payloads(1, 3000)
    assert (after.shipment.shipped, after.shipment.waiting, after.shipment.lost) == (3000, 0, 0)


def test_a_batch_in_doubt_whose_segment_is_gone_leaves_its_numbers_unused(tmp_path):
    journal, topic = writer_in(tmp_path), Topic(partitions=1)
    journal.append(numbered(1, 10))
    journal.close()
    topic.outcomes = [Killed()]
    killed = shipper(topic, tmp_path)
    with pytest.raises(Killed):
        ship(killed)
    killed._outbox._file.close()
    next(tmp_path.glob("*.log")).unlink()
    later = writer_in(tmp_path, sequence=10)
    later.append(numbered(11, 5))
    after = shipper(topic, tmp_path)
    ship(after)
    after.close()
    (numbers,) = topic.messages.values()
    assert sorted(numbers) == [12, 13, 14, 15, 16, 17], "a head and ten records have the numbers before"
    assert (after.shipment.shipped, after.shipment.lost) == (5, 10)


class OnDisk(Topic):
    """A topic in a file that outlives the process: one line for each message, in one write. A kill may tear a write
    where a page of the file ends: such a line was not committed."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def append(self, messages):
        with self.path.open("ab", buffering=0) as file:
            for one in messages:
                file.write(b"%d %s %d %s\n" % (one.partition, one.writer.encode(), one.number, one.payload))
        return Appended.COMMITTED

    def recover(self):
        """Cut off the line that the end of the process has torn."""
        os.truncate(self.path, self.path.read_bytes().rfind(b"\n") + 1)


def test_shippers_that_are_killed_at_any_time_lose_nothing_and_number_nothing_twice(tmp_path):
    topic, journal = OnDisk(tmp_path / "topic"), writer_in(tmp_path / "out")
    for kill in range(30):
        for first in range(1 + 1000 * kill, 1001 + 1000 * kill, 50):
            journal.append(numbered(first, 50))
        child = os.fork()
        if not child:
            shipper(topic, tmp_path / "out").run(lambda: False)
        size = topic.path.stat().st_size if topic.path.exists() else 0
        while not topic.path.exists() or topic.path.stat().st_size <= size + 37 * kill:
            pass
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        topic.recover()
    journal.close()
    ship(shipper(topic, tmp_path / "out"))
    seen, records = {}, []
    for line in topic.path.read_bytes().splitlines():
        partition, writer, number, payload = line.split(b" ", 3)
        if seen.setdefault((partition, writer, number), payload) is payload and payload[:1] == b"R":
            records.append(payload[1:])
        assert seen[partition, writer, number] == payload
    assert sorted(records) == payloads(1, 30_000)
    assert len({writer for _, writer, _ in seen}) == 1


def test_what_the_limits_remove_before_it_is_shipped_is_told_with_its_interval(tmp_path):
    clock = Clock()
    limits = Limits(segment_bytes=1000, max_bytes=5000, min_free=0.0)
    journal, topic = writer_in(tmp_path, limits=limits, clock=clock), Topic()
    topic.outcomes = [Appended.UNAVAILABLE]
    shipping = shipper(topic, tmp_path, clock=clock)
    stamp = int(clock() * 1e9)
    for number in range(1, 401):
        clock.now += 1.0
        journal.append([(stamp + number, b"%06d" % number)])
        if number % 10 == 0 and number < 400:
            topic.outcomes = [Appended.UNAVAILABLE]
            shipping.turn()
            told = shipping.shipment
            assert told.shipped + told.waiting + told.lost == number
    for _ in range(4):
        clock.now += 1.0
        ship(shipping)
    (missing,) = topic.missing
    assert missing.reason == "removed"
    assert len(topic.records) + missing.count == 400
    assert shipping.shipment.lost == missing.count
    assert shipping.shipment.gaps == (missing,)
    first = int(topic.records[0])
    assert missing.first <= stamp + 400
    assert first == 1, "the segment that was open stays readable"


def test_a_stream_whose_last_segments_were_removed_is_told_too(tmp_path):
    left, topic = writer_in(tmp_path, "left", limits=Limits(segment_bytes=300, min_free=0.0)), Topic()
    for number in range(1, 101):
        left.append(numbered(number, 1))
    left.close()
    topic.outcomes = [Appended.UNAVAILABLE]
    shipping = shipper(topic, tmp_path)
    shipping.turn()
    for path in tmp_path.glob("left.*.log"):
        path.unlink()
    shipping._look_at = 0.0
    ship(shipping)
    shipping.close()
    (missing,) = topic.missing
    assert len(topic.records) + missing.count == 100
    assert missing.last == 100
    told = shipping.shipment
    assert (told.shipped, told.waiting, told.lost) == (len(topic.records), 0, missing.count)


def test_what_is_damaged_is_told_with_its_interval(tmp_path):
    journal, topic = writer_in(tmp_path), Topic()
    journal.append(numbered(1, 100))
    journal.close()
    (path,) = tmp_path.glob("*.log")
    data = bytearray(path.read_bytes())
    data[2000:2100] = bytes(100)
    path.write_bytes(data)
    ship(shipper(topic, tmp_path))
    assert len(topic.records) + sum(one.count for one in topic.missing) == 100
    assert {one.reason for one in topic.missing} == {"damaged"}
    assert all(30 < one.first <= one.last < 60 for one in topic.missing)


def test_a_writer_that_was_killed_and_has_no_successor_leaves_a_gap_of_unknown_size(tmp_path):
    journal, topic = writer_in(tmp_path), Topic()
    journal.append(numbered(1, 10))
    journal._abandon()
    ship(shipper(topic, tmp_path))
    assert topic.missing == [Missing(None, 10, 10, "lost")]


def test_a_record_that_the_engine_finds_too_long_is_counted_and_the_others_arrive(tmp_path):
    journal, topic = writer_in(tmp_path), Topic()
    topic.most = 100
    journal.append([*numbered(1, 5), (6, bytes(200) + b"1"), *numbered(7, 5)])
    journal.close()
    shipping = shipper(topic, tmp_path)
    ship(shipping)
    shipping.close()
    assert topic.records == [*payloads(1, 5), *payloads(7, 5)]
    assert topic.missing == [Missing(1, 6, 6, "too_large")]
    assert (shipping.shipment.shipped, shipping.shipment.lost) == (10, 1)


def test_a_batch_has_a_bound(tmp_path):
    journal, topic = writer_in(tmp_path), Topic()
    for first in range(1, 5001, 100):
        journal.append([(stamp, bytes(2000) + record) for stamp, record in numbered(first, 100)])
    ship(shipper(topic, tmp_path))
    assert len(topic.records) == 5000
    assert max(sum(len(one.payload) for one in call) for call in topic.calls) < (1 << 20) + 2500


def test_a_second_shipper_of_a_directory_waits_until_the_first_one_has_ended(tmp_path):
    journal, topic = writer_in(tmp_path), Topic()
    journal.append(numbered(1, 10))
    first, second = shipper(topic, tmp_path), shipper(topic, tmp_path)
    ship(first)
    journal.append(numbered(11, 10))
    ship(second)
    assert topic.records == payloads(1, 10)
    first.close()
    ship(second)
    assert topic.records == payloads(1, 20)


def test_another_topic_gets_another_writer(tmp_path):
    journal, one, other = writer_in(tmp_path), Topic(), Topic(label="redis://elsewhere/topic")
    journal.append(numbered(1, 10))
    first = shipper(one, tmp_path)
    ship(first)
    first.close()
    journal.append(numbered(11, 10))
    ship(shipper(other, tmp_path))
    assert other.records == payloads(11, 10)
    assert {writer for writer, _ in one.messages}.isdisjoint({writer for writer, _ in other.messages})


def test_a_thread_ships_until_it_is_told_to_end_and_then_what_is_left(tmp_path):
    journal, topic, ending = writer_in(tmp_path), Topic(), threading.Event()
    thread = threading.Thread(target=shipper(topic, tmp_path, own="s").run, args=(ending.is_set, 10.0))
    thread.start()
    for first in range(1, 2001, 100):
        journal.append(numbered(first, 100))
    journal.close()
    ending.set()
    thread.join()
    assert topic.records == payloads(1, 2000)


def test_a_thread_that_is_told_to_end_does_not_wait_for_an_engine_that_is_down(tmp_path):
    journal, topic = writer_in(tmp_path), Topic()
    journal.append(numbered(1, 100))
    journal.close()
    topic.outcomes = [Appended.UNAVAILABLE] * 100
    shipper(topic, tmp_path).run(lambda: True, 3600.0)
    assert len(topic.outcomes) == 99


def test_an_error_of_the_disk_is_said_and_ends_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    shipping = Shipper(Topic(), tmp_path / "file" / "below", ".log", "tee", lambda record: 0)
    assert shipping.turn() == 0.1
    assert shipping.shipment.error == "Not a directory"
    assert repr(shipping) == "<Shipper redis://there/topic [0 waiting]>"


def test_while_the_process_is_busy_one_batch_a_second_is_shipped(tmp_path, monkeypatch):
    journal, topic, slept = writer_in(tmp_path), Topic(), []
    for first in range(1, 5001, 100):
        journal.append(numbered(first, 100))
    journal.close()
    monkeypatch.setattr("httptee.journal.shipping.shipper.sleep", slept.append)
    shipper(topic, tmp_path).run(lambda: len(topic.calls) >= 3, busy=lambda: True)
    assert len(topic.calls) == 3
    assert sum(slept) == pytest.approx(2.0)
