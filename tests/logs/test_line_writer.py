import contextlib
import os
import re
import select
import signal
import threading
from pathlib import Path

import pytest

from httptee.logs import line_writer as writing
from httptee.logs import log_file as module
from httptee.logs.line_writer import LineWriter, StreamWriter
from httptee.logs.log_file import check_log
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
    eventually(lambda: writer._file._descriptor >= 0)

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


def test_lines_of_a_disk_that_fills_up_and_empties_are_whole_or_counted(make, tmp_path, monkeypatch):
    """Every line is either in the file, whole and once, or counted as dropped."""
    path, room = tmp_path / "log", [1003]
    write = os.write

    def limited(descriptor, data):
        if not room[0]:
            raise OSError(28, "No space left on device")
        written = write(descriptor, bytes(data)[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr(module.os, "write", limited)
    writer, lost = make(path)
    for number in range(200):
        writer.put(b"%09d\n" % number)
    eventually(lambda: lost)
    room[0] = 10**6
    for number in range(200, 300):
        writer.put(b"%09d\n" % number)
    writer.close(5)
    lines = path.read_bytes().splitlines(keepends=True)
    assert all(len(line) == 10 for line in lines)
    assert [int(line) for line in lines] == [*range(100), *range(200, 300)]
    assert len(lost) == 100


@contextlib.contextmanager
def without_new_threads(monkeypatch):
    """No thread can be started in the block."""

    def fail(self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        yield


def test_without_a_thread_lines_wait_and_the_end_writes_them(make, tmp_path, monkeypatch):
    path = tmp_path / "log"
    writer, lost = make(path)

    with without_new_threads(monkeypatch):
        writer.put(b"one\n")
        writer.put(b"two\n")
        assert writer._thread is None
        writer.close(5)
    assert path.read_bytes() == b"one\ntwo\n"
    assert not lost


def test_a_thread_that_could_not_be_started_is_started_later(make, tmp_path, monkeypatch):
    path = tmp_path / "log"
    monkeypatch.setattr(writing, "_START_AGAIN", 0.0)
    writer, lost = make(path)

    with without_new_threads(monkeypatch):
        writer.put(b"one\n")
    writer.put(b"two\n")
    eventually(lambda: path.exists() and path.read_bytes() == b"one\ntwo\n")
    assert not lost


def test_the_thread_takes_no_signals(make, tmp_path):
    writer, _ = make(tmp_path / "log")
    writer.put(b"one\n")
    status = Path(f"/proc/self/task/{writer._thread.native_id}/status").read_text()
    blocked = int(re.search(r"SigBlk:\s+(\w+)", status)[1], 16)
    assert all(blocked >> number - 1 & 1 for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1))
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.fixture
def pipe():
    """A pipe whose reader does not block."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_a_stream_that_nobody_reads_costs_lines_and_says_later_how_many(pipe):
    reader, stream = pipe
    os.set_blocking(stream, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(stream, b"\n" * 4096):
            pass
    os.set_blocking(stream, True)
    log = StreamWriter(stream, most=50_000)
    for number in range(3000):
        log.put(b"%099d\n" % number)
    read = b""

    def everything():
        nonlocal read
        with contextlib.suppress(BlockingIOError):
            read += os.read(reader, 1 << 20)
        return sum(map(int, re.findall(rb"^(\d+) lines of this log were lost$", read, re.MULTILINE))) == 2500

    eventually(everything)
    assert [int(line) for line in read.splitlines() if line.isdigit()] == list(range(500))
    log.put(b"after\n")
    eventually(lambda: select.select([reader], [], [], 0)[0])
    assert os.read(reader, 100) == b"after\n"
    log.close(5)


def test_a_report_that_is_lost_is_counted_again(pipe):
    log = StreamWriter(pipe[1], most=50_000)
    log._lost = 7
    first, report = b"first\n", log._report(7)[0]
    with log._lock:
        log._lost = 0
    log._lose([first, report])
    assert log._lost == 8
    log.close(5)


def test_a_stream_is_not_made_non_blocking_for_others(pipe):
    log = StreamWriter(pipe[1], most=50_000)
    log.put(b"one\n")
    log.close(5)
    assert os.read(pipe[0], 100) == b"one\n"
    assert os.get_blocking(pipe[1])


def test_a_fork_leaves_each_process_its_own_lines(pipe):
    reader, stream = pipe
    log = StreamWriter(stream, most=50_000)
    for number in range(1000):
        log.put(b"parent %d\n" % number)
        if number % 100 == 50:
            child = os.fork()
            if not child:
                log.put(b"child of %d\n" % number)
                log.flush(5)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    log.close(5)
    lines = os.read(reader, 1 << 20).splitlines()
    assert [line for line in lines if line.startswith(b"parent")] == [b"parent %d" % number for number in range(1000)]
    assert [line for line in lines if line.startswith(b"child")] == [b"child of %d" % n for n in range(50, 1000, 100)]


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
