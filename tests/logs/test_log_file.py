"""What a log does when its disk is full, its reader is gone, or its path is not what it was."""

import contextlib
import errno
import os
import threading

import pytest

from httptee.logs import log_file as module
from httptee.logs.line_writer import LineWriter
from httptee.logs.log_file import LogFile, check_log
from tests.support.net import eventually


class Disk:
    """A stand-in for `os.write` on a disk with room for some more bytes: a short write, then ENOSPC."""

    def __init__(self, monkeypatch, room):
        self.room = room
        self.after = lambda: None
        self._write = os.write
        monkeypatch.setattr(module.os, "write", self.write)

    def write(self, descriptor, data):
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = self._write(descriptor, bytes(data)[: self.room])
        self.room -= written
        if not self.room:
            self.after()
        return written


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LOOK", 0.0)
    made = LogFile(str(tmp_path / "log"))
    yield made
    made.close()


def put(log, *lines):
    """Write lines; return those that are not in the file."""
    left = list(lines)
    with contextlib.suppress(OSError):
        log.write(left, lambda: True)
    return left


@pytest.mark.parametrize("room", range(15))
def test_a_disk_that_fills_up_within_a_line_leaves_whole_lines(log, tmp_path, monkeypatch, room):
    disk = Disk(monkeypatch, room)
    lines = [b"one\n", b"two2\n", b"three\n"]
    left = put(log, *lines)
    whole = lines[: 3 - len(left)]
    assert (tmp_path / "log").read_bytes() == b"".join(whole)
    assert len(b"".join([*whole, left[0]])) > room if left else room == 15
    assert log.begun == 0
    disk.room = 100
    assert put(log, b"later\n") == []
    assert (tmp_path / "log").read_bytes() == b"".join([*whole, b"later\n"])


def test_a_part_of_a_line_that_cannot_be_cut_off_is_completed(log, tmp_path, monkeypatch):
    disk = Disk(monkeypatch, 6)
    monkeypatch.setattr(module.os, "ftruncate", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "not permitted")))
    assert put(log, b"one\n", b"two\n") == [b"two\n"]
    assert log.begun == 2
    disk.room = 100
    assert put(log, b"two\n", b"three\n") == []
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\nthree\n"


def test_what_another_process_has_written_is_never_cut_off(log, tmp_path, monkeypatch):
    disk = Disk(monkeypatch, 6)

    def another():
        with open(tmp_path / "log", "ab", buffering=0) as other:
            disk._write(other.fileno(), b"theirs\n")

    disk.after = another
    assert put(log, b"one\n", b"two\n") == [b"two\n"]
    assert (tmp_path / "log").read_bytes() == b"one\ntwtheirs\n"
    assert log.begun == 2


def test_writers_take_turns(log, tmp_path):
    """A child of this process holds the lock on the file while it writes: nobody else writes behind its short write."""
    assert put(log, b"one\n") == []
    ours, theirs = os.pipe()
    back, forth = os.pipe()
    child = os.fork()
    if not child:
        with module._locked(os.open(tmp_path / "log", os.O_WRONLY | os.O_APPEND)):
            os.write(theirs, b".")
            os.read(back, 1)
        os._exit(0)
    os.read(ours, 1)
    busy = threading.Thread(target=put, args=(log, b"two\n"))
    module_tries, module._LOCK_TRIES = module._LOCK_TRIES, 10**9
    try:
        busy.start()
        busy.join(0.1)
        assert (tmp_path / "log").read_bytes() == b"one\n"
        os.write(forth, b".")
        busy.join()
    finally:
        module._LOCK_TRIES = module_tries
        os.waitpid(child, 0)
        for descriptor in (ours, theirs, back, forth):
            os.close(descriptor)
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\n"


def test_a_lock_that_is_never_released_does_not_stop_the_log(log, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LOCK_TRIES", 2)
    monkeypatch.setattr(module.fcntl, "lockf", lambda *_: (_ for _ in ()).throw(BlockingIOError()))
    assert put(log, b"one\n") == []
    assert (tmp_path / "log").read_bytes() == b"one\n"


def test_a_path_that_cannot_be_opened_again_leaves_the_old_file_in_use(log, tmp_path, caplog):
    path, moved = tmp_path / "log", tmp_path / "log.1"
    assert put(log, b"one\n") == []
    path.rename(moved)
    path.mkdir()
    assert put(log, b"two\n") == []
    assert moved.read_bytes() == b"one\ntwo\n"
    assert f"cannot open the log {path}: Is a directory" in caplog.text
    path.rmdir()
    assert put(log, b"three\n") == []
    assert path.read_bytes() == b"three\n"


def test_a_fifo_is_checked_without_a_reader_and_without_opening_it(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    check_log(str(fifo))
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    watched = module.select.poll()
    watched.register(reader, module.select.POLLHUP)
    check_log(str(fifo))
    assert not watched.poll(0)  # an open and a close would have hung up
    os.close(reader)


def test_a_fifo_without_a_reader_costs_its_lines_until_there_is_one(tmp_path, caplog):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    lost = []
    writer = LineWriter(str(fifo), lambda: lost.append(1))
    for _ in range(3):
        writer.put(b"early\n")
    eventually(lambda: len(lost) == 3)
    assert f"cannot write the access log {fifo}: nobody reads it" in caplog.text
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writer.put(b"read\n")
    eventually(lambda: module.select.select([reader], [], [], 0)[0])
    assert os.read(reader, 100) == b"read\n"
    os.close(reader)
    writer.put(b"late\n")
    writer.close(5)
    assert len(lost) == 4


def test_a_reader_that_stops_costs_the_lines_that_it_does_not_read_and_no_others(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    lost = []
    writer = LineWriter(str(fifo), lambda: lost.append(1))
    for number in range(2000):
        writer.put(b"%099d\n" % number)
    writer.close(0.2)
    assert not writer._thread.is_alive()
    read = b""
    while piece := os.read(reader, 1 << 20):
        read += piece
    os.close(reader)
    whole = read.count(b"\n")
    assert read[: whole * 100] == b"".join(b"%099d\n" % number for number in range(whole))
    assert 0 < whole == 2000 - len(lost)
