from types import SimpleNamespace

import pytest

from httptee.errors import Overloaded
from httptee.http import RequestMemory, Section
from httptee.server import parser as parser_module
from httptee.server.parser import RequestParser
from tests.http.measured import MeasuredBuffer
from tests.support.malformed import MALFORMED

LIMITS = SimpleNamespace(max_request_header_size=2000, max_request_body_size=100)
HOST = b"Host: h\r\n"


def parse(data, step=None):
    """Feed a parser, whole or `step` bytes at a time, as the channel does."""
    parser = RequestParser(LIMITS, RequestMemory(10_000))
    consumed = 0
    while consumed < len(data) and not parser.completed:
        consumed += parser.received(data[consumed : consumed + (step or len(data))])
    parser.leftover = data[consumed:]
    return parser


def body(parser):
    with parser.get_body_stream() as stream:
        return stream.read()


def request(*fields, line=b"GET / HTTP/1.1", rest=b""):
    return line + b"\r\n" + HOST + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + rest


@pytest.mark.parametrize("step", [None, 1, 7])
def test_fields_arrive_as_they_were_sent(step):
    parser = parse(
        request(b"x-B: 2", b"X_a:1", b"x-b:\t3 \t", b"Empty:", b"Colon: a:b", line=b"get /%zz? HTTP/1.1"), step
    )
    assert parser.error is None
    assert (parser.command, parser.request_uri, parser.version) == ("get", "/%zz?", "1.1")
    assert parser.pairs == [
        ("Host", "h"),
        ("x-B", "2"),
        ("X_a", "1"),
        ("x-b", "3"),
        ("Empty", ""),
        ("Colon", "a:b"),
    ]


@pytest.mark.parametrize("step", [None, 1, 3])
def test_a_body_of_known_length_ends_where_it_says(step):
    parser = parse(request(b"Content-Length: 5", rest=b"abcdeGET"), step)
    assert (body(parser), parser.content_length) == (b"abcde", 5)
    assert parser.leftover == (b"GET" if step is None else parser.leftover)


@pytest.mark.parametrize("step", [None, 1, 3])
def test_a_chunked_body_is_put_together(step):
    rest = b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n"
    parser = parse(request(b"Transfer-Encoding: Chunked", rest=rest), step)
    assert (parser.error, body(parser), parser.content_length) == (None, b"abcde", 5)


def test_empty_lines_before_a_request_are_skipped():
    assert parse(b"\r\n\r\n" + request()).request_uri == "/"


def test_pipelined_requests_are_told_apart():
    first = parse(request() + request(line=b"GET /2 HTTP/1.1"))
    assert parse(first.leftover).request_uri == "/2"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request(b"Content-Length: 1", b"Transfer-Encoding: chunked"), 400),
        (request(b"Content-Length: 1", b"Content-Length: 2"), 400),
        (request(b"Content-Length: 1", b"Content-Length: 1"), 400),
        (request(b"Content-Length: 1, 1"), 400),
        (request(b"Content-Length: +1"), 400),
        (request(b"Content-Length: 1_0"), 400),
        (request(b"Content-Length: 0x1"), 400),
        (request(b"Content-Length: "), 400),
        (request(b"Content-Length: \xb2"), 400),
        (request(b"Transfer-Encoding: chunked", b" , identity"), 400),
        (request(b"Transfer-Encoding: gzip, chunked"), 501),
        (request(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 400),
        (request(b"Transfer-Encoding: xchunked"), 400),
        (request(b"Transfer-Encoding: "), 400),
        (request(b"Transfer-Encoding: chunked\xa0"), 400),
        (request(b"Transfer-Encoding: chunked, chunked"), 400),
        (request(b"Transfer-Encoding: chunked, gzip"), 400),
        (request(b"Transfer-Encoding: chunked", b"Content-Length: 5", line=b"GET / HTTP/1.0"), 400),
        (request(b"Content-Length: -0"), 400),
        (request(b"Content-Length: 1 0"), 400),
        (request(b"Content-Length: 1\xa0"), 400),
        (request(b"Content-Length: 5,"), 400),
        (request(b"Content-Length\t: 5"), 400),
        (request(b"Host : h"), 400),
        (request(b"\xe9: a"), 400),
        (request(b"X: a\x7f"), 400),
        (request(b"X: a\x1fb"), 400),
        (request(b"Expect: 200-ok"), 417),
        (b"GET / HTTP/1.1\r\nHost: h@h\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nHost::\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nHost: a b\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (request(line=b"GET h:80 HTTP/1.1"), 400),
        (request(line=b"GET * HTTP/1.1"), 400),
        (request(line=b"GET http:///x HTTP/1.1"), 400),
        (request(line=b"GET http://u@h/ HTTP/1.1"), 400),
        (request(line=b"GET /# HTTP/1.1"), 400),
        (request(line=b"GET /?q#f HTTP/1.1"), 400),
        (request(line=b"GET http://h#f HTTP/1.1"), 400),
        (request(line=b"OPTIONS *# HTTP/1.1"), 400),
        (request(line=b"CONNECT h:80 HTTP/1.1"), 501),
        (request(line=b"CONNECT /x HTTP/1.1"), 501),
        (request(line=b"GET / HTTP/2.0"), 505),
        (request(line=b"GET / HTTP/0.9"), 505),
        (request(line=b"GET / HTTP/1.10"), 400),
        (request(line=b"GET / HTTP/1."), 400),
        (request(line=b"GET\t/ HTTP/1.1"), 400),
        (request(line=b"GET /\tHTTP/1.1"), 400),
        (request(line=b" GET / HTTP/1.1"), 400),
        (request(line=b"/ HTTP/1.1"), 400),
        (request(b"Transfer-Encoding: \x0bchunked"), 400),
        (request(b"Transfer-Encoding: chunked", line=b"GET / HTTP/1.0"), 400),
        (request(b"Transfer-Encoding : chunked"), 400),
        (request(b"X: a\r\n folded"), 400),
        (request(b"X: a\x00b"), 400),
        (request(b"X: a\rb"), 400),
        (request(b"X: a\nY: b"), 400),
        (request(b"X Y: a"), 400),
        (request(b": a"), 400),
        (request(b"no colon"), 400),
        (request(b"Host: other"), 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: h\n\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / a HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n", 400),
        (b"G\xe9T / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / http/1.1\r\n" + HOST + b"\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        (request(b"X: " + b"a" * 2000), 431),
        (b"GET /" + b"a" * 2100, 414),
        (request(line=b"GET /" + b"a" * 1990 + b" HTTP/1.1"), 414),
        (request(line=b"GET /" + b"a" * 1980 + b" HTTP/1.1"), 431),
        (b"G" * 2001, 431),
        (request(line=b"G" * 2000 + b" / HTTP/1.1"), 431),
        (request(b"Content-Length: 1", line=b"TRACE / HTTP/1.1", rest=b"a"), 400),
        (request(b"Content-Length: 1", line=b"TRACE / HTTP/1.0", rest=b"a"), 400),
        (request(b"Transfer-Encoding: chunked", line=b"TRACE / HTTP/1.1", rest=b"0\r\n\r\n"), 400),
        (request(b"Content-Length: 101"), 413),
        (request(b"Content-Length: 99999999999999999999999"), 400),
        (request(b"Transfer-Encoding: chunked", rest=b"ff\r\n" + b"a" * 255 + b"\r\n"), 413),
        (request(b"Transfer-Encoding: chunked", rest=b"zz\r\n"), 400),
        (request(b"Transfer-Encoding: chunked", rest=b"-1\r\n"), 400),
        (request(b"Transfer-Encoding: chunked", rest=b"1\r\nab\r\n"), 400),
        (request(b"Transfer-Encoding: chunked", rest=b"1" * 5000), 400),
    ],
)
def test_what_two_servers_could_read_differently_is_refused(data, status):
    parser = parse(data)
    assert parser.completed
    assert parser.error is not None
    assert parser.error.status == status
    assert parser.connection_close
    parser.close()


@pytest.mark.parametrize("step", [1, 999, None])
@pytest.mark.parametrize(("size", "refused"), [(1000, None), (1900, 431), (1986, 414), (5000, 414)])
def test_a_target_over_the_limit_is_told_apart_from_fields_over_it(size, refused, step):
    parser = parse(request(b"X: " + b"y" * 100, line=b"GET /" + b"a" * size + b" HTTP/1.1"), step)
    assert (parser.error and parser.error.status) == refused


@pytest.mark.parametrize("step", [1, 4, 100])
@pytest.mark.parametrize(
    ("visible", "status"),
    [
        *[(start, 400) for start in (b"\x00", b"\x16", b"\x80", b" ", b"(", b"\r\n\x00", b"\rG", b"\r\r", b"\r\n\r ")],
        *[
            (line + b"\r\n", 400)
            for line in (b"GET /x", b"G", b"G(T / HTTP/1.1", b"GET / HTTP/1.1 ", b"GET x HTTP/1.1")
        ],
        *[(line + b"\r\n", 400) for line in (b"GET /#f HTTP/1.0", b"GET * HTTP/1.1", b"GET / HTTP/2", b"G: /")],
        *[(line + b" HTTP/1.1\r\n", 400) for line in (b"GET http://u@h/", b"GET http://", b"GET / /", b"GET /\x7f")],
        *[(line + b"\r\n", 505) for line in (b"GET / HTTP/2.0", b"PRI * HTTP/2.0", b"\r\nx / HTTP/0.9")],
        (b"CONNECT h:443 HTTP/1.1\r\n", 501),
        (b"GET / HTTP/1.1\n", 400),
    ],
)
def test_a_fault_in_the_first_line_is_refused_as_soon_as_it_is_visible(visible, status, step):
    assert fed(visible[:-1], step, RequestMemory(0)).error is None
    memory = RequestMemory(10_000)
    parser = fed(visible, step, memory)
    assert (parser.error.status, parser.completed, parser.connection_close) == (status, True, True)
    parser.close()
    assert memory.held == 0


@pytest.mark.parametrize(
    "start", [b"!", b"x", b"0", b"GET", b"\r", b"\r\n\r", b"\r\nG", b"GET / HTTP/1.9\r\nno colon\r\n"]
)
@pytest.mark.parametrize("step", [1, 100])
def test_the_start_of_a_request_is_waited_for(start, step):
    parser = fed(start, step, RequestMemory(0))
    assert (parser.error, parser.completed) == (None, False)


def test_the_request_line_of_a_head_in_pieces_is_matched_once(monkeypatch):
    lines = []
    monkeypatch.setattr(
        parser_module, "check_start", lambda head, has_line: lines.append(bytes(head)) if has_line else None
    )
    assert fed(b"\r\n" + request(b"X: 1", b"Y: 2"), 1, RequestMemory(0)).completed
    assert lines == [b"GET / HTTP/1.1\r\n"]
    assert fed(request(), 1000, RequestMemory(0)).completed
    assert len(lines) == 1


@pytest.mark.parametrize("step", [None, 1])
def test_odd_bytes_of_a_target_are_left_as_they_are(step):
    target = b'/|^{}"<>\\`%zz%\x80\xff?|^{}"<>\\`%z'
    for line in (target, b"http://h" + target):
        parser = parse(request(line=b"GET " + line + b" HTTP/1.1"), step)
        assert (parser.error, parser.request_uri) == (None, line.decode("latin-1"))


def test_a_trace_without_content_is_read():
    for fields in ((), (b"Content-Length: 0",)):
        parser = parse(request(*fields, line=b"TRACE / HTTP/1.1"))
        assert (parser.error, parser.command, parser.completed) == (None, "TRACE", True)
    parser = parse(request(b"Content-Length: 1", line=b"trace / HTTP/1.1", rest=b"a"))  # another method (§9.1)
    assert (parser.error, body(parser)) == (None, b"a")


@pytest.mark.parametrize("step", [None, 1])
@pytest.mark.parametrize("name", ["a space in Host", "a target with a user name", "CONNECT with a body"])
def test_nothing_behind_a_refused_head_is_read(name, step):
    parser = parse(MALFORMED[name], step)
    assert (parser.completed, parser.connection_close, parser.body_rcv) == (True, True, None)


@pytest.mark.parametrize("version", [b"1.2", b"1.9"])
def test_a_later_minor_version_is_read_as_http_1_1(version):
    parser = parse(request(b"Transfer-Encoding: chunked", line=b"POST / HTTP/" + version, rest=b"1\r\na\r\n0\r\n\r\n"))
    assert (parser.error, parser.version, parser.connection_close, body(parser)) == (None, "1.1", False, b"a")
    assert parse(b"GET / HTTP/" + version + b"\r\n\r\n").error.status == 400


@pytest.mark.parametrize(
    ("line", "target"),
    [(b"OPTIONS *", "*"), (b"OPTIONS http://h", "http://h"), (b"GET HTTP://h:80/x", "HTTP://h:80/x"), (b"x! /", "/")],
)
def test_every_form_of_a_target_is_left_as_it_is_by_the_parser(line, target):
    assert parse(request(line=line + b" HTTP/1.1")).request_uri == target


@pytest.mark.parametrize(("data", "begun"), [(b"", False), (b"\r", False), (b"\r\n\r", False), (b"\r\n" * 8, False)])
@pytest.mark.parametrize("step", [1, 2, 3, 100])
def test_empty_lines_begin_no_request_and_one_byte_of_a_line_does(data, begun, step):
    parser = fed(data + b"\r\n" * (not data), step, RequestMemory(0))
    assert parser.begun is begun
    for later in (b"\nG", b"G") if data.endswith(b"\r") else (b"G",):
        parser = fed(data, step, RequestMemory(0))
        parser.received(later)
        assert parser.begun


def test_an_old_clients_wish_to_keep_the_connection_may_be_in_any_connection_field():
    line = b"GET / HTTP/1.0"
    assert not parse(request(b"Connection: keep-alive", b"Connection: x", line=line)).connection_close
    assert parse(request(b"Connection: keep-alive", b"Connection: close", line=line)).connection_close


def test_a_plain_http_1_0_request_ends_its_connection():
    assert parse(b"GET / HTTP/1.0\r\n\r\n").connection_close
    assert not parse(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").connection_close


@pytest.mark.parametrize("value", [b"close", b"Close", b"x, close", b"x\t,\tclose \t", b",close"])
def test_connection_close_is_understood(value):
    assert parse(request(b"Connection: " + value)).connection_close


@pytest.mark.parametrize("value", [b"\xa0close", b"close\x85", b"closed", b'"close"', b"x close", b"close;x"])
def test_what_only_looks_like_close_keeps_the_connection(value):
    assert not parse(request(b"Connection: " + value)).connection_close


LARGE = SimpleNamespace(max_request_header_size=65_536, max_request_body_size=10**6)


def fed(data, step, memory):
    """A parser with these limits that was fed `step` bytes at a time, to its end."""
    parser, used = RequestParser(LARGE, memory), 0
    while used < len(data) and not parser.completed:
        used += parser.received(data[used : used + step])
    return parser


@pytest.mark.parametrize("step", [1, 3, 1000, 100_000])
def test_each_byte_of_a_head_is_searched_once_and_held_once(monkeypatch, step):
    buffers = []

    def measured(buffer):
        buffers.append(MeasuredBuffer(buffer))
        return Section(buffers[-1])

    monkeypatch.setattr(parser_module, "Section", measured)
    data = request(*(b"X-%d: %b" % (number, b"y" * 50) for number in range(1000)))
    parser = fed(data, step, RequestMemory(10**6))
    assert (parser.error, len(parser.pairs)) == (None, 1001)
    (buffer,) = buffers
    assert buffer.added <= len(data) + 2
    assert buffer.searched <= 3 * len(data) + 4 * (len(data) // step + 2)


@pytest.mark.parametrize("step", [1, 1000, 100_000])
def test_so_many_fields_are_read_and_no_more(step):
    fields = [b"a:" for _ in range(1023)]
    assert len(fed(request(*fields), step, RequestMemory(10**6)).pairs) == 1024
    refused = fed(request(*fields, b"b:"), step, RequestMemory(10**6))
    assert (refused.error.status, refused.error.reason) == (431, "headers_too_large")


def test_too_many_fields_are_refused_before_the_head_is_whole():
    parser = RequestParser(LARGE, RequestMemory(10**6))
    parser.received(b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 1500)
    assert parser.error.status == 431


@pytest.mark.parametrize("step", [1, 2, 3, 100])
def test_a_few_empty_lines_are_skipped_and_more_refused(step):
    assert fed(b"\r\n" * 8 + request(line=b"GET /x HTTP/1.1"), step, RequestMemory(0)).request_uri == "/x"
    assert fed(b"\r\n" * 9 + request(), step, RequestMemory(0)).error.status == 400
    assert fed(b"\r\n\r" + request(), step, RequestMemory(0)).error.status == 400


def test_bytes_behind_a_request_are_left_to_the_next_one_at_every_cut():
    data = b"\r\n" + request(line=b"GET /1 HTTP/1.1")
    behind = request(line=b"GET /2 HTTP/1.1")
    for cut in range(len(data)):
        parser = RequestParser(LARGE, RequestMemory(0))
        assert parser.received(data[:cut]) == cut
        assert parser.received(data[cut:] + behind) == len(data) - cut
        assert (parser.completed, parser.request_uri) == (True, "/1")


POSTS = {
    "a head": request()[:-2],
    "a large head": request(b"X: " + b"y" * 10_000)[:-2],
    "a body": request(b"Content-Length: 5000", rest=b"x" * 4000),
    "a whole body": request(b"Content-Length: 5000", rest=b"x" * 5000),
    "chunks": request(b"Transfer-Encoding: chunked", rest=b"3e8\r\n" + b"x" * 1000),
    "a fault in chunks": request(b"Transfer-Encoding: chunked", rest=b"3e8\r\n" + b"x" * 1002),
    "a fault in the head": request(b"X: " + b"y" * 10_000)[:-2] + b"\n",
}
HELD = {"a body": 4000, "a whole body": 5000, "chunks": 1000}


@pytest.mark.parametrize("step", [1, 600, 100_000])
@pytest.mark.parametrize("name", POSTS)
def test_what_is_held_is_counted_and_goes_back_at_the_close(name, step):
    memory = RequestMemory(10**6)
    parser = fed(POSTS[name], step, memory)
    if name in HELD or parser.error is None:
        assert memory.held == HELD.get(name, len(POSTS[name]))
    parser.close()
    parser.close()
    assert memory.held == 0


def test_a_request_that_arrives_whole_without_a_body_counts_nothing():
    memory = RequestMemory(10**6)
    assert fed(request(b"X: " + b"y" * 10_000), 100_000, memory).completed
    assert memory.held == 0


def test_a_large_head_without_room_is_refused_and_a_small_one_is_not():
    memory = RequestMemory(10_000)
    first = fed(request(b"X: " + b"y" * 9000)[:-2], 1000, memory)
    assert first.error is None
    refused = fed(request(b"X: " + b"y" * 9000)[:-2], 1000, memory)
    assert isinstance(refused.error, Overloaded)
    assert fed(request(b"X: " + b"y" * 3000), 1000, memory).completed
    first.close()
    refused.close()
    assert fed(request(b"X: " + b"y" * 9000), 1000, memory).error is None
    assert memory.held == 0
