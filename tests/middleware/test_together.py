import os
import tempfile

import pytest

from httptee.errors import ConfigError
from httptee.middleware import together as module
from httptee.middleware.together import DIRECTORY, Together
from httptee.settings.config import load


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MEMORY", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    return tmp_path / f"httptee-{os.geteuid()}"


def settings(*words):
    return load(["-b", "http://b:1", *words], {})


ADMIN = settings("-admin", "127.0.0.1:8889")


def counts(together):
    together.places.take().worker(0).answered(200, 0.1)
    return together.places.read().primary().answered


def test_processes_that_want_the_same_address_count_together(temporary):
    assert counts(Together(ADMIN, {})) == 1
    second = Together(ADMIN, {})
    assert counts(second) == 2
    assert second.together
    assert counts(Together(settings("-admin", "127.0.0.1:8890"), {})) == 1
    assert counts(Together(settings("-admin", "127.0.0.1:8889", "-b", "http://c:1"), {})) == 1
    assert temporary.stat().st_mode & 0o777 == 0o700


def test_the_last_one_removes_the_file(temporary):
    one, two = Together(ADMIN, {}), Together(ADMIN, {})
    one.places.leave()
    two.places.leave()
    assert list(temporary.iterdir()) == []


def test_the_directory_of_the_environment_comes_first(temporary, tmp_path):
    assert Together(ADMIN, {DIRECTORY: str(tmp_path)}).together
    assert not temporary.exists()
    assert len(list(tmp_path.glob("httptee-*.ledger"))) == 1


def test_a_directory_that_cannot_be_written_is_an_error():
    with pytest.raises(ConfigError, match=rf"^{DIRECTORY}: cannot write in /nowhere: "):
        Together(ADMIN, {DIRECTORY: "/nowhere"})


@pytest.mark.parametrize("words", [(), ("-admin", "127.0.0.1:0")])
def test_without_a_file_only_forked_processes_count_together(temporary, words):
    alone = Together(settings(*words), {})
    assert not alone.together
    child = os.fork()
    if not child:
        os._exit(3 if alone.together else 4)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    assert not temporary.exists()


def test_without_a_file_system_in_memory_it_is_among_the_temporary_files(temporary, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MEMORY", "/nowhere")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert counts(Together(ADMIN, {})) == 1
    assert len(list(temporary.iterdir())) == 1


def test_a_directory_that_others_may_enter_is_not_used(temporary, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    temporary.mkdir()
    temporary.chmod(0o755)
    assert not Together(ADMIN, {}).together
    assert f"{temporary} is not a directory of this user alone" in caplog.text
    assert list(temporary.iterdir()) == []
