"""`httptee spool`, on directories that the tests have written."""

import fcntl
import os
import time

import pytest

from httptee.commands.spool import command as module
from httptee.commands.spool import run_spool
from httptee.spool.aside import Aside
from httptee.spool.record import decode, encode
from httptee.spool.stream import Stream, streams_in
from tests.spool.spools import a_request, a_sheet, write
from tests.support.backend import Backend

DAYS = 24 * 3600
ID = "20260101T000000abcdef-01-0001-7"


@pytest.fixture
def directory(tmp_path):
    """The directory of one B."""
    made = tmp_path / "spool" / "b"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def run(capsys):
    def command(*words):
        status = run_spool([str(word) for word in words])
        out, err = capsys.readouterr()
        return status, out, err

    return command


def set_aside(directory, request=None, came=12.5, spool_id=ID):
    assert Aside(directory).add(spool_id, "500", came, decode(encode(request or a_request(7), "lane")))


def entries(directory):
    found = []
    for name in streams_in(directory):
        stream = Stream(directory, name, look_only=True)
        while stream.peek(alive=False) is not None:
            found.append(stream.take())
        stream.close()
    return found


def test_what_is_listed_and_shown_has_no_secrets(run, directory):
    request = a_request(7, "/write?db=x&u=me&p=hidden")
    request.headers.append(("Authorization", "Token hidden"))
    set_aside(directory, request)
    status, out, _ = run("ls", directory)
    assert (status, "hidden" in out, "p=***" in out, ID in out) == (0, False, True, True)
    status, out, _ = run("cat", directory, ID)
    assert (status, "hidden" in out, out.count("***"), "db=x" in out) == (0, False, 2, True)
    assert run("cat", directory, "all", "--keep-secrets")[1].count("hidden") == 2


def test_what_is_removed_is_gone_and_an_id_that_is_not_there_is_a_mistake(run, directory):
    set_aside(directory)
    assert run("drop", directory, "another")[0] == 2
    assert len(Aside(directory)) == 1
    assert run("drop", directory, ID) == (0, f"{ID} is removed\n", "")
    assert len(Aside(directory)) == 0
    assert run("drop", directory, "all")[0] == 0


def test_to_verify_fails_if_something_is_damaged(run, directory):
    write(directory, 3)
    assert run("verify", directory)[0] == 0
    (path,) = directory.glob("*.spool")
    data = bytearray(path.read_bytes())
    data[data.index(b"\r\n\r\n1") + 4] ^= 1
    path.write_bytes(data)
    status, out, _ = run("verify", directory)
    assert status == 1
    assert "1 of them are missing or damaged" in out


def test_what_is_put_into_the_spool_again_counts_as_new_however_old_it_is(run, directory):
    set_aside(directory, came=time.time() - 30 * DAYS)
    before = time.time_ns()
    assert run("retry", directory, "all") == (0, f"{ID} is in the spool again\n", "")
    assert len(Aside(directory)) == 0
    (entry,) = entries(directory)
    assert entry.clone.body == b"7"
    assert before <= entry.stamp <= time.time_ns()


def test_by_hand_nothing_is_dropped_that_is_old_or_takes_much(run, directory, monkeypatch):
    defaults, asked = [], module.SpoolSettings

    def remembered(*arguments, **given):
        defaults.append(asked(*arguments, **given))
        return defaults[-1]

    monkeypatch.setattr(module, "SpoolSettings", remembered)
    sheet = a_sheet(directory)
    long_ago = time.time_ns() - 30 * DAYS * 10**9
    assert sheet.append([(long_ago + each, encode(a_request(each), "lane")) for each in range(5)])
    sheet.close()
    (path,) = directory.glob("*.spool")
    os.utime(path, (1, 1))  # as if its writer had ended long ago
    with Backend() as b:
        status, out, _ = run("drain", directory, "--to", b.url)
        assert [int(request.body) for request in b.requests] == list(range(5))
    assert (status, out) == (0, "5 sent, 0 set aside or lost, 0 dropped, 0 left\n")
    (one,) = defaults
    assert (one.max_bytes >= 1 << 60, one.max_age, one.min_free, one.full) == (True, 0.0, 0.0, "newest")


def test_to_drain_beside_a_tee_that_drains_ends_at_once(run, directory):
    write(directory, 3)
    lock = os.open(directory / "drainer.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        status, out, err = run("drain", directory, "--to", "http://127.0.0.1:1", "--wait", "60")
    finally:
        os.close(lock)
    assert (status, out) == (2, "")
    assert "a tee sends what waits there" in err
    assert len(entries(directory)) == 3
