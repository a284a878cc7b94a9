import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httptee.errors import UpstreamReset
from httptee.http import Request, Response, of_whole, tee_answer
from httptee.recording.exchange import MalformedExchange, decode, row_at, row_of
from httptee.recording.record import RecordMaker, Sieve
from httptee.recording.secrets import Secrets
from httptee.transport import Answer

NAMES = st.text(st.sampled_from("Xx-!#_"), min_size=1, max_size=4)
VALUES = st.text(st.characters(max_codepoint=255, exclude_characters="\0\r\n"), max_size=20)
HOSTILE = VALUES | st.text(st.sampled_from(': "\\\x85\x0b\x1c'), max_size=8)
FIELDS = st.lists(st.tuples(NAMES, HOSTILE), max_size=4)


def made(fields, answered, asked=b"asked", body=b"answer", target="/x", reason="Fine"):
    request = Request("POST", target, fields, asked, "192.0.2.1", "http")
    return row_of(request, Response(201, reason, answered, body), (3, 4), 1000, 50, 1 << 40)


def test_an_exchange_is_recorded_as_it_was():
    data = made([("Host", "a")], [("X", "y")])
    found = decode(data)
    assert (found.connection, found.place, found.client, found.arrived) == ((1 << 40) + 3, 4, "192.0.2.1", 1000)
    assert (found.first_byte, found.ended, found.error) == (50, 50, "")
    assert (found.method, found.target, found.headers, found.body.data) == ("POST", "/x", (("Host", "a"),), b"asked")
    assert (found.status, found.reason, found.answer_headers) == (201, "Fine", (("X", "y"),))
    assert (found.answer_body.data, found.answer_body.whole, found.origin) == (b"answer", True, "")


def test_where_a_gave_no_answer_nothing_of_the_tees_own_is_recorded():
    request = Request("GET", "/", [], b"", "a", "http")
    given_ = row_of(request, tee_answer(UpstreamReset("x"), "primary_reset"), (1, 1), 1, 2)
    found = decode(given_)
    assert (found.status, found.reason, found.answer_headers, found.answer_body.length) == (0, "", (), 0)
    assert (found.error, found.first_byte, found.ended) == ("primary_reset", -1, -1)


@given(FIELDS, FIELDS, st.text(st.sampled_from("/?%\xe9"), min_size=1), VALUES, st.binary(), st.binary())
@settings(max_examples=300, deadline=None)
def test_whatever_the_texts_are_the_record_has_them_as_they_were(fields, answered, target, reason, asked, body):
    given_ = made(fields, answered, asked, body, target, reason)
    assert [row_at(given_ * 3, number * len(given_)) for number in range(3)] == [given_] * 3
    for data in (given_, Sieve(RecordMaker(None, 1000)).record(given_)):
        read = decode(data)
        assert (read.headers, read.answer_headers, read.target) == (tuple(fields), tuple(answered), target)
        assert (read.reason, read.body.data, read.answer_body.data) == (reason, asked, body)


def test_the_head_that_was_sent_to_a_is_taken_and_made_only_once():
    request = Request("GET", "/", [("Host", "a")], b"", "a", "http")
    first, second = (row_of(request, Response(200, "OK", [], b""), (1, 1), 1, 2) for _ in range(2))
    assert first == second
    assert request.shared_head == [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"]


@pytest.mark.parametrize(
    ("fields", "answered"),
    [
        ([("X", "a\r\nY: b")], []),
        ([], [("X", "a\nY\nb")]),
        ([], [("X", "\u20ac")]),
        ([("X", "\u20ac")], []),
    ],
)
def test_what_is_no_head_is_not_recorded_as_another_one(fields, answered):
    with pytest.raises(ValueError):
        made(fields, answered)


def test_a_client_whose_name_is_not_latin_1_is_recorded_with_question_marks():
    request = Request("GET", "/", [], b"", "a\u20ac", "http")
    assert decode(row_of(request, Response(200, "OK", [], b""), (1, 1), 1, 2)).client == "a?"


def test_a_record_of_another_length_is_none():
    data = made([], [])
    for wrong in (data[:-1], data + b"x", data[:5]):
        with pytest.raises(MalformedExchange):
            decode(wrong)
    for cut in (data[:-1], data[:58], b""):
        with pytest.raises(MalformedExchange):
            row_at(cut, 0)


def test_what_the_tee_has_added_at_the_end_of_the_head_is_left_out():
    own = b"\r\nVia: 1.1 me\r\n\r\n"
    for fields, recorded in [
        ([("Host", "a"), ("Via", "1.1 me")], (("Host", "a"),)),
        ([("Via", "1.1 me")], ()),
        ([("Via", "1.1 me"), ("Host", "a")], (("Via", "1.1 me"), ("Host", "a"))),
        ([("X-Via", "1.1 me")], (("X-Via", "1.1 me"),)),
    ]:
        request = Request("GET", "/", fields, b"", "a", "http")
        row = row_of(request, Response(200, "OK", [], b""), (1, 1), 1, 2, 0, own)
        assert decode(row).headers == recorded


def received(data, method="GET"):
    """The answer of a client whose request A has answered with these bytes, as `Primary` makes it."""
    answer = Answer(method)
    answer.feed(data)
    answer.eof()
    body = answer.take()
    fields = of_whole(answer.headers, answer.status, method, len(body), has_length=answer.length is not None)
    return Response(answer.status, answer.reason, fields, body, head=answer.head)


def recorded(response, method="GET"):
    request = Request(method, "/", [("Host", "a")], b"", "192.0.2.1", "http")
    return row_of(request, response, (3, 4), 1000, 50)


ON_WIRE = [
    ("GET", b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\n\r\nab"),
    ("GET", b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X\r\nX: y\r\nset-cookie:a=b \r\nContent-Length: 0\r\n\r\n"),
    ("GET", b"HTTP/1.1 201 \xe9 \r\nTransfer-Encoding: chunked\r\nx:\t\xff\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
    ("GET", b"HTTP/1.0 200\r\n\r\nuntil the end"),
    ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
    ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("GET", b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n'),
    ("GET", b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"),
    ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
    ("GET", b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\n\r\nab"),
    ("GET", b"HTTP/1.1 200 OK\nX: y\nContent-Length: 2\n\nab"),
]


@pytest.mark.parametrize(("method", "data"), ON_WIRE)
def test_of_the_head_that_a_has_sent_what_the_client_got_is_read(method, data):
    response = received(data, method)
    found = decode(recorded(response, method))
    assert (found.status, found.reason) == (response.status, response.reason)
    assert (found.answer_headers, found.answer_body.data) == (tuple(response.headers), response.body)


def test_the_head_that_a_has_sent_is_recorded_as_it_was():
    data = b"HTTP/1.1 200 OK\r\nConnection: close\r\nx:y\r\nContent-Length: 2\r\n\r\n"
    assert data in recorded(received(data + b"ab"))


TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=9)
OF_CONNECTION = st.sampled_from([("Connection", "X-x"), ("connection", "close, Xx"), ("Keep-Alive", "a"), ("X-x", "a")])
SENT = st.lists(st.tuples(NAMES, TEXTS) | OF_CONNECTION, max_size=4)


@given(SENT, st.binary(max_size=9), st.booleans(), st.sampled_from(["GET", "HEAD"]))
@settings(max_examples=300, deadline=None)
def test_whatever_fields_a_has_sent_the_record_has_those_that_the_client_got(fields, body, chunked, method):
    framed = [*fields, ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body)))]
    head = "".join(f"{name}:{value}\r\n" for name, value in framed)
    sent = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked and body else b"0\r\n\r\n" if chunked else body
    data = f"HTTP/1.1 200 OK\r\n{head}\r\n".encode("latin-1") + (b"" if method == "HEAD" else sent)
    response = received(data, method)
    row = recorded(response, method)
    for made in (row, Sieve(RecordMaker(Secrets(b"k" * 32), 1000)).record(row)):
        found = decode(made)
        assert (found.answer_headers, found.answer_body.data) == (tuple(response.headers), response.body)
