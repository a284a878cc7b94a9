import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.recording.files import Head, Loss, new_name, survey
from tests.recording.made import write


@given(st.text(max_size=50), st.booleans())
def test_a_head_is_the_same_once_packed(primary, masked):
    assert Head.unpacked(Head(primary, masked).packed()) == Head(primary, masked)


@given(st.binary(max_size=60))
def test_other_bytes_are_no_head_and_no_note(data):
    assert Head.unpacked(data) is None
    assert Loss.unpacked(data) is None


def test_a_format_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="format 2"):
        Head.unpacked(b'{"recording": 2, "primary": "", "masked": true}')


def test_a_note_is_the_same_once_packed():
    assert Loss.unpacked(Loss("lost", 3, 1, 2).packed()) == Loss("lost", 3, 1, 2)


def test_names_are_unique_and_in_the_order_of_time():
    one, two = new_name(), new_name()
    assert one != two
    assert one[:15] <= two[:15]


def test_the_files_of_a_recording_are_counted(tmp_path):
    write(tmp_path, [1], "one")
    write(tmp_path, [2], "two")
    (tmp_path / "notes.txt").write_text("x" * 1000)
    found = survey(str(tmp_path))
    assert (found.files, found.error) == (2, "")
    assert found.size == sum(path.stat().st_size for path in tmp_path.glob("*.rec"))
    assert found.oldest == min(path.stat().st_mtime for path in tmp_path.glob("*.rec"))


def test_a_directory_that_is_not_made_yet_is_empty_and_another_file_is_an_error(tmp_path):
    assert survey(str(tmp_path / "new")).files == 0
    (tmp_path / "file").write_text("")
    assert survey(str(tmp_path / "file")).error == "Not a directory"
