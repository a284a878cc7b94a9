"""Memory that outlives all processes of a tee."""

import os

import pytest

from httptee.ledger.outliving import forget, left_behind, outliving_words


@pytest.fixture
def where(tmp_path):
    made = tmp_path / "memory"
    made.mkdir()
    return made


def in_a_child(body):
    pid = os.fork()
    if not pid:
        try:
            body()
        finally:
            os._exit(0)
    return pid


def test_the_next_start_finds_what_a_killed_one_has_counted(where, tmp_path):
    def count():
        words, path = outliving_words(4, str(tmp_path), "run", where)
        words[2] = 7
        assert path is not None
        os.kill(os.getpid(), 9)

    os.waitpid(in_a_child(count), 0)
    (found,) = left_behind(4, str(tmp_path), where)
    assert found.words.tolist() == [0, 0, 7, 0]
    assert list(left_behind(4, str(tmp_path / "other"), where)) == []
    assert list(left_behind(5, str(tmp_path), where)) == []
    forget(found.path)
    assert list(left_behind(4, str(tmp_path), where)) == []


def test_as_long_as_any_process_of_the_tee_lives_nothing_is_left_behind(where, tmp_path):
    go_on, end = os.pipe()
    ready, is_ready = os.pipe()

    def parent():
        kept = outliving_words(4, str(tmp_path), "run", where)
        os.close(end)

        def child():
            os.write(is_ready, b"x")
            os.read(go_on, 1)
            assert kept

        in_a_child(child)

    os.waitpid(in_a_child(parent), 0)
    os.read(ready, 1)
    assert list(left_behind(4, str(tmp_path), where)) == []
    os.close(end)
    os.close(is_ready)
    assert os.read(ready, 1) == b""  # the child has ended
    assert len(list(left_behind(4, str(tmp_path), where))) == 1
    os.close(go_on)
    os.close(ready)


@pytest.mark.parametrize("broken", ["missing", "taken"])
def test_without_such_memory_the_words_are_anonymous(where, tmp_path, broken):
    kept = outliving_words(4, str(tmp_path), "run", where) if broken == "taken" else None
    words, path = outliving_words(4, str(tmp_path), "run", where / "none" if broken == "missing" else where)
    words[0] = 1
    assert path is None
    assert len(words) == 4
    del kept


def test_full_memory_is_noticed_at_the_start(where, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    assert outliving_words(4, str(tmp_path), "run", where)[1] is None
    assert list(where.iterdir()) == []
