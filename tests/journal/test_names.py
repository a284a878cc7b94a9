import pytest

from httptee.journal.names import number_of, segments_of


@pytest.mark.parametrize("name", ["s.000003.log", "long.name.000003.log"])
def test_a_segment_has_a_number(tmp_path, name):
    assert number_of(tmp_path / name) == 3


def test_another_file_has_no_number(tmp_path):
    assert [number_of(tmp_path / name) for name in ("s.log", "notes", "s.x.log")] == [0, 0, 0]


def test_the_segments_of_a_stream_are_in_their_order_and_no_others(tmp_path):
    for name in ("a.000010.log", "a.000002.log", "ab.000001.log", "a.000001.rec", "a.log"):
        (tmp_path / name).touch()
    assert [path.name for path in segments_of(tmp_path, "a", ".log")] == ["a.000002.log", "a.000010.log"]
