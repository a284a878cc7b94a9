import gzip
import os
import stat

import pytest

from httptee.recording import read_recording
from httptee.recording.formats import FORMATS, Sink, format_named
from tests.recording.formats.made import exchange

FILES = [kind for kind in FORMATS if kind != "recording"]


@pytest.mark.parametrize("kind", FILES)
def test_a_file_has_its_name_once_it_is_whole(tmp_path, kind):
    path = tmp_path / "x"
    with Sink(str(path), kind) as sink:
        sink.writer.write(exchange())
        assert not path.exists()
    assert path.stat().st_size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["x"]


def test_a_recording_has_its_name_once_it_is_whole(tmp_path):
    with Sink(str(tmp_path / "x"), "recording", primary="http://a", masked=False) as sink:
        sink.writer.write(exchange())
        assert not (tmp_path / "x").exists()
    recording = read_recording([tmp_path / "x"])
    assert (list(recording), recording.primary, recording.masked) == ([exchange()], "http://a", False)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o700


@pytest.mark.parametrize("kind", FORMATS)
def test_nothing_is_left_of_what_was_not_finished(tmp_path, kind):
    sink = Sink(str(tmp_path / "x"), kind)
    sink.writer.write(exchange(body=b"x", method="POST"))
    sink.__exit__(KeyboardInterrupt)
    assert os.listdir(tmp_path) == []


def test_what_exists_is_not_overwritten(tmp_path):
    (tmp_path / "x").symlink_to("nowhere")
    with pytest.raises(FileExistsError):
        Sink(str(tmp_path / "x"), "gor")


def test_equal_content_is_an_equal_file(tmp_path):
    for name in ("a.gor.gz", "b.gor.gz"):
        with Sink(str(tmp_path / name), "gor") as sink:
            sink.writer.write(exchange())
    assert (tmp_path / "a.gor.gz").read_bytes() == (tmp_path / "b.gor.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.gor.gz").read_bytes()).startswith(b"1 ")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a/b.c/x", "recording"), ("x.GOR", "gor"), ("x.gor.gz", "gor"), ("x.har", "har"), ("x.sh", "curl"), ("x.y", "")],
)
def test_the_name_says_the_form(name, kind):
    assert format_named(name) == kind
