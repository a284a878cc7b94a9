import random

import pytest

from httptee.journal import Segment
from httptee.recording.exchange import encode
from httptee.recording.reading import read_recording
from httptee.recording.writing import RecordingWriter
from tests.recording.made import START, exchange, journal, write


def numbers(recording):
    return [one.place for one in recording]


def test_exchanges_come_in_the_order_of_their_arrival_from_all_files(tmp_path):
    write(tmp_path, [1, 4, 5, 9, 2], "one")
    write(tmp_path, [3, 7, 6, 8], "two")
    recording = read_recording([tmp_path])
    assert numbers(recording) == list(range(1, 10))
    assert numbers(recording) == list(range(1, 10))  # as often as needed
    assert (recording.count, recording.first, recording.last) == (9, START + 1_000_000, START + 9_000_000)
    assert recording.primary == "http://a"
    assert recording.masked
    assert recording.gaps == ()


def test_any_mixture_of_files_comes_in_order(tmp_path):
    chance = random.Random(7)
    everything = list(range(1, 200))
    chance.shuffle(everything)
    for part in range(5):
        write(tmp_path, everything[part::5], f"part{part}")
    assert numbers(read_recording([tmp_path])) == list(range(1, 200))


def test_a_part_of_the_time_is_read(tmp_path):
    write(tmp_path, range(1, 6), "one")
    write(tmp_path, range(6, 11), "two")
    recording = read_recording([tmp_path])
    at = [START + number * 1_000_000 for number in range(12)]
    assert [one.place for one in recording.between(at[4], at[7])] == [4, 5, 6, 7]
    assert [one.place for one in recording.between(at[9])] == [9, 10]
    assert list(recording.between(at[11])) == []


def test_files_and_directories_are_read_together_and_each_once(tmp_path):
    write(tmp_path / "a", [1, 3])
    write(tmp_path / "b", [2])
    (file,) = (tmp_path / "a").iterdir()
    assert numbers(read_recording([tmp_path / "a", tmp_path / "b", file])) == [1, 2, 3]


def test_the_addresses_of_all_its_as_are_known(tmp_path):
    for name, primary in (("1", "http://a"), ("2", ""), ("3", "http://b http://a"), ("4", "http://c")):
        RecordingWriter(tmp_path / name, primary).close()
    assert read_recording(tmp_path / name for name in "1234").primary == "http://a http://b http://c"


def test_a_recording_is_read_while_it_is_written(tmp_path):
    writer = journal(tmp_path)
    writer.append([(exchange(1).arrived, encode(exchange(1)))])
    recording = read_recording([tmp_path])
    assert numbers(recording) == [1]
    assert recording.gaps == ()
    writer.close()


def test_a_damaged_exchange_is_left_out(tmp_path):
    write(tmp_path, range(1, 6))
    (file,) = tmp_path.iterdir()
    segment = Segment(file)
    data = bytearray(file.read_bytes())
    data[segment.index.offsets[2] + 60] ^= 1
    segment.close()
    file.write_bytes(data)
    recording = read_recording([tmp_path])
    assert numbers(recording) == [1, 2, 4, 5]
    damaged = []
    assert numbers(recording.between(on_damaged=damaged.append)) == [1, 2, 4, 5]
    assert damaged == [START + 3_000_000]
    (gap,) = recording.gaps
    assert (gap.first, gap.last, gap.lost) == (START + 3_000_000, START + 3_000_000, 1)


def test_a_directory_without_a_recording_and_another_file_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no recording"):
        read_recording([tmp_path])
    (tmp_path / "notes.txt").write_text("hello" * 1000)
    with pytest.raises(ValueError, match="no recording"):
        read_recording([tmp_path / "notes.txt"])
    with pytest.raises(OSError, match="nothing"):
        read_recording([tmp_path / "nothing"])


def test_an_empty_file_of_a_process_that_was_killed_at_its_start_is_no_obstacle(tmp_path):
    write(tmp_path, [1])
    (tmp_path / "two.000001.rec").write_bytes(b"")
    assert numbers(read_recording([tmp_path])) == [1]


def test_a_recording_that_is_closed_has_given_up_what_was_being_read(tmp_path):
    write(tmp_path, range(1, 9))
    with read_recording([tmp_path]) as recording:
        reading = iter(recording)
        next(reading)
    assert list(reading) == []
    recording.close()
