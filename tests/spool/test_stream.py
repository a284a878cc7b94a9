"""Reading what one process has written, whatever became of the files."""

import os
import random

import pytest

from httptee.spool.cursor import note_written
from httptee.spool.names import CURSOR, SUFFIX, StreamName
from httptee.spool.record import encode
from httptee.spool.stream import Stream, streams_in

from .spools import RUN, a_request, a_sheet, bodies, write

NAME = StreamName(RUN, 1, 1)


@pytest.fixture(autouse=True)
def _closed(monkeypatch):
    """Every stream is closed after its test: each has a descriptor."""
    made, begin = [], Stream.__init__

    def opened(stream, *arguments, **options):
        begin(stream, *arguments, **options)
        made.append(stream)

    monkeypatch.setattr(Stream, "__init__", opened)
    yield
    for stream in made:
        stream.close()


def settle_all(stream):
    while (entry := stream.peek(alive=False)) is not None:
        stream.take()
        stream.settle(entry.sequence)


def segment(directory):
    (path,) = directory.glob(f"*{SUFFIX}")
    return path


def test_everything_in_order_and_removed_when_settled(tmp_path):
    write(tmp_path, 10)
    stream = Stream(tmp_path, NAME)
    assert bodies(stream) == [str(each).encode() for each in range(10)]
    assert not stream.settled
    for sequence in range(1, 11):
        stream.settle(sequence)
    assert stream.settled
    stream.remove()
    assert not list(tmp_path.iterdir())


def test_what_is_still_written_is_followed(tmp_path):
    sheet = a_sheet(tmp_path)
    stream = None
    for number in range(3):
        assert sheet.append([(number, encode(a_request(number), ""))])
        stream = stream or Stream(tmp_path, NAME)
        entry = stream.peek(alive=True)
        assert entry.clone.body == str(number).encode()
        stream.take()
        assert stream.peek(alive=True) is None
    assert not stream.ended


def test_a_segment_that_was_closed_is_followed_by_the_next(tmp_path):
    sheet = a_sheet(tmp_path)
    stream = None
    for number in range(3):
        sheet.append([(number, encode(a_request(number), ""))])
        sheet.rest()
        stream = stream or Stream(tmp_path, NAME)
        assert stream.peek(alive=True).clone.body == str(number).encode()
        stream.settle(stream.take().sequence)
        assert stream.peek(alive=True) is None
        assert stream.tidy() == 1


def test_the_place_survives_a_process_that_is_killed(tmp_path):
    write(tmp_path, 10)
    first = Stream(tmp_path, NAME)
    for _ in range(6):
        first.peek(alive=False)
        first.settle(first.take().sequence)
    again = Stream(tmp_path, NAME)
    assert bodies(again) == [b"6", b"7", b"8", b"9"]


def test_a_segment_that_is_cut_anywhere_misses_what_was_cut(tmp_path):
    write(tmp_path, 3)
    whole = segment(tmp_path).read_bytes()
    cursor = (tmp_path / f"{NAME}{CURSOR}").read_bytes()
    for cut in range(len(whole) + 1):
        segment(tmp_path).write_bytes(whole[:cut])
        (tmp_path / f"{NAME}{CURSOR}").write_bytes(cursor)
        found = bodies(Stream(tmp_path, NAME))
        assert len(found) == 3, cut
        assert [each for each in found if each] == [b"0", b"1", b"2"][: sum(each is not None for each in found)], cut


def test_flipped_bytes_cost_the_records_that_they_hit_and_are_counted(tmp_path):
    write(tmp_path, 50)
    whole = segment(tmp_path).read_bytes()
    cursor = (tmp_path / f"{NAME}{CURSOR}").read_bytes()
    source = random.Random(1)
    for _ in range(200):
        at = source.randrange(len(whole))
        segment(tmp_path).write_bytes(whole[:at] + bytes((whole[at] ^ 1 << source.randrange(8),)) + whole[at + 1 :])
        (tmp_path / f"{NAME}{CURSOR}").write_bytes(cursor)
        found = bodies(Stream(tmp_path, NAME))
        assert len(found) == 50, at
        assert sum(each is None for each in found) <= 1, at
        assert all(each is None or each == str(number).encode() for number, each in enumerate(found)), at


def test_without_its_cursor_everything_is_sent_again(tmp_path):
    write(tmp_path, 5)
    settled = Stream(tmp_path, NAME)
    settled.peek(alive=False)
    settled.settle(settled.take().sequence)
    settled.close()
    (tmp_path / f"{NAME}{CURSOR}").unlink()
    assert bodies(Stream(tmp_path, NAME)) == [b"0", b"1", b"2", b"3", b"4"]


def test_a_cursor_that_is_ahead_of_the_file_is_at_its_end(tmp_path):
    write(tmp_path, 5)
    ahead = Stream(tmp_path, NAME)
    ahead.cursor.skip_to(99)
    ahead.close()
    stream = Stream(tmp_path, NAME)
    assert bodies(stream) == []
    assert stream.settled


def test_a_segment_that_somebody_removed_is_missing_by_number(tmp_path):
    sheet = a_sheet(tmp_path)
    for number in range(3):
        sheet.append([(number, encode(a_request(number), ""))])
        sheet.rest()
    sheet.close()
    sorted(tmp_path.glob(f"*{SUFFIX}"))[1].unlink()
    assert bodies(Stream(tmp_path, NAME)) == [b"0", None, b"2"]


def test_millions_of_missing_records_take_no_memory(tmp_path):
    write(tmp_path, 1)
    many = 5_000_000
    descriptor = os.open(tmp_path / f"{NAME}{CURSOR}", os.O_RDWR)
    note_written(descriptor, many)
    os.close(descriptor)
    stream = Stream(tmp_path, NAME)
    stream.settle(4)
    found = []
    for _ in range(5):
        entry = stream.peek(alive=False)
        assert stream.peek(alive=False) is entry
        found.append((entry.sequence, entry.clone is None))
        stream.settle(stream.take().sequence)
    assert found == [(1, False), (2, True), (3, True), (5, True), (6, True)]
    assert len(stream._ahead) == 1
    assert not stream.settled
    assert stream.last == many


def test_the_streams_of_a_directory(tmp_path):
    assert streams_in(tmp_path / "none") == set()
    write(tmp_path, 1)
    (tmp_path / "drainer.lock").touch()
    assert streams_in(tmp_path) == {NAME}


@pytest.mark.parametrize("garbage", [b"", b"garbage" * 1000])
def test_a_file_that_is_no_segment_ends_nothing(tmp_path, garbage):
    (tmp_path / f"{NAME}.000001{SUFFIX}").write_bytes(garbage)
    stream = Stream(tmp_path, NAME)
    assert bodies(stream) == []
    assert stream.settled


def test_a_reader_that_looks_while_a_segment_is_made_misses_nothing(tmp_path, monkeypatch):
    stream, found, real = None, [], os.open

    def read():
        while stream is not None and (entry := stream.peek(alive=True)) is not None:
            found.append(entry.clone.body)
            stream.take()

    def opening(path, flags, *mode):
        descriptor = real(path, flags, *mode)
        if SUFFIX in str(path) and flags & os.O_CREAT:
            read()
        return descriptor

    monkeypatch.setattr("os.open", opening)
    sheet = a_sheet(tmp_path)
    for number in range(5):
        sheet.append([(number, encode(a_request(number), ""))])
        stream = stream or Stream(tmp_path, NAME)
        read()
        sheet.rest()
        read()
    assert found == [str(each).encode() for each in range(5)]
