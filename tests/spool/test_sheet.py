"""What one process writes for one B."""

import errno
import logging
from unittest.mock import Mock

from httptee.journal import Segment
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


def test_a_segment_is_closed_when_the_disk_is_full_so_that_it_can_be_removed(tmp_path, monkeypatch):
    sheet = a_sheet(tmp_path)
    assert sheet.append([(1, b"x")])
    (path,) = tmp_path.glob("*.spool")
    assert Segment(path).being_written()
    with monkeypatch.context() as patched:
        patched.setattr("os.write", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
        assert not sheet.append([(2, b"y")])
    assert not Segment(path).being_written()
    path.unlink()  # the drainer has settled all of it
    sheet._journal._try_at = 0.0
    assert sheet.append([(2, b"y")])


class Disk:
    """Notes what was synced, and a clock."""

    def __init__(self, monkeypatch):
        self.now, self.files, self.directories = 100.0, 0, 0
        monkeypatch.setattr("os.fdatasync", self.fdatasync)
        monkeypatch.setattr("os.fsync", self.fsync)

    def fdatasync(self, descriptor):
        self.files += 1

    def fsync(self, descriptor):
        self.directories += 1


def test_the_tail_of_a_burst_is_on_the_disk_within_a_second_also_if_nothing_follows(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    sheet = a_sheet(tmp_path, fsync="1s")
    sheet._clock = lambda: disk.now
    assert sheet.append([(1, b"x")])
    assert (disk.files, disk.directories) == (1, 1)  # the name of the file too
    disk.now += 0.5
    assert sheet.append([(2, b"y")])
    sheet.sync_due()
    assert disk.files == 1
    disk.now += 0.5
    sheet.sync_due()
    assert disk.files == 2
    disk.now += 5.0
    sheet.sync_due()
    sheet.rest()
    assert (disk.files, disk.directories) == (2, 1)


def test_what_is_in_a_full_segment_is_on_the_disk_before_the_next_one_begins(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    sheet = a_sheet(tmp_path, fsync="1s", max_bytes=1 << 20)
    sheet._clock = lambda: disk.now
    assert sheet.append([(1, b"x")])
    assert sheet.append([(2, b"x" * 65_536)])
    assert disk.files == 1
    assert sheet.append([(3, b"x")])
    assert disk.files == 2
    disk.now += 1.0
    sheet.sync_due()
    assert (disk.files, disk.directories) == (3, 2)


def test_without_fsync_nothing_is_synced(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    sheet = a_sheet(tmp_path)
    assert sheet.append([(1, b"x")])
    sheet.sync_due()
    sheet.rest()
    assert (disk.files, disk.directories) == (0, 0)
