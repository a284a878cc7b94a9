import os
import resource
import stat
from contextlib import contextmanager
from unittest.mock import Mock

from httptee.journal.framing import HEADER_SIZE, RECORD, Damage, Frame
from httptee.journal.names import number_of, segments_of
from httptee.journal.retention import Limits
from httptee.journal.segment import Segment
from httptee.journal.writer import Appended, JournalWriter
from tests.support.clock import Clock

UNLIMITED = Limits(min_free=0.0)


def writer(directory, limits=UNLIMITED, **more):
    return JournalWriter(directory, "s", ".log", b"head", limits, **more)


def records_of(directory):
    found = []
    for path in segments_of(directory, "s", ".log"):
        segment = Segment(path)
        found += [one for one in segment.scan() if isinstance(one, Frame) and one.kind == RECORD]
        segment.close()
    return [(one.sequence, one.stamp, one.payload) for one in found]


@contextmanager
def files_of_at_most(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_records_are_read_as_they_were_appended(tmp_path):
    journal = writer(tmp_path)
    assert journal.append([(10, b"one"), (20, b"")]) is Appended.COMMITTED
    assert journal.append([(30, b"three")]) is Appended.COMMITTED
    journal.close()
    assert records_of(tmp_path) == [(1, 10, b"one"), (2, 20, b""), (3, 30, b"three")]
    assert journal.sequence == 3


def test_files_and_directories_are_for_their_owner_alone(tmp_path):
    journal = writer(tmp_path / "new")
    journal.append([(1, b"x")])
    (file,) = segments_of(tmp_path / "new", "s", ".log")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    journal.close()


def test_a_closed_segment_has_its_index_and_an_open_one_is_scanned(tmp_path):
    journal = writer(tmp_path)
    journal.append([(5, b"a"), (3, b"b")])
    (path,) = segments_of(tmp_path, "s", ".log")
    open_one = Segment(path)
    assert not open_one.closed
    assert open_one.being_written()
    assert list(open_one.index.stamps) == [5, 3]
    journal.close()
    closed = Segment(path)
    assert closed.closed
    assert not closed.being_written()
    assert closed.index.offsets == open_one.index.offsets
    assert closed.head == b"head"
    open_one.close()
    closed.close()


def test_a_segment_that_is_full_is_followed_by_the_next(tmp_path):
    journal = writer(tmp_path, Limits(segment_bytes=200, min_free=0.0))
    for number in range(10):
        journal.append([(number, bytes(50))])
    journal.close()
    paths = segments_of(tmp_path, "s", ".log")
    assert [number_of(path) for path in paths] == list(range(1, len(paths) + 1))
    assert len(paths) > 3
    assert [sequence for sequence, _, _ in records_of(tmp_path)] == list(range(1, 11))


def test_a_second_writer_of_a_stream_takes_a_file_of_its_own_and_goes_on_counting(tmp_path):
    first = writer(tmp_path)
    first.append([(1, b"a")])
    second = writer(tmp_path, sequence=first.sequence)
    second.append([(2, b"b")])
    assert len(segments_of(tmp_path, "s", ".log")) == 2
    assert [sequence for sequence, _, _ in records_of(tmp_path)] == [1, 2]
    first.close()
    second.close()


def test_what_a_full_disk_took_in_part_is_cut_off_and_later_records_are_whole(tmp_path):
    clock = Clock()
    journal = writer(tmp_path, clock=clock)
    journal.append([(1, b"before")])
    (path,) = segments_of(tmp_path, "s", ".log")
    size = path.stat().st_size
    with files_of_at_most(size + HEADER_SIZE + 10):
        assert journal.append([(2, b"in the way" * 100)]) is Appended.FULL
        assert path.stat().st_size == size
        assert journal.append([(2, b"x")]) is Appended.FULL  # not tried before its time
        assert "large" in journal.error
    clock.now += 2
    assert journal.append([(3, b"after")]) is Appended.COMMITTED
    journal.close()
    assert records_of(tmp_path) == [(1, 1, b"before"), (2, 3, b"after")]
    segment = Segment(path)
    assert not [one for one in segment.scan() if isinstance(one, Damage)]
    segment.close()


def test_no_segment_is_left_where_not_even_its_head_has_room(tmp_path):
    journal = writer(tmp_path)
    with files_of_at_most(10):
        assert journal.append([(1, b"x")]) is Appended.FULL
    assert segments_of(tmp_path, "s", ".log") == []


def test_a_directory_that_cannot_be_made_is_tried_again(tmp_path):
    clock = Clock()
    place = tmp_path / "file" / "journal"
    place.parent.write_text("in the way")
    journal = writer(place, clock=clock)
    assert journal.append([(1, b"x")]) is Appended.UNAVAILABLE
    place.parent.unlink()
    clock.now += 2
    assert journal.append([(1, b"x")]) is Appended.COMMITTED
    journal.close()


def test_a_directory_that_was_taken_away_is_made_again(tmp_path):
    clock = Clock()
    journal = writer(tmp_path / "gone", clock=clock)
    journal.append([(1, b"x")])
    for file in (tmp_path / "gone").iterdir():
        file.unlink()
    (tmp_path / "gone").rmdir()
    clock.now += 2
    journal.append([(2, b"y")])
    journal.close()
    assert records_of(tmp_path / "gone") == [(2, 2, b"y")]


def test_a_disk_that_fails_costs_the_batch_and_the_segment(tmp_path, monkeypatch):
    clock = Clock()
    journal = writer(tmp_path, clock=clock)
    journal.append([(1, b"before")])

    def fails(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fails)
        assert journal.append([(2, b"x")]) is Appended.UNAVAILABLE
    clock.now += 2
    assert journal.append([(3, b"after")]) is Appended.COMMITTED
    journal.close()
    assert records_of(tmp_path) == [(1, 1, b"before"), (2, 3, b"after")]
    assert len(segments_of(tmp_path, "s", ".log")) == 2


def test_a_note_takes_no_sequence(tmp_path):
    journal = writer(tmp_path)
    journal.append([(1, b"a")])
    journal.note(2, b"said")
    journal.append([(3, b"b")])
    journal.close()
    (path,) = segments_of(tmp_path, "s", ".log")
    segment = Segment(path)
    assert [(one.stamp, one.payload) for one in segment.notes()] == [(2, b"said")]
    assert [sequence for sequence, _, _ in records_of(tmp_path)] == [1, 2]
    assert len(segment.index) == 2
    segment.close()


def test_at_a_limit_its_own_segment_is_closed_and_removed_like_any_other(tmp_path):
    journal = writer(tmp_path, Limits(max_bytes=1000, min_free=0.0), clock=(clock := Clock()))
    for number in range(1, 6):
        assert journal.append([(number, b"x" * 2000)]) is Appended.COMMITTED
        clock.now += 2
    journal.close()
    assert records_of(tmp_path) == [(5, 5, b"x" * 2000)]
    assert journal.removed == 4


def test_at_the_limit_of_the_directory_nothing_is_taken_where_nothing_may_be_removed(tmp_path):
    journal = writer(tmp_path, Limits(max_bytes=10, min_free=0.0, removes=False), clock=(clock := Clock()))
    journal.append([(1, b"x" * 100)])  # the first look found nothing
    clock.now += 2
    assert journal.append([(2, b"y")]) is Appended.FULL
    assert "limit" in journal.error
    journal.close()


def test_what_another_process_writes_leaves_no_room_and_is_not_removed(tmp_path):
    limits, clock = Limits(max_bytes=1000, min_free=0.0), Clock()
    other = JournalWriter(tmp_path, "other", ".log", b"head", UNLIMITED)
    other.append([(1, b"x" * 2000)])
    journal = writer(tmp_path, limits, clock=clock)
    assert journal.append([(1, b"x")]) is Appended.FULL
    other.close()
    clock.now += 2
    assert journal.append([(1, b"x")]) is Appended.COMMITTED
    journal.close()


def test_a_synced_journal_is_read_the_same(tmp_path):
    journal = writer(tmp_path, sync=True)
    journal.append([(1, b"x")])
    journal.close()
    assert records_of(tmp_path) == [(1, 1, b"x")]


def test_a_segment_has_its_name_only_when_it_is_locked(tmp_path, monkeypatch):
    # A reader that looks at any moment takes a segment without a lock for a closed one.
    real, seen = os.open, []

    def opening(path, *arguments):
        descriptor = real(path, *arguments)
        if str(path).startswith(f"{tmp_path}/s.") and arguments[0] & os.O_CREAT:
            seen.append(segments_of(tmp_path, "s", ".log"))
        return descriptor

    monkeypatch.setattr("os.open", opening)
    journal = writer(tmp_path)
    journal.append([(1, b"x")])
    (path,) = segments_of(tmp_path, "s", ".log")
    assert Segment(path).being_written()
    assert seen == [[]]
    journal.close()
    assert records_of(tmp_path) == [(1, 1, b"x")]


def test_a_closed_segment_is_not_locked_by_a_child_process_that_was_forked_meanwhile(tmp_path):
    journal = writer(tmp_path)
    journal.append([(1, b"x")])
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.read(read, 1)
        os._exit(0)
    journal.close()
    (path,) = segments_of(tmp_path, "s", ".log")
    locked = Segment(path).being_written()
    os.write(write, b"x")
    os.waitpid(child, 0)
    assert not locked


def test_a_segment_that_cannot_get_its_name_is_tried_again(tmp_path, monkeypatch):
    clock = Clock()
    journal = writer(tmp_path, clock=clock)
    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.rename", Mock(side_effect=OSError(5, "no")))
        assert journal.append([(1, b"x")]) is Appended.UNAVAILABLE
    assert not list(tmp_path.iterdir())
    clock.now += 2
    assert journal.append([(1, b"x")]) is Appended.COMMITTED
    journal.close()
    assert records_of(tmp_path) == [(1, 1, b"x")]
