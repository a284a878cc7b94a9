"""The names of the files."""

import pytest

from httptee.spool.names import StreamName, directory_of, new_run


def test_the_name_of_a_stream_is_read_from_its_files():
    name = StreamName(new_run(), 3, 12)
    assert StreamName.parse(f"{name}.000001.spool") == name
    assert StreamName.parse(f"{name}.cursor") == name
    assert StreamName.parse("drainer.lock") is None


@pytest.mark.parametrize(("backend", "name"), [("canary", "canary"), ("http://b:1/x", "http___b_1_x"), ("..", "_")])
def test_the_directory_of_a_b_is_one_below_that_of_the_spool(backend, name):
    assert directory_of("/s", backend).as_posix() == f"/s/{name}"
