import os

from httptee.journal.retention import Limits, free_share, locked, stored, trim
from httptee.journal.writer import JournalWriter

NOW = 1_000_000.0


def made(directory, *ages, size=100):
    for number, age in enumerate(ages):
        path = directory / f"s.{number}.log"
        path.write_bytes(bytes(size))
        os.utime(path, (NOW - age, NOW - age))


def names(directory):
    return [one.path.name for one in stored(directory, ".log")]


def test_the_oldest_segments_are_removed_until_the_rest_fits(tmp_path):
    made(tmp_path, 1, 40, 30, 20)
    trimmed = trim(tmp_path, ".log", Limits(max_bytes=200, min_free=0.0), NOW)
    assert names(tmp_path) == ["s.3.log", "s.0.log"]
    assert (trimmed.files, trimmed.size, trimmed.full) == (2, 200, False)


def test_segments_over_the_age_are_removed(tmp_path):
    made(tmp_path, 1, 40, 30)
    assert trim(tmp_path, ".log", Limits(max_age=35, min_free=0.0), NOW).files == 1
    assert names(tmp_path) == ["s.2.log", "s.0.log"]


def test_segments_are_removed_while_the_disk_has_too_little_room(tmp_path):
    made(tmp_path, 3, 2, 1)
    trimmed = trim(tmp_path, ".log", Limits(min_free=1.0), NOW)  # no disk is empty
    assert (names(tmp_path), trimmed.files, trimmed.full) == ([], 3, True)


def test_a_segment_that_is_being_written_is_kept(tmp_path):
    journal = JournalWriter(tmp_path, "live", ".log", limits=Limits(min_free=0.0))
    journal.append([(1, bytes(500))])
    trimmed = trim(tmp_path, ".log", Limits(max_bytes=1, min_free=0.0), NOW)
    assert (len(names(tmp_path)), trimmed.full) == (1, True)
    journal.close()
    assert trim(tmp_path, ".log", Limits(max_bytes=1, min_free=0.0), NOW).files == 1


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_bytes(bytes(1000))
    trim(tmp_path, ".log", Limits(max_bytes=1, min_free=0.0), NOW)
    assert (tmp_path / "notes.txt").exists()


def test_a_lock_is_free_again_after_its_look(tmp_path):
    made(tmp_path, 1)
    for _ in range(2):
        with locked(tmp_path / "s.0.log", exclusive=True) as free:
            assert free


def test_the_free_share_is_a_share(tmp_path):
    assert 0.0 <= free_share(tmp_path) < 1.0
