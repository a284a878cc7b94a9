import gzip
import json
from dataclasses import replace
from itertools import permutations

import pytest

from httptee.recording import RecordingWriter
from httptee.recording.formats import Sink, Source
from tests.recording.formats.made import NOW, answered, asked, exchange, gor, payload

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


def file(path, data):
    path.write_bytes(data)
    return str(path)


def test_files_of_goreplay_are_read_as_one_the_earliest_first(tmp_path):
    """GoReplay begins a new file at any payload: here between a request and its answer."""
    first = file(tmp_path / "x_0.gor", gor(payload(1, "a", NOW, asked("/a")), payload(1, "b", NOW + 5, asked("/b"))))
    second = file(
        tmp_path / "x_1.gor.gz", gzip.compress(gor(payload(2, "b", NOW + 7, answered(b"b")), last=False), mtime=0)
    )
    third = file(tmp_path / "x_2.gor", gor(payload(1, "c", NOW + 9, asked("/c"))) + b"junk")
    source = Source([third, second, first])
    assert [(one.target, one.answer_body.data) for one in source] == [("/a", b""), ("/b", b"b"), ("/c", b"")]
    assert len({one.connection for one in source}) == 3
    assert source.losses == {"bytes that belong to no payload": 4}


def test_har_files_are_read_as_one_in_the_order_of_arrival(tmp_path):
    def har(name, *numbers):
        with Sink(str(tmp_path / name), "har") as sink:
            for number in numbers:
                sink.writer.write(replace(exchange(number, target=f"/{number}"), connection=1))
        return str(tmp_path / name)

    found = list(Source([har("one.har", 2, 3), har("two.har", 1, 4)]))
    assert [one.target for one in found] == ["/1", "/2", "/3", "/4"]
    connections = {one.target: one.connection for one in found}
    assert connections["/2"] == connections["/3"] != connections["/1"] == connections["/4"]


def test_those_of_two_forms_are_not_read_as_one(tmp_path):
    with RecordingWriter(tmp_path / "rec", "http://a") as writer:
        writer.write(exchange())
    paths = {
        "a recording": str(tmp_path / "rec"),
        "a file of GoReplay": file(tmp_path / "x", GOR),
        "a HAR file": file(tmp_path / "y", HAR),
    }
    for (one, path), (other, beside) in permutations(paths.items(), 2):
        with pytest.raises(ValueError, match=f"{beside} is {other} and {path} is {one}: "):
            Source([path, beside])


def test_each_of_several_must_be_a_recording(tmp_path):
    with RecordingWriter(tmp_path / "rec", "http://a") as writer:
        writer.write(exchange())
    notes = file(tmp_path / "notes.txt", b"hello" * 100)
    for paths in ([str(tmp_path / "rec"), notes], [notes, notes]):
        with pytest.raises(ValueError, match=r"notes.txt: this is no recording"):
            Source(paths)


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
