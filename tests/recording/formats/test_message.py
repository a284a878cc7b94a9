import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.recording.formats.message import (
    CHUNKED,
    Form,
    framed_size,
    read_answer,
    read_request,
    written_answer,
    written_request,
)

REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
    b"POST /\xff HTTP/1.1\r\nX: \xe9\r\nx:2\r\n\r\n\x00",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET /  x HTTP/1.1\n\n",
    b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    b"GET / HTTP/1.1",
]


@pytest.mark.parametrize("data", REQUESTS)
def test_a_request_is_written_as_it_was_read(data):
    assert written_request(read_request(data)) == data


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 404 \r\nA: b\r\n\r\nx", b"HTTP/1.1 200\r\n\r\n"]
)
def test_an_answer_is_written_as_it_was_read(data):
    assert written_answer(read_answer(data)) == data


@given(st.binary(max_size=100))
def test_any_head_and_body_are_written_as_they_were_read(rest):
    assert written_request(read_request(b"GET / HTTP/1.1\r\n" + rest)) == b"GET / HTTP/1.1\r\n" + rest


@given(st.binary(max_size=100))
def test_what_is_no_message_is_refused(data):
    for read in (read_request, read_answer):
        try:
            read(data)
        except ValueError:
            continue


def test_the_body_is_without_chunks_and_the_usual_form_is_empty():
    message = read_request(REQUESTS[3])
    assert (message.body, message.form) == (b"abcde", Form(chunks=(3, 2)))
    assert read_request(REQUESTS[0]).form == Form()
    assert read_request(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").form == Form()


@given(st.builds(Form, st.text(max_size=4), st.lists(st.integers(1, 99)).map(tuple), st.binary(max_size=9)))
def test_a_form_is_packed_and_unpacked(form):
    assert Form.unpacked(form.packed()) == form


@pytest.mark.parametrize(
    ("head", "size"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 0),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 5),
        (b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", None),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n", CHUNKED),
        (b"HTTP/1.1 200 OK\r\n\r\n", None),
        (b"HTTP/1.1 304 OK\r\nContent-Length: 5\r\n\r\n", 0),
        (b"HTTP/1.1 103 OK\r\n\r\n", 0),
    ],
)
def test_the_head_says_how_long_the_body_is(head, size):
    assert framed_size(head, bodiless=False) == size


def test_the_answer_to_head_has_no_body():
    assert framed_size(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", bodiless=True) == 0
