import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.journal import blocks
from httptee.journal.blocks import available, divided, packed, unpacked
from httptee.journal.framing import BLOCK, RECORD, Damage, Frame
from httptee.journal.retention import Limits
from httptee.journal.segment import Segment, last_sequence
from httptee.journal.writer import JournalWriter

RECORDS = st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.binary(max_size=50)), min_size=1, max_size=20)
BATCHES = [[(10 * batch + number, bytes([number]) * 30) for number in range(5)] for batch in range(6)]
EVERY = [record for batch in BATCHES for record in batch]


def write(directory, batches, **more):
    journal = JournalWriter(directory, "s", ".log", b"head", Limits(min_free=0.0), compress=True, **more)
    for batch in batches:
        journal.append(batch)
    return journal


@pytest.fixture
def file(tmp_path):
    write(tmp_path / "whole", BATCHES).close()
    (path,) = (tmp_path / "whole").iterdir()
    return path


def read(path):
    segment = Segment(path)
    try:
        index = segment.index
        by_index = [(one.sequence, one.payload) for at in index.offsets if (one := segment.record_at(at))]
        found = [one for one in segment.scan() if isinstance(one, Frame) and one.kind == RECORD]
        assert by_index == [(one.sequence, one.payload) for one in found]
        return [(one.sequence, one.stamp, one.payload) for one in found]
    finally:
        segment.close()


@given(RECORDS)
def test_records_come_out_as_they_went_in(records):
    assert unpacked(packed(records)) == records


def test_a_block_has_256_kib_of_records_or_one_that_is_longer():
    records = [(number, bytes(size)) for number, size in enumerate((100_000, 100_000, 100_000, 500_000, 1))]
    assert [len(block) for block in divided(records)] == [2, 1, 1, 1]
    assert [record for block in divided(records) for record in block] == records
    assert list(divided([])) == []


def test_a_compressed_segment_reads_as_any_other_and_is_smaller(file):
    assert read(file) == [(number, stamp, data) for number, (stamp, data) in enumerate(EVERY, 1)]
    segment = Segment(file)
    assert segment.closed
    segment.close()
    long = [(number, b"the same each time " * 20) for number in range(1000)]
    write(file.parent.parent / "long", [long]).close()
    (path,) = (file.parent.parent / "long").iterdir()
    assert path.stat().st_size < 100_000


def test_what_is_not_closed_is_scanned_and_goes_on(file, tmp_path):
    journal = write(tmp_path / "open", BATCHES[:2])
    (path,) = (tmp_path / "open").iterdir()
    assert len(read(path)) == journal.sequence == last_sequence(tmp_path / "open", "s", ".log") == 10
    journal.note(7, b"said")
    journal.close()
    write(tmp_path / "open", BATCHES[2:3], sequence=10).close()
    assert last_sequence(tmp_path / "open", "s", ".log") == 15


def test_a_compressed_segment_cut_at_any_byte_keeps_the_blocks_before(file, tmp_path):
    data, cut = file.read_bytes(), tmp_path / "cut.log"
    segment = Segment(file)
    ends = [one.end for one in segment.frames() if isinstance(one, Frame) and one.kind == BLOCK]
    segment.close()
    for size in range(len(data)):
        cut.write_bytes(data[:size])
        assert len(read(cut)) == 5 * sum(end <= size for end in ends)


def test_flipped_bytes_cost_the_blocks_that_they_hit(file, tmp_path):
    segment = Segment(file)
    places = [(one.offset, one.end) for one in segment.frames() if isinstance(one, Frame) and one.kind == BLOCK]
    segment.close()
    chance = random.Random(5)
    for _ in range(100):
        data, at = bytearray(file.read_bytes()), chance.randrange(places[0][0], places[-1][1])
        data[at] ^= chance.randrange(1, 256)
        flipped = tmp_path / "flipped.log"
        flipped.write_bytes(data)
        whole = [number for number, (start, end) in enumerate(places) if not start <= at < end]
        expected = [record for number in whole for record in BATCHES[number]]
        assert [(stamp, payload) for _, stamp, payload in read(flipped)] == expected


@pytest.mark.parametrize("broken", [b"", b"x" * 8, packed([(1, b"x")])[:-1], b"\xff" * 4 + packed([(1, b"x")])[4:]])
def test_what_is_no_block_is_refused(broken):
    with pytest.raises(ValueError, match=r"."):
        unpacked(broken)


def test_without_the_library_a_reader_says_what_is_missing(file, monkeypatch):
    assert available()
    monkeypatch.setattr(blocks, "_library", lambda: None)
    segment = Segment(file)
    assert len(segment.index) == 30
    with pytest.raises(OSError, match="extra zstd"):
        segment.record_at(segment.index.offsets[0])
    with pytest.raises(OSError, match="extra zstd"):
        list(segment.scan())
    assert not [one for one in segment.frames() if isinstance(one, Damage)]
    segment.close()
