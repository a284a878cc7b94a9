from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from httptee.recording.formats.message import Form
from httptee.recording.formats.origin import Origin, Part, hidden_messages, origin_of, packed, without_bytes
from tests.recording.formats.made import exchange

forms = st.builds(Form, st.text(max_size=3), st.lists(st.integers(1, 9)).map(tuple), st.binary(max_size=9))
numbers = st.integers(0, 2**62)
parts = st.builds(Part, st.integers(1, 3), numbers, numbers, st.none() | st.integers(-9, 9), st.integers(0, 14), forms)


@given(st.builds(Origin, st.text(st.characters(min_codepoint=48, max_codepoint=122)), st.lists(parts).map(tuple)))
def test_an_origin_is_packed_and_read(origin):
    assert origin_of(exchange(origin=packed(origin))) == origin


def made(*parts):
    return exchange(origin=packed(Origin("a", parts)))


def test_without_bytes_no_copy_is_left_and_the_order_stays():
    one = made(
        Part(1, 4, 1, 2, 14, Form("1.0", (3,), b"GET / secret")),
        Part(3, 5, 1, 2, 14, Form(raw=b"HTTP/1.1 200 secret\r\n\r\n")),
    )
    assert origin_of(without_bytes(one)).parts == (Part(1, 4, 1, 2, 14, Form("1.0", (3,))),)
    assert without_bytes(exchange()) == exchange()
    assert without_bytes(replace(exchange(), origin="damaged")).origin == ""


def test_what_only_the_copies_show_is_told():
    one = made(
        Part(1, 0, 1, 2, 14, Form(raw=b"GET / HTTP/1.1\nA : b\n\nX-Trailer: c\n")),
        Part(2, 1, 1, 2, 14, Form()),
        Part(3, 2, 1, 2, 14, Form(raw=b"HTTP/1.1 200 OK\r\nD: e\r\n\r\nf")),
        Part(3, 3, 1, 2, 14, Form(raw=b"no HTTP")),
    )
    first, second, third = hidden_messages(one)
    assert first.headers == [("A", "b"), ("X-Trailer", "c")]
    assert (second.headers, second.body) == ([("D", "e")], b"f")
    assert third.body == b"no HTTP"
    assert not list(hidden_messages(exchange()))
