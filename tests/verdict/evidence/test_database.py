import gc
import os
import sqlite3
import stat

import pytest

from httptee.verdict.evidence import database
from httptee.verdict.evidence.database import (
    FILE,
    Newer,
    Unreadable,
    move_aside,
    open_file,
    open_memory,
    reading,
)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def directory(tmp_path):
    return str(tmp_path / "new" / "verdict")


def test_only_the_user_may_read_the_file_and_those_beside_it(directory):
    before = os.umask(0)
    try:
        connection = open_file(directory, 1 << 20)
        connection.execute("INSERT INTO documents VALUES ('a', 1.0, '{}')")
    finally:
        os.umask(before)
    assert mode(directory) == 0o700
    assert {name: mode(os.path.join(directory, name)) for name in os.listdir(directory)} == {
        FILE: 0o600, f"{FILE}-wal": 0o600, f"{FILE}-shm": 0o600, f"{FILE}.lock": 0o600,
    }  # fmt: skip
    connection.close()


def test_a_file_that_others_could_read_is_closed_to_them(directory):
    os.makedirs(directory)
    open(os.path.join(directory, FILE), "w").close()
    os.chmod(os.path.join(directory, FILE), 0o644)
    open_file(directory, 1 << 20).close()
    assert mode(os.path.join(directory, FILE)) == 0o600


def test_a_link_in_the_place_of_the_file_is_refused(directory, tmp_path):
    os.makedirs(directory)
    os.symlink(tmp_path / "elsewhere", os.path.join(directory, FILE))
    with pytest.raises(OSError):
        open_file(directory, 1 << 20)
    assert not (tmp_path / "elsewhere").exists()


def test_the_file_is_bounded(directory):
    connection = open_file(directory, 1 << 20)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        connection.execute("INSERT INTO documents VALUES ('a', 1.0, ?)", ("x" * (2 << 20),))
    connection.close()


def test_a_file_of_a_newer_version_is_left_alone(directory):
    connection = open_file(directory, 1 << 20)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Newer, match="99"):
        open_file(directory, 1 << 20)
    with pytest.raises(Unreadable, match="another version of httptee"), reading(directory):
        pass


def test_it_is_read_while_it_is_written(directory):
    connection = open_file(directory, 1 << 20)
    connection.execute("INSERT INTO documents VALUES ('a', 1.0, '{}')")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO documents VALUES ('b', 1.0, '{}')")
    with reading(directory) as reader:
        assert reader.execute("SELECT name FROM documents").fetchall() == [("a",)]
        connection.execute("COMMIT")
        assert reader.execute("SELECT name FROM documents").fetchall() == [("a",)]
    with reading(directory) as reader:
        assert len(reader.execute("SELECT name FROM documents").fetchall()) == 2
    connection.close()


def test_a_reader_cannot_write(directory):
    open_file(directory, 1 << 20).close()
    with pytest.raises(Unreadable, match="readonly"), reading(directory) as reader:
        reader.execute("DELETE FROM documents")


@pytest.mark.parametrize("name", ["a?b#c%d", "ü b", "100%"])
def test_any_name_of_a_directory_will_do(tmp_path, name):
    directory = str(tmp_path / name)
    open_file(directory, 1 << 20).close()
    with reading(directory) as reader:
        assert reader.execute("SELECT count(*) FROM pairs").fetchone() == (0,)


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(Unreadable, match="no such directory"), reading(str(tmp_path / "nowhere")):
        pass
    with pytest.raises(Unreadable, match="no verdict in this directory"), reading(str(tmp_path)):
        pass
    (tmp_path / FILE).write_bytes(b"no database" * 100)
    with pytest.raises(Unreadable, match="file is not a database") as caught, reading(str(tmp_path)):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a\0b", "\udc80"])
def test_an_odd_name_is_no_traceback(name):
    with pytest.raises(Unreadable), reading(name):
        pass


def test_a_damaged_file_is_moved_aside_with_those_beside_it(tmp_path):
    for suffix in ("", "-wal", "-shm", ".damaged"):
        (tmp_path / f"{FILE}{suffix}").write_text(suffix)
    move_aside(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [f"{FILE}.damaged"]
    assert (tmp_path / f"{FILE}.damaged").read_text() == ""


def test_the_log_of_the_file_is_measured(directory):
    assert database.log_bytes(directory) == 0
    connection = open_file(directory, 1 << 20)
    connection.execute("INSERT INTO documents VALUES ('a', 1.0, '{}')")
    assert database.log_bytes(directory) > 0
    connection.close()


def test_memory_has_the_same_tables(directory):
    tables = "SELECT sql FROM sqlite_master ORDER BY name"
    file, memory = open_file(directory, 1 << 20), open_memory()
    assert file.execute(tables).fetchall() == memory.execute(tables).fetchall()
    file.close()
    memory.close()


def test_one_connection_writes_until_it_is_closed(directory):
    first = open_file(directory, 1 << 20)
    with pytest.raises(OSError, match=r"^another process writes to it$"):
        open_file(directory, 1 << 20)
    first.close()
    first.close()
    second = open_file(directory, 1 << 20)
    del second  # a judge that failed has closed nothing
    gc.collect()
    open_file(directory, 1 << 20).close()
