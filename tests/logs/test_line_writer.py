import os
import select
import threading

import pytest

from httptee.logs import line_writer as module
from httptee.logs.line_writer import LineWriter, check_log
from tests.support.net import eventually


@pytest.fixture
def make():
    made = []

    def build(path, **options):
        lost = []
        writer = LineWriter(str(path), lambda: lost.append(1), **options)
        made.append(writer)
        return writer, lost

    yield build
    for writer in made:
        writer.close(5)


def test_lines_are_appended_in_order(make, tmp_path):
    path = tmp_path / "log"
    path.write_text("before\n")
    writer, lost = make(path)
    for number in range(1000):
        writer.put(b"%d\n" % number)
    writer.close(5)
    assert path.read_text() == "before\n" + "".join(f"{number}\n" for number in range(1000))
    assert not lost


def test_no_thread_and_no_file_before_the_first_line(make, tmp_path):
    before = threading.active_count()
    make(tmp_path / "log")
    assert threading.active_count() == before
    assert not (tmp_path / "log").exists()


def test_a_file_that_was_moved_away_is_replaced(make, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LOOK", 0.01)
    path, moved = tmp_path / "log", tmp_path / "log.1"
    writer, lost = make(path)
    writer.put(b"old\n")
    eventually(lambda: path.exists() and path.read_bytes() == b"old\n")
    path.rename(moved)

    def written():
        writer.put(b"new\n")
        return path.exists()

    eventually(written)
    writer.close(5)
    assert set(path.read_bytes().split(b"\n")) == {b"new", b""}
    assert moved.read_bytes().startswith(b"old\n")
    assert not lost


def test_a_file_that_was_truncated_goes_on_from_its_start(make, tmp_path):
    path = tmp_path / "log"
    writer, _ = make(path)
    writer.put(b"old\n")
    eventually(lambda: path.exists() and path.read_bytes() == b"old\n")
    os.truncate(path, 0)
    writer.put(b"new\n")
    writer.close(5)
    assert path.read_bytes() == b"new\n"


def test_a_reader_that_does_not_read_costs_lines_and_no_time(make, tmp_path):
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writer, lost = make(fifo, most=10_000)
    writer.put(b"first\n")
    eventually(lambda: writer._file >= 0)

    def full():
        writer.put(b"x" * 3999 + b"\n")
        return lost

    eventually(full)
    assert writer._waiting <= 10_000
    os.close(reader)
    writer.close(5)
    eventually(lambda: not writer._thread.is_alive())


def test_every_write_to_a_pipe_is_whole_lines_of_a_size_that_is_not_mixed_with_others(make, tmp_path, monkeypatch):
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    written = []
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: written.append(bytes(data)) or write(fd, data))
    writer, _ = make(fifo)
    for _ in range(200):
        writer.put(b"y" * 150 + b"\n")
    writer.close(5)
    os.close(reader)
    assert b"".join(written).count(b"\n") == 200
    assert all(len(data) <= select.PIPE_BUF and data.endswith(b"\n") for data in written)


def test_what_cannot_be_written_is_dropped_counted_and_said(make, tmp_path, caplog):
    writer, lost = make(tmp_path / "missing" / "log")
    for _ in range(3):
        writer.put(b"line\n")
    writer.close(5)
    assert len(lost) == 3
    assert "cannot write the access log" in caplog.text


def test_after_close_lines_are_dropped(make, tmp_path):
    writer, lost = make(tmp_path / "log")
    writer.close(5)
    writer.put(b"late\n")
    assert len(lost) == 1


def test_a_log_that_cannot_be_opened_is_known_at_once(tmp_path):
    check_log("-")
    check_log(str(tmp_path / "log"))
    with pytest.raises(IsADirectoryError):
        check_log(str(tmp_path))
