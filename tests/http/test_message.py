import io
import os
import tempfile

import pytest

from httptee.errors import BadRequest, Overloaded, UpstreamTimeout
from httptee.http import message
from httptee.http.message import Exchange, FileBody, Request, tee_answer


@pytest.fixture(params=["disk", "memory"])
def file(request):
    with tempfile.TemporaryFile() if request.param == "disk" else io.BytesIO() as made:
        made.write(b"before" + b"body" + b"after")
        made.seek(6)
        yield made


def test_a_body_is_read_from_its_file_without_moving_it(file):
    body = FileBody(file, 4)
    assert body.read() == body.read() == b"body"
    assert file.tell() == 6


def test_a_file_that_ends_early_is_an_error(file):
    with pytest.raises(ValueError, match="ends 1 bytes early"):
        FileBody(file, 10).read()
    assert file.tell() == 6


def test_a_body_that_the_kernel_returns_in_parts_is_read_whole(monkeypatch):
    pread = os.pread
    monkeypatch.setattr(message.os, "pread", lambda descriptor, size, offset: pread(descriptor, min(size, 3), offset))
    with tempfile.TemporaryFile() as file:
        file.write(b"0123456789")
        file.seek(1)
        assert FileBody(file, 8).read() == b"12345678"


def test_a_closed_file_and_a_pipe_are_errors():
    with tempfile.TemporaryFile() as file:
        pass
    with pytest.raises(ValueError, match="closed"):
        FileBody(file, 1).read()
    reading, writing = os.pipe()
    with open(reading, "rb") as pipe, open(writing, "wb"), pytest.raises(OSError, match="seek"):
        FileBody(pipe, 1).read()


def test_an_exchange_reads_its_body_into_a_request_of_its_own(file):
    given = Request("PUT", "/", [("Content-Length", "4")], FileBody(file, 4), "192.0.2.1", "http")
    given.shared_head.append(b"head")
    exchange = Exchange(given, 200, 0.01)
    exchange.load()
    loaded = exchange.request
    exchange.load()
    assert exchange.request is loaded
    assert (loaded.body, loaded.headers, loaded.number, loaded.shared_head) == (
        b"body",
        given.headers,
        given.number,
        [b"head"],
    )
    assert isinstance(given.body, FileBody)


@pytest.mark.parametrize("error", [BadRequest(), UpstreamTimeout(), Overloaded()])
def test_an_answer_of_the_tees_own_has_the_date_of_its_making(monkeypatch, error):
    for seconds, date in ((0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT")):
        monkeypatch.setattr("time.time", lambda now=seconds: now)
        assert [value for name, value in tee_answer(error).headers if name == "Date"] == [date]
