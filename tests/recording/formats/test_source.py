import gzip
import json

import pytest

from httptee.recording import RecordingWriter
from httptee.recording.formats import Source
from tests.recording.formats.made import NOW, asked, exchange, gor, payload

GOR = gor(payload(1, "a", NOW, asked("/gor")))
HAR = json.dumps({"log": {"entries": []}}).encode()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (GOR, "gor"),
        (gzip.compress(GOR, mtime=0), "gor"),
        (HAR, "har"),
        (b"\xef\xbb\xbf \n" + HAR, "har"),
        (gzip.compress(HAR, mtime=0), "har"),
    ],
)
def test_the_first_bytes_say_what_a_file_is(tmp_path, data, kind):
    (tmp_path / "x").write_bytes(data)
    assert Source([str(tmp_path / "x")]).format == kind


def test_a_source_may_be_read_twice(tmp_path):
    (tmp_path / "x").write_bytes(GOR + b"junk")
    source = Source([str(tmp_path / "x")])
    assert list(source) == list(source)
    assert source.losses == {"bytes that belong to no payload": 4}
    assert source.recording is None


def test_a_directory_is_a_recording(tmp_path):
    with RecordingWriter(tmp_path / "rec", "http://a") as writer:
        writer.write(exchange())
    source = Source([str(tmp_path / "rec")])
    assert (source.format, source.recording.primary) == ("recording", "http://a")
    assert list(source) == [exchange()]


@pytest.mark.parametrize("data", [b"text", b"\x1f\x8b", b"\x1f\x8bnonsense", b"\x00" * 1000])
def test_anything_else_is_refused(tmp_path, data):
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(ValueError, match="no recording"):
        list(Source([str(tmp_path / "x")]))


def test_a_file_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        Source([str(tmp_path / "x")])
