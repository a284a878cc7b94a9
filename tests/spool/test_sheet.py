"""What one process writes for one B."""

import logging

from httptee.spool.cursor import Cursor

from .spools import a_sheet


def test_the_files_are_made_with_the_first_record_and_say_how_many_there_are(tmp_path):
    sheet = a_sheet(tmp_path / "b")
    assert not (tmp_path / "b").exists()
    assert sheet.append([(1, b"x"), (2, b"y")])
    (path,) = (tmp_path / "b").glob("*.cursor")
    assert Cursor(path).written == 2
    sheet.close()
    sheet.close()


def test_a_directory_that_cannot_be_made_is_said_once(tmp_path, caplog):
    (tmp_path / "file").touch()
    sheet = a_sheet(tmp_path / "file" / "b")
    with caplog.at_level(logging.WARNING):
        assert not sheet.append([(1, b"x")])
        assert not sheet.append([(1, b"x")])
    assert len(caplog.records) == 1
    assert sheet.error


def test_nothing_is_removed_when_the_directory_is_full(tmp_path):
    sheet = a_sheet(tmp_path / "b", max_bytes=100_000)
    assert sheet.append([(1, b"x" * 60_000)])
    sheet.rest()
    assert sheet.append([(1, b"x" * 60_000)])
    sheet._journal._tend_at = 0.0
    assert not sheet.append([(1, b"x" * 60_000)])
    assert len(list((tmp_path / "b").glob("*.spool"))) == 2
