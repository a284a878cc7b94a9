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


def test_the_bodies_of_another_file_are_refused_at_the_start_and_stay(tmp_path):
    bodies = tmp_path / "x.bodies"
    bodies.mkdir()
    (bodies / "000001").write_bytes(b"precious")
    with pytest.raises(FileExistsError, match=r"x\.bodies: it exists already"):
        Sink(str(tmp_path / "x"), "vegeta-http")
    assert (bodies / "000001").read_bytes() == b"precious"
    assert os.listdir(tmp_path) == ["x.bodies"]


def test_bodies_stay_with_their_file(tmp_path):
    with Sink(str(tmp_path / "x"), "vegeta-http") as sink:
        sink.writer.write(exchange(body=b"x", method="POST"))
    assert sorted(os.listdir(tmp_path)) == ["x", "x.bodies"]
    assert os.listdir(tmp_path / "x.bodies") == ["000001"]


@pytest.mark.parametrize("kind", FORMATS)
def test_nothing_is_left_where_the_end_cannot_be_written(tmp_path, kind, monkeypatch):
    def full():
        raise OSError(28, "No space left on device")

    sink = Sink(str(tmp_path / "x"), kind)
    sink.writer.write(exchange(body=b"x", method="POST"))
    monkeypatch.setattr(sink.writer, "close", full)
    with pytest.raises(OSError, match="No space"):
        sink.__exit__(None)
    assert os.listdir(tmp_path) == []


def test_nothing_is_left_where_it_cannot_begin(tmp_path, monkeypatch):
    def full(*words):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Sink, "_opened", full)
    with pytest.raises(OSError, match="No space"):
        Sink(str(tmp_path / "x"), "vegeta-http")
    assert os.listdir(tmp_path) == []


def test_it_needs_a_directory(tmp_path):
    for kind in FORMATS:
        with pytest.raises(FileNotFoundError, match="none: there is no such directory"):
            Sink(str(tmp_path / "none" / "x"), kind)
    assert os.listdir(tmp_path) == []


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
