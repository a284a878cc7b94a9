from types import SimpleNamespace

import pytest

from httptee.journal import Appended
from httptee.journal.engines import Message
from httptee.journal.shipping import Missing
from httptee.recording import Gap, Head, Loss, read_recording
from httptee.recording.engine import Fetching
from httptee.recording.exchange import encode
from tests.replay.made import exchange
from tests.support.engine import MemoryEngine


def fill(engine, partition, payloads, writer="w"):
    messages = [
        Message(partition, writer, number, stamp, payload) for number, (stamp, payload) in enumerate(payloads, 1)
    ]
    assert engine.append(messages) is Appended.COMMITTED


def record(number):
    made = exchange(number)
    return made.arrived, b"R" + encode(made)


def head(primary, masked=True):
    return 1, b"H" + Head(primary, masked).packed()


def fetched(engine, directory, partitions=(0, 1, 2, 3)):
    fetching = Fetching(directory)
    fetching.fetch(engine, partitions)
    fetching.close()
    return read_recording([directory])


def test_records_of_all_partitions_are_one_recording_in_the_order_of_arrival(tmp_path):
    engine = MemoryEngine()
    fill(engine, 0, [head("http://a"), *map(record, (0, 3, 4))])
    fill(engine, 2, [head("http://a"), *map(record, (1, 2))])
    found = fetched(engine, tmp_path)
    assert [one.target for one in found] == ["/0", "/1", "/2", "/3", "/4"]
    assert (found.primary, found.masked, found.gaps) == ("http://a", True, ())


def test_writers_of_several_tees_keep_their_heads(tmp_path):
    engine = MemoryEngine()
    fill(engine, 0, [head("http://a"), record(0)], "one")
    fill(engine, 0, [head("http://b", masked=False), record(1)], "other")
    found = fetched(engine, tmp_path)
    assert (found.primary, found.masked, found.count) == ("http://a http://b", False, 2)


def test_some_partitions_are_a_part(tmp_path):
    engine = MemoryEngine()
    fill(engine, 0, [record(0)])
    fill(engine, 1, [record(1)])
    assert [one.target for one in fetched(engine, tmp_path, [1])] == ["/1"]


def test_what_is_missing_is_a_gap_wherever_it_was_lost(tmp_path):
    engine = MemoryEngine()
    loss, missing = Loss("queue_full", 3, 5, 9), Missing(None, 11, 12, "lost")
    fill(engine, 0, [record(0), (9, b"N" + loss.packed()), (12, b"M" + missing.packed()), record(1), record(2)])
    engine._streams[0] = {place: one for place, one in engine._streams[0].items() if one.number != 4}
    gaps = fetched(engine, tmp_path).gaps
    assert Gap(5, 9, 3, "queue_full") in gaps
    assert Gap(11, 12, None, "lost") in gaps
    (gone,) = [gap for gap in gaps if gap.reason == "gone"]
    assert (gone.lost, gone.last) == (1, exchange(2).arrived)


def test_a_topic_with_something_else_is_refused(tmp_path):
    engine = MemoryEngine()
    fill(engine, 0, [(1, b"something else")])
    with pytest.raises(ValueError, match="memory://topic: this topic holds no recording"):
        fetched(engine, tmp_path)


def test_a_disk_without_room_is_said(tmp_path, monkeypatch):
    engine = MemoryEngine()
    fill(engine, 0, [record(0)])
    monkeypatch.setattr("httptee.journal.writer.trim", lambda *_: SimpleNamespace(files=0, full=True))
    with pytest.raises(OSError, match="no room for what is fetched; TMPDIR names another directory"):
        fetched(engine, tmp_path)
