from httptee.recording.survey import survey
from tests.recording.made import write


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
