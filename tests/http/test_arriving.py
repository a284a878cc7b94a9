import errno
import io
import tempfile
import threading

import pytest

from httptee.errors import BodyStorage
from httptee.http import arriving
from httptee.http.arriving import SMALL_HEAD, ArrivingBody, RequestMemory, write_all

KB = 1024


def in_memory(body):
    return isinstance(body.stream(), io.BytesIO)


class FullFile(io.RawIOBase):
    """Takes `room` bytes, a few at a time, then fails as a disk does."""

    def __init__(self, room=0, error=errno.ENOSPC):
        self.room, self.error, self.taken = room, error, b""

    def write(self, data):
        if not self.room:
            raise OSError(self.error, "injected")
        count = min(3, self.room, len(data))
        self.room -= count
        self.taken += bytes(data[:count])
        return count


@pytest.fixture
def disk(monkeypatch):
    """Call it with a file, or an error, that the next unnamed file is."""

    def install(file):
        def make(*_, **__):
            if isinstance(file, OSError):
                raise file
            return file

        monkeypatch.setattr(tempfile, "TemporaryFile", make)
        return file

    return install


@pytest.mark.parametrize("pieces", [[], [b"abc"], [b"abc", b"def"], [b"x" * KB] * 100, [b"x" * 65_536] * 12])
@pytest.mark.parametrize("most", [0, 2000, 10**9])
def test_a_body_is_what_was_added_wherever_it_is_held(pieces, most):
    memory = RequestMemory(most)
    body = ArrivingBody(memory)
    for piece in pieces:
        body.append(piece)
    whole = b"".join(pieces)
    assert len(body) == len(whole)
    assert body.stream().read() == whole
    assert body.stream().read(2) == whole[:2]
    assert memory.held == (len(whole) if whole and in_memory(body) else 0)
    body.close()
    body.close()
    assert memory.held == 0


def test_a_body_of_one_piece_is_not_copied():
    body, data = ArrivingBody(RequestMemory(10**6)), b"x" * 1000
    body.append(data)
    assert body.stream().read(1000) is data


@pytest.mark.parametrize(("size", "held"), [(512 * KB, 512 * KB), (512 * KB + 1, 0)])
def test_a_body_over_512_kib_is_in_a_file(size, held):
    memory = RequestMemory(10**9)
    body = ArrivingBody(memory)
    body.append(b"x" * 1000)
    body.append(b"x" * (size - 1000))
    assert memory.held == held
    assert body.stream().read() == b"x" * size
    body.close()


def test_the_more_is_held_the_earlier_a_body_goes_to_its_file():
    memory = RequestMemory(1000 * KB)
    bodies = [ArrivingBody(memory) for _ in range(40)]
    for body in bodies:
        for _ in range(4):
            body.append(b"x" * 25 * KB)
    assert [in_memory(body) for body in bodies[:5]] == [True] * 5  # 100 KB each, to half of the bound
    assert not any(in_memory(body) for body in bodies[5:])
    small = [ArrivingBody(memory) for _ in range(40)]
    for body in small:
        body.append(b"x" * 50 * KB)
    assert [in_memory(body) for body in small] == [True] * 5 + [False] * 35  # to three quarters
    assert memory.held == 750 * KB
    assert memory.take_for_head(250 * KB, 250 * KB)
    for body in bodies + small:
        body.close()
    assert memory.held == 250 * KB


def test_a_small_body_that_arrives_in_one_piece_is_always_held():
    memory = RequestMemory(0)
    small, large, first = ArrivingBody(memory), ArrivingBody(memory), ArrivingBody(memory)
    small.append(b"x" * 64 * KB, whole=True)
    assert (in_memory(small), memory.held) == (True, 64 * KB)
    large.append(b"x" * (64 * KB + 1), whole=True)
    first.append(b"x")
    first.append(b"x", whole=True)
    assert not in_memory(large)
    assert not in_memory(first)
    for body in (small, large, first):
        body.close()
    assert memory.held == 0


def test_a_small_head_always_finds_room_and_counts():
    memory = RequestMemory(0)
    assert memory.take_for_head(SMALL_HEAD, SMALL_HEAD)
    assert not memory.take_for_head(1, SMALL_HEAD + 1)
    assert memory.held == SMALL_HEAD
    assert repr(memory) == "<RequestMemory [held 4096/0]>"


def test_counts_are_exact_over_threads():
    memory = RequestMemory(10**6)

    def work():
        for _ in range(300):
            body = ArrivingBody(memory)
            for size in (1, 70, 3):
                body.append(b"x" * size)
            body.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert memory.held == 0


NO_FILE = [OSError(errno.EMFILE, "files"), OSError(errno.ENFILE, "files"), FileNotFoundError(errno.ENOENT, "gone")]


@pytest.mark.parametrize("error", NO_FILE)
def test_where_no_file_can_be_made_the_body_is_refused_and_nothing_stays_held(disk, error):
    disk(error)
    memory = RequestMemory(10 * KB)
    body = ArrivingBody(memory)
    body.append(b"x" * 100)
    with pytest.raises(BodyStorage):
        body.append(b"x" * 10 * KB)
    body.close()
    assert memory.held == 0


@pytest.mark.parametrize("room", [0, 2, 100, 150])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_where_a_file_takes_no_more_the_body_is_refused_and_the_log_says_why(disk, caplog, room, error):
    file = disk(FullFile(room, error))
    memory = RequestMemory(300)
    body = ArrivingBody(memory)
    body.append(b"x" * 100)
    with pytest.raises(BodyStorage):
        body.append(b"y" * 200)
    body.close()
    assert memory.held == 0
    assert file.closed
    assert "could not be stored: injected" in caplog.text


def test_a_file_that_takes_less_than_it_is_given_gets_all_of_it():
    file = FullFile(room=10**6)
    write_all(file, b"0123456789" * 10)
    assert file.taken == b"0123456789" * 10


def test_an_error_at_the_close_of_a_file_harms_nobody(disk):
    class Failing(FullFile):
        def close(self):
            if not self.closed:
                super().close()
                raise OSError(errno.EIO, "injected")

    disk(Failing(room=1000))
    body = ArrivingBody(RequestMemory(0))
    body.append(b"x" * 10)
    body.close()


def test_a_directory_that_is_gone_is_a_refusal(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(BodyStorage):
        ArrivingBody(RequestMemory(0)).append(b"x")
    assert arriving.BodyStorage.status == 507
