"""How far a stream has been settled."""

import errno
import os
from unittest.mock import Mock

import pytest

from httptee.spool import cursor as module
from httptee.spool.cursor import WINDOW, Cursor, make_cursor, note_written


def test_settled_out_of_order_and_read_again_without_a_save(tmp_path):
    first = Cursor(tmp_path / "c")
    for sequence in (1, 2, 5, 7):
        first.settle(sequence)
    again = Cursor(tmp_path / "c")  # as after SIGKILL: nobody has closed the first one
    assert again.low == 2
    assert [again.settled(each) for each in range(1, 9)] == [True, True, False, False, True, False, True, False]


def test_more_records_than_the_window_has_places(tmp_path):
    one = Cursor(tmp_path / "c")
    for sequence in range(1, 3 * WINDOW):
        one.settle(sequence)
    again = Cursor(tmp_path / "c")
    assert again.low == 3 * WINDOW - 1
    assert not again.settled(3 * WINDOW)
    assert again.has_room(4 * WINDOW - 1)
    assert not again.has_room(4 * WINDOW)


@pytest.mark.parametrize("slot", [0, 64])
def test_one_damaged_slot_costs_the_last_save_only(tmp_path, slot):
    one = Cursor(tmp_path / "c")
    for sequence in (1, 2):
        one.settle(sequence)
        one.save(sync=True)
    with (tmp_path / "c").open("r+b") as file:
        file.seek(slot + 3)
        file.write(b"\xff")
    assert Cursor(tmp_path / "c").low == 2  # the marks say it too


def test_marks_do_not_count_after_a_restart_of_the_machine(tmp_path, monkeypatch):
    one = Cursor(tmp_path / "c")
    one.settle(1)
    one.save()
    one.settle(3)
    monkeypatch.setattr(module, "boot_id", lambda: b"another".ljust(36))
    again = Cursor(tmp_path / "c")
    assert again.low == 1
    assert not again.settled(3)


def test_what_the_writer_has_stored(tmp_path):
    descriptor = make_cursor(tmp_path / "c")
    assert Cursor(tmp_path / "c").written == 0
    note_written(descriptor, 9)
    assert Cursor(tmp_path / "c").written == 9
    os.pwrite(descriptor, b"\xff", 128)
    assert Cursor(tmp_path / "c").written == 0


def test_to_look_writes_nothing(tmp_path):
    look = Cursor(tmp_path / "none", look_only=True)
    assert (look.low, look.fresh) == (0, True)
    look.close()
    assert not list(tmp_path.iterdir())


def test_while_there_is_no_room_for_the_file_the_place_is_in_memory(tmp_path, monkeypatch):
    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
        cursor = Cursor(tmp_path / "x.cursor")
        for sequence in (1, 2, 4):
            cursor.settle(sequence)
        cursor.save(sync=True)
        assert (cursor.low, cursor.written) == (2, 0)
        assert not list(tmp_path.iterdir())
    cursor.save(sync=True)
    cursor.settle(5)
    cursor.close()
    again = Cursor(tmp_path / "x.cursor")
    assert again.low == 2
    assert [again.settled(sequence) for sequence in (3, 4, 5)] == [False, True, True]
    again.close()


def test_a_file_that_is_there_and_cannot_be_opened_is_an_error(tmp_path):
    (tmp_path / "x.cursor").mkdir()
    with pytest.raises(OSError):
        Cursor(tmp_path / "x.cursor")
