import stat
from dataclasses import replace

import pytest

from httptee.recording.exchange import Kept
from httptee.recording.reading import read_recording
from httptee.recording.writing import RecordingWriter
from tests.recording.made import exchange


def test_what_is_written_is_read(tmp_path):
    written = [exchange(3), replace(exchange(1), body=Kept.of(bytes(range(256)))), exchange(2)]
    with RecordingWriter(tmp_path / "new", "http://a:80", masked=False) as writer:
        for one in written:
            writer.write(one)
    recording = read_recording([tmp_path / "new"])
    assert list(recording) == [written[1], written[2], written[0]]
    assert (recording.primary, recording.masked) == ("http://a:80", False)
    assert recording.gaps == ()


def test_a_recording_without_an_exchange_is_a_recording(tmp_path):
    RecordingWriter(tmp_path, "http://a:80").close()
    recording = read_recording([tmp_path])
    assert (list(recording), recording.count, recording.primary) == ([], 0, "http://a:80")


def test_two_programs_write_into_one_directory(tmp_path):
    with RecordingWriter(tmp_path) as one, RecordingWriter(tmp_path) as two:
        one.write(exchange(1))
        two.write(exchange(2))
    assert len(list(tmp_path.iterdir())) == 2
    assert [each.place for each in read_recording([tmp_path])] == [1, 2]


def test_files_are_for_their_owner_alone(tmp_path):
    with RecordingWriter(tmp_path / "new") as writer:
        writer.write(exchange())
    (file,) = (tmp_path / "new").iterdir()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    writer = RecordingWriter(tmp_path / "file" / "new")
    writer.write(exchange())
    with pytest.raises(OSError, match="Not a directory"):
        writer.close()


def test_a_recording_larger_than_one_batch_is_whole(tmp_path):
    with RecordingWriter(tmp_path) as writer:
        for number in range(1, 9):
            writer.write(replace(exchange(number), answer_body=Kept.of(bytes(100_000))))
    assert [one.place for one in read_recording([tmp_path])] == list(range(1, 9))
