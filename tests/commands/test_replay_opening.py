import os

import pytest

from httptee.commands.replay.opening import opened
from httptee.recording import RecordingWriter
from httptee.verdict.evidence import Unreadable
from tests.recording.made import exchange

SEPARATOR = b"\n\xf0\x9f\x90\xb5\xf0\x9f\x99\x88\xf0\x9f\x99\x89\n"
REQUEST = b"1 0123456789abcdef01234567 1700000000000000000 0\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n"


def test_a_recording_is_opened_as_it_is(tmp_path):
    with RecordingWriter(tmp_path, "http://a") as writer:
        writer.write(exchange(1))
    with opened([str(tmp_path)]) as recording:
        assert (recording.count, recording.primary) == (1, "http://a")


def test_a_file_of_another_program_becomes_a_recording_until_the_end(tmp_path):
    file = tmp_path / "x.gor"
    file.write_bytes(REQUEST + SEPARATOR)
    with opened([str(file)]) as recording:
        (found,) = recording
        (written,) = recording.files
        assert (found.target, recording.masked) == ("/x", False)
        assert os.stat(written).st_mode & 0o77 == 0
    assert not written.exists()


def test_several_files_of_another_program_become_one_recording(tmp_path):
    later = REQUEST.replace(b"1700", b"1701").replace(b"/x", b"/later")
    (tmp_path / "x_0.gor").write_bytes(later + SEPARATOR)
    (tmp_path / "x_1.gor").write_bytes(REQUEST + SEPARATOR)
    with opened([str(tmp_path / "x_0.gor"), str(tmp_path / "x_1.gor")]) as recording:
        assert [one.target for one in recording] == ["/x", "/later"]
    (tmp_path / "notes").write_bytes(b"hello")
    with (
        pytest.raises(Unreadable, match="notes: this is no recording"),
        opened([str(tmp_path / "x_0.gor"), str(tmp_path / "notes")]),
    ):
        pass


def test_what_cannot_be_taken_from_such_a_file_is_said(tmp_path, capsys):
    file = tmp_path / "x.gor"
    file.write_bytes(REQUEST + SEPARATOR + b"1 0123456789abcdef01234568 1700000000000000000 0\nnonsense" + SEPARATOR)
    with opened([str(file)]) as recording:
        assert recording.count == 1
    assert capsys.readouterr().err.startswith("httptee: 1 ")


def test_what_is_no_recording_is_unreadable(tmp_path):
    (tmp_path / "x").write_bytes(b"hello")
    with pytest.raises(Unreadable), opened([str(tmp_path / "x")]):
        pass
    with pytest.raises(OSError, match="missing"), opened([str(tmp_path / "missing")]):
        pass
