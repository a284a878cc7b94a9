"""Directories for the evidence: who may enter them, who uses them, and what becomes of those that nobody uses."""

import os
import signal
import stat
import tempfile

import pytest

from httptee.verdict.evidence import check_directory, own_directory, places, private_directory, remove_private


@pytest.fixture(autouse=True)
def parents(tmp_path, monkeypatch):
    """The memory and the temporary files, for these tests alone."""
    memory, files = tmp_path / "memory", tmp_path / "files"
    memory.mkdir()
    files.mkdir()
    monkeypatch.setattr(places, "_MEMORY", str(memory))
    monkeypatch.setattr(tempfile, "tempdir", str(files))
    return memory, files


@pytest.mark.parametrize(("needed", "parent"), [(1000, 0), (1 << 60, 1)])
def test_a_private_directory_is_the_users_alone_and_in_memory_if_there_is_room(parents, needed, parent):
    directory = private_directory(needed)
    assert stat.S_IMODE(os.stat(directory).st_mode) == 0o700
    assert os.path.dirname(directory) == str(parents[parent])
    remove_private(directory)
    remove_private(directory)
    assert os.listdir(parents[parent]) == []


@pytest.mark.parametrize("needed", [1000, 1 << 60])
def test_what_a_killed_tee_has_left_is_removed_when_another_starts(parents, needed):
    pid = os.fork()
    if not pid:
        left = private_directory(needed)
        open(os.path.join(left, "file"), "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    (left,) = [*parents[0].iterdir(), *parents[1].iterdir()]
    directory = private_directory(1000)
    assert not left.exists()
    remove_private(directory)


def test_what_is_used_or_is_no_private_directory_stays(parents):
    memory, _ = parents
    used = private_directory(1000)
    (memory / "httptee-verdict-without-lock").mkdir()
    (memory / "httptee-verdict-file").write_text("x")
    (memory / "target").mkdir()
    (memory / "target" / "lock").write_text("")
    (memory / "httptee-verdict-link").symlink_to(memory / "target")
    before = sorted(os.listdir(memory))
    another = private_directory(1000)
    remove_private(another)
    assert sorted(os.listdir(memory)) == before
    assert os.path.exists(os.path.join(memory, "target", "lock"))
    remove_private(used)


def test_each_process_has_a_directory_of_its_own(tmp_path):
    first, second = own_directory(str(tmp_path / "own")), own_directory(str(tmp_path / "own"))
    assert [os.path.basename(first), os.path.basename(second)] == ["1", "2"]


def test_a_directory_is_made_and_checked(tmp_path):
    check_directory(str(tmp_path / "a" / "b"))
    assert stat.S_IMODE(os.stat(tmp_path / "a" / "b").st_mode) == 0o700
    check_directory("memory")
    with pytest.raises(OSError) as raised:
        check_directory("/proc/no")
    assert raised.value.filename == "/proc/no"
