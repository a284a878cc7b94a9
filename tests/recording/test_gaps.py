import random
from bisect import bisect_right

import pytest

from httptee.journal import BLOCK, Frame, Segment
from httptee.recording.exchange import encode
from httptee.recording.files import Loss
from httptee.recording.gaps import Gap, gaps_of
from httptee.recording.reading import read_recording
from tests.recording.made import START, exchange, journal, write


def at(number):
    return START + number * 1_000_000


def offsets(file):
    segment = Segment(file)
    try:
        return list(segment.index.offsets)
    finally:
        segment.close()


def only(directory):
    (file,) = directory.iterdir()
    return file


def test_a_whole_recording_has_no_gap(tmp_path):
    write(tmp_path, range(1, 9))
    assert gaps_of(tmp_path.iterdir()) == ()


def test_a_damaged_header_is_a_gap_between_its_neighbors(tmp_path):
    write(tmp_path, range(1, 9))
    file = only(tmp_path)
    data = bytearray(file.read_bytes())
    for number in (3, 4):
        data[offsets(file)[number] + 20] ^= 1
    file.write_bytes(data)
    assert gaps_of([file]) == (Gap(at(3), at(6), 2, "damaged"),)


def test_the_first_and_the_last_exchange_are_missed_too(tmp_path):
    write(tmp_path, range(1, 5))
    file = only(tmp_path)
    data = bytearray(file.read_bytes())
    for number in (0, 3):
        data[offsets(file)[number] + 20] ^= 1
    file.write_bytes(data)
    assert gaps_of([file]) == (Gap(at(2), at(2), 1, "damaged"), Gap(at(3), at(3), 1, "damaged"))


def test_a_damaged_head_or_index_costs_no_exchange(tmp_path):
    write(tmp_path, range(1, 5))
    file = only(tmp_path)
    data = bytearray(file.read_bytes())
    data[10] ^= 1
    data[-20] ^= 1
    file.write_bytes(data)
    recording = read_recording([file])
    assert [one.place for one in recording] == [1, 2, 3, 4]
    assert {gap.lost for gap in recording.gaps} <= {None}


def test_what_the_writer_says_is_lost_is_a_gap(tmp_path):
    writer = journal(tmp_path)
    writer.append([(at(1), encode(exchange(1)))])
    writer.note(at(2), Loss("queue_full", 7, at(1), at(2)).packed())
    writer.close()
    assert gaps_of(tmp_path.iterdir()) == (Gap(at(1), at(2), 7, "queue_full"),)


def test_a_writer_that_was_killed_leaves_a_gap_of_unknown_size(tmp_path):
    writer = journal(tmp_path)
    writer.append([(at(1), encode(exchange(1)))])
    data = only(tmp_path).read_bytes()
    writer.close()
    only(tmp_path).write_bytes(data + b"\xf5HTJ torn")
    assert gaps_of(tmp_path.iterdir()) == (Gap(at(1), at(1), None, "lost"),)


def test_the_successor_of_a_killed_writer_says_what_was_lost(tmp_path):
    first = journal(tmp_path)
    first.append([(at(1), encode(exchange(1)))])
    second = journal(tmp_path, sequence=first.sequence)
    second.note(at(3), Loss("lost", 2, at(1), at(3)).packed())
    second.append([(at(4), encode(exchange(4)))])
    second.close()
    assert gaps_of(tmp_path.iterdir()) == (Gap(at(1), at(3), 2, "lost"),)
    first.close()


def test_files_that_were_removed_to_keep_the_limits_are_no_gap(tmp_path):
    first = journal(tmp_path)
    first.append([(at(1), encode(exchange(1)))])
    first.close()
    second = journal(tmp_path, sequence=first.sequence)
    second.append([(at(2), encode(exchange(2)))])
    second.close()
    old, new = sorted(tmp_path.iterdir())
    old.unlink()
    assert gaps_of([new]) == ()


def test_a_file_that_is_missing_in_the_middle_is_a_gap(tmp_path):
    sequence = 0
    for number in (1, 2, 3):
        writer = journal(tmp_path, sequence=sequence)
        writer.append([(at(number), encode(exchange(number)))])
        writer.close()
        sequence = writer.sequence
    one, two, three = sorted(tmp_path.iterdir())
    two.unlink()
    (gap,) = gaps_of([one, three])
    assert (gap.lost, gap.reason) == (1, "damaged")
    assert gap.first <= at(2) <= gap.last


def test_200_flipped_bytes_cost_only_what_they_hit_and_every_loss_is_in_a_gap(tmp_path):
    count = 50_000
    write(tmp_path, range(1, count + 1))
    file = only(tmp_path)
    places = offsets(file)
    chance = random.Random(3)
    data = bytearray(file.read_bytes())
    hits = chance.sample(range(places[0], places[-1]), 200)
    for place in hits:
        data[place] ^= chance.randrange(1, 256)
    file.write_bytes(data)
    hit = {bisect_right(places, place) for place in hits}
    recording = read_recording([file])
    assert [one.place for one in recording] == [number for number in range(1, count + 1) if number not in hit]
    assert sum(gap.lost for gap in recording.gaps) == len(hit)
    for number in hit:
        assert any(gap.first <= at(number) <= gap.last for gap in recording.gaps)


@pytest.mark.parametrize("number", [0, 3, 9])
@pytest.mark.parametrize("place", [20, 60])
def test_a_damaged_block_is_a_gap_of_the_interval_of_its_records(tmp_path, number, place):
    writer = journal(tmp_path, compress=True)
    for first in range(1, 101, 10):
        writer.append([(at(one), encode(exchange(one))) for one in range(first, first + 10)])
    writer.close()
    file = only(tmp_path)
    segment = Segment(file)
    blocks = [found for found in segment.frames() if isinstance(found, Frame) and found.kind == BLOCK]
    segment.close()
    data = bytearray(file.read_bytes())
    data[blocks[number].offset + place] ^= 1
    file.write_bytes(data)
    recording = read_recording([file])
    lost = range(10 * number + 1, 10 * number + 11)
    assert [one.place for one in recording] == [one for one in range(1, 101) if one not in lost]
    (gap,) = recording.gaps
    assert (gap.lost, gap.reason) == (10, "damaged")
    if place == 60 or 0 < number < 9:  # the header still says when its last record arrived, or the neighbors do
        assert gap.first <= at(lost[0] if number else lost[-1])
        assert gap.last >= at(lost[-1])
