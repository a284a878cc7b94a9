import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httptee.journal.framing import RECORD, Frame
from httptee.journal.retention import Limits
from httptee.journal.segment import Segment
from httptee.journal.writer import JournalWriter

PAYLOADS = [bytes([number]) * (number * 37 % 101) for number in range(16)]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    directory = tmp_path_factory.mktemp("journal")
    journal = JournalWriter(directory, "s", ".log", b"the head", Limits(min_free=0.0))
    for number, payload in enumerate(PAYLOADS):
        journal.append([(number, payload)])
    journal.close()
    (path,) = directory.iterdir()
    return path


def read(path):
    segment = Segment(path)
    try:
        by_index = [frame.payload for at in segment.index.offsets if (frame := segment.record_at(at))]
        by_scan = [one.payload for one in segment.scan() if isinstance(one, Frame) and one.kind == RECORD and one.whole]
        assert by_index == by_scan
        return by_scan
    finally:
        segment.close()


def test_a_segment_cut_at_any_byte_keeps_the_whole_prefix(file, tmp_path):
    data = file.read_bytes()
    segment = Segment(file)
    ends = [segment.record_at(offset).end for offset in segment.index.offsets]
    segment.close()
    cut = tmp_path / "cut.log"
    for size in range(len(data)):
        cut.write_bytes(data[:size])
        assert read(cut) == PAYLOADS[: sum(end <= size for end in ends)]


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_flipped_bytes_cost_only_the_records_that_they_hit(file, seed):
    chance = random.Random(seed)
    data = bytearray(file.read_bytes())
    segment = Segment(file)
    places = [(offset, segment.record_at(offset).end) for offset in segment.index.offsets]
    segment.close()
    hits = [chance.randrange(len(data)) for _ in range(chance.randrange(1, 10))]
    for at in hits:
        data[at] ^= chance.randrange(1, 256)
    flipped = file.with_suffix(".flipped")
    flipped.write_bytes(data)
    hit = {number for number, (start, end) in enumerate(places) if any(start <= at < end for at in hits)}
    # One byte may be flipped twice, and be as it was.
    untouched = [payload for number, payload in enumerate(PAYLOADS) if number not in hit]
    assert [payload for payload in read(flipped) if payload in untouched] == untouched


def test_a_tail_of_zeros_is_no_index(file, tmp_path):
    padded = tmp_path / "padded.log"
    padded.write_bytes(file.read_bytes() + bytes(5000))
    segment = Segment(padded)
    assert not segment.closed
    segment.close()
    assert read(padded) == PAYLOADS


def test_a_file_that_is_no_segment_has_no_marker(tmp_path):
    other = tmp_path / "other.log"
    other.write_bytes(b"GET / HTTP/1.1\r\n" * 1000)
    segment = Segment(other)
    assert (segment.marker, segment.head, len(segment.index), segment.closed) == (b"", b"", 0, False)
    segment.close()
    segment.close()


def test_a_record_longer_than_one_read_comes_back(tmp_path):
    journal = JournalWriter(tmp_path, "s", ".log", limits=Limits(min_free=0.0))
    journal.append([(1, bytes(300_000)), (2, b"x")])
    journal.close()
    (path,) = tmp_path.iterdir()
    assert [len(payload) for payload in read(path)] == [300_000, 1]
