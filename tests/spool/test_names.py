"""The names of the files."""

import pytest

from httptee.spool.names import StreamName, directory_of, new_run, orphans_in

from .spools import write


def test_the_name_of_a_stream_is_read_from_its_files():
    name = StreamName(new_run(), 3, 12)
    assert StreamName.parse(f"{name}.000001.spool") == name
    assert StreamName.parse(f"{name}.cursor") == name
    assert StreamName.parse("drainer.lock") is None


@pytest.mark.parametrize(("backend", "name"), [("canary", "canary"), ("http://b:1/x", "http___b_1_x"), ("..", "_")])
def test_the_directory_of_a_b_is_one_below_that_of_the_spool(backend, name):
    assert directory_of("/s", backend).as_posix() == f"/s/{name}"


def test_what_belongs_to_no_b_is_found(tmp_path):
    for name in ("b", "gone", "lost", "empty"):
        (tmp_path / name / "aside").mkdir(parents=True)
    write(tmp_path / "b", 3)
    write(tmp_path / "gone", 3)
    (tmp_path / "lost" / "aside" / "1").write_bytes(b"12345")
    (tmp_path / "a file").touch()
    (gone, lost) = orphans_in(str(tmp_path), ["b"])
    assert (gone.path, gone.files) == (tmp_path / "gone", 1)
    assert gone.size > 3
    assert (lost.path, lost.size, lost.files) == (tmp_path / "lost", 5, 1)
    assert orphans_in(str(tmp_path / "none"), []) == []
