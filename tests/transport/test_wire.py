"""Request heads out, answers in: one test for each rule of RFC 9112 that the wire code keeps."""

from __future__ import annotations

import pytest
from httptools import HttpParserError, HttpResponseParser

from httptee.errors import UpstreamProtocolError, UpstreamReset
from httptee.transport import wire
from httptee.transport.wire import Answer, request_head

OK = b"HTTP/1.1 200 OK\r\n"


def parse(data: bytes, method: str = "GET", *, at_once: bool = True, eof: bool = False) -> tuple[Answer, bytes]:
    answer = Answer(method)
    body = b""
    for piece in [data] if at_once else [data[i : i + 1] for i in range(len(data))]:
        answer.feed(piece)
        body += answer.take()
    if eof:
        answer.eof()
    return answer, body


class TestRequestHead:
    def test_keeps_order_case_duplicates_and_target(self):
        head = request_head("GET", "/a%2Fb//x?%zz|", [("hOST", "a"), ("X", "1"), ("Y", ""), ("X", "\xff")])
        assert head == b"GET /a%2Fb//x?%zz| HTTP/1.1\r\nhOST: a\r\nX: 1\r\nY: \r\nX: \xff\r\n\r\n"

    def test_without_fields_is_a_request_line_and_an_empty_line(self):
        assert request_head("GET", "*", []) == b"GET * HTTP/1.1\r\n\r\n"

    @pytest.mark.parametrize("bad", ["\r", "\n", "\0", "\r\n", "a\r\nEvil: 1"])
    def test_refuses_line_ends_and_nul_anywhere(self, bad):
        for method, target, name, value in [
            ("GET" + bad, "/", "A", "b"),
            ("GET", "/" + bad, "A", "b"),
            ("GET", "/", "A" + bad, "b"),
            ("GET", "/", "A", "b" + bad),
        ]:
            with pytest.raises(ValueError):
                request_head(method, target, [(name, value)])

    @pytest.mark.parametrize(("method", "target"), [("", "/"), ("GET", ""), ("G T", "/"), ("GET", "/ HTTP/1.1")])
    def test_refuses_a_method_or_target_that_is_not_one_word(self, method, target):
        with pytest.raises(ValueError):
            request_head(method, target, [])

    def test_refuses_what_latin_1_cannot_hold(self):
        with pytest.raises(ValueError):
            request_head("GET", "/", [("A", "\u20ac")])


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "byte by byte"])
class TestAnswer:
    def test_keeps_reason_case_order_and_duplicates_as_sent(self, at_once):
        answer, body = parse(
            b"HTTP/1.1 200 All  r\xeaght\r\nset-COOKIE: a\r\nB:\r\nset-COOKIE: b:c\r\nC: \t d \xff \t\r\ncontent-length: 2\r\n\r\nhi",
            at_once=at_once,
        )
        assert (answer.status, answer.reason) == (200, "All  r\xeaght")
        assert answer.headers == [
            ("set-COOKIE", "a"),
            ("B", ""),
            ("set-COOKIE", "b:c"),
            ("C", "d \xff"),
            ("content-length", "2"),
        ]
        assert (body, answer.complete, answer.keep_alive, answer.length) == (b"hi", True, True, 2)

    @pytest.mark.parametrize("line", [b"HTTP/1.1 200 \r\n", b"HTTP/1.1 200\r\n"])
    def test_reason_may_be_empty(self, at_once, line):
        answer, _ = parse(line + b"Content-Length: 0\r\n\r\n", at_once=at_once)
        assert (answer.status, answer.reason, answer.keep_alive) == (200, "", True)

    def test_interim_answers_are_passed_over(self, at_once):
        answer, body = parse(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\nContent-Length: 9\r\n\r\n"
            + OK
            + b"Content-Length: 2\r\n\r\nhi",
            at_once=at_once,
        )
        assert (answer.status, answer.headers, body) == (200, [("Content-Length", "2")], b"hi")
        assert answer.keep_alive

    def test_endless_interim_answers_are_refused(self, at_once):
        with pytest.raises(UpstreamProtocolError, match="interim"):
            parse(b"HTTP/1.1 100 Continue\r\n\r\n" * (wire.MAX_INTERIM + 1), at_once=at_once)

    def test_switching_protocols_is_refused(self, at_once):
        with pytest.raises(UpstreamProtocolError, match="101"):
            parse(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nab", at_once=at_once)

    @pytest.mark.parametrize(
        ("method", "status", "field"),
        [
            ("HEAD", b"200 OK", b"Content-Length: 5\r\n"),
            ("HEAD", b"200 OK", b"Transfer-Encoding: chunked\r\n"),
            ("HEAD", b"200 OK", b""),
            ("GET", b"204 No Content", b""),
            ("GET", b"304 Not Modified", b"Content-Length: 5\r\n"),
        ],
    )
    def test_answers_without_a_body_end_with_their_head(self, at_once, method, status, field):
        answer, body = parse(b"HTTP/1.1 " + status + b"\r\n" + field + b"\r\n", method, at_once=at_once)
        assert (body, answer.complete, answer.keep_alive) == (b"", True, True)

    def test_chunks_with_extensions_and_trailers_give_the_body_alone(self, at_once):
        answer, body = parse(
            OK + b'Transfer-Encoding: Chunked\r\n\r\n3;a=b\r\nabc\r\nA\r\n0123456789\r\n0;x="y"\r\nTrailer: t\r\n\r\n',
            at_once=at_once,
        )
        assert (body, answer.complete, answer.keep_alive) == (b"abc0123456789", True, True)
        assert answer.headers == [("Transfer-Encoding", "Chunked")]

    def test_without_framing_the_body_ends_with_the_connection(self, at_once):
        answer, body = parse(OK + b"\r\nabc", at_once=at_once)
        assert (body, answer.complete) == (b"abc", False)
        answer.eof()
        assert (answer.complete, answer.keep_alive) == (True, False)

    @pytest.mark.parametrize(
        ("version", "options", "persists"),
        [
            (b"1.1", b"", True),
            (b"1.1", b"Connection: close\r\n", False),
            (b"1.1", b"Connection: x, CLOSE\r\n", False),
            (b"1.1", b"Connection: x\r\nconnection:\tclose \r\n", False),
            (b"1.1", b"Connection: closed\r\n", True),
            (b"1.0", b"", False),
            (b"1.0", b"Connection: Keep-Alive\r\n", True),
            (b"1.0", b"Connection: keep-alive, close\r\n", False),
        ],
    )
    @pytest.mark.parametrize("framing", [b"Content-Length: 2\r\n\r\nab", b"Content-Length: 0\r\n\r\n"])
    def test_connection_options_and_version_decide_about_reuse(self, at_once, version, options, persists, framing):
        answer, _ = parse(b"HTTP/" + version + b" 200 OK\r\n" + options + framing, at_once=at_once)
        assert answer.complete
        assert answer.keep_alive == persists

    def test_chunks_from_http_1_0_are_read_but_the_connection_is_not_used_again(self, at_once):
        answer, body = parse(
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
            at_once=at_once,
        )
        assert (body, answer.complete, answer.keep_alive) == (b"a", True, False)

    @pytest.mark.parametrize("rubbish", [b"x", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"\0"])
    @pytest.mark.parametrize(
        ("method", "message"),
        [
            ("GET", OK + b"Content-Length: 2\r\n\r\nab"),
            ("GET", OK + b"Content-Length: 0\r\n\r\n"),
            ("GET", OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
            ("GET", OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n\r\n\r\n0\r\nT: a\r\n\r\n"),
            ("GET", OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nab"),
            ("GET", b"HTTP/1.1 204 None\r\n\r\n"),
            ("HEAD", OK + b"Content-Length: 2\r\n\r\n"),
        ],
    )
    def test_what_follows_an_answer_reaches_nobody_and_ends_the_connection(self, at_once, method, message, rubbish):
        clean, expected = parse(message, method, at_once=at_once)
        answer, body = parse(message + rubbish, method, at_once=at_once)
        assert clean.complete
        assert (body, answer.complete, answer.keep_alive) == (expected, True, False)

    @pytest.mark.parametrize(
        "data",
        [
            b"hello",
            b"\r\nHTTP/1.1 200 OK\r\n\r\n",
            b"http/1.1 200 OK\r\n\r\n",
            b"HTTP/2.0 200 OK\r\n\r\n",
            b"HTTP/0.9 200 OK\r\n\r\n",
            b"RTSP/1.0 200 OK\r\n\r\n",
            b"ICE/1.0 200 OK\r\n\r\n",
            b"HTTP/1.1  200 OK\r\n\r\n",
            b"HTTP/1.1 099 Low\r\n\r\n",
            b"HTTP/1.1 000 Low\r\n\r\n",
            b"HTTP/1.1 2000 Long\r\n\r\n",
            b"HTTP/1.1 200OK\r\n\r\n",
            b"HTTP/1.1 200 O\0K\r\n\r\n",
            b"HTTP/1.1 200 O\x01K\r\n\r\n",
            b"HTTP/1.1 200 O\x7fK\r\n\r\n",
            b"HTTP/1.1 200 OK\rX\r\n\r\n",
            b"HTTP/1.1 200 OK\n\n",
            OK + b"A: b\n\n",
            OK + b"A: b\0c\r\n\r\n",
            OK + b"A: b\rc\r\n\r\n",
            OK + b"A: b\r\n folded\r\n\r\n",
            OK + b" A: b\r\n\r\n",
            OK + b"A : b\r\n\r\n",
            OK + b"A\r\n\r\n",
            OK + b": b\r\n\r\n",
            OK + b"A(: b\r\n\r\n",
            OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
            OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n",
            OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n",
            OK + b"Content-Length: 2, 2\r\n\r\n",
            OK + b"Content-Length: +2\r\n\r\n",
            OK + b"Content-Length: -2\r\n\r\n",
            OK + b"Content-Length: 0x2\r\n\r\n",
            OK + b"Content-Length: 1_0\r\n\r\n",
            OK + b"Content-Length:\r\n\r\n",
            OK + b"Content-Length: 99999999999999999999999\r\n\r\n",
            OK + b"Transfer-Encoding: gzip\r\n\r\n",
            OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
            OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
            OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n",
            OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            OK + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
            OK + b"Transfer-Encoding: x-chunked\r\n\r\n",
            OK + b"Transfer-Encoding:\r\n\r\n",
        ],
    )
    def test_what_is_not_an_http_1_answer_is_refused(self, at_once, data):
        with pytest.raises(UpstreamProtocolError):
            parse(data, at_once=at_once, eof=True)

    @pytest.mark.parametrize(
        "chunks",
        [
            b"3\nabc\n0\n\n",
            b"3 \r\nabc\r\n0\r\n\r\n",
            b"3\r\nabcX\r\n",
            b"3\r\nabc0\r\n\r\n",
            b"-1\r\n",
            b"0x3\r\nabc\r\n",
            b"\r\nabc",
            b"3;a\nb\r\nabc\r\n",
            b"ffffffffffffffffff\r\n",
            b"0\r\nT: a\0\r\n\r\n",
        ],
    )
    def test_broken_chunks_are_refused(self, at_once, chunks):
        with pytest.raises(UpstreamProtocolError):
            parse(OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunks, at_once=at_once)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"HTTP",
            OK,
            b"HTTP/1.1 100 Continue\r\n\r\n",
            OK + b"Content-Length: 3\r\n\r\nab",
            OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nab",
            OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
        ],
    )
    def test_an_answer_cut_short_is_a_reset(self, at_once, data):
        with pytest.raises(UpstreamReset):
            parse(data, at_once=at_once, eof=True)


class TestLimits:
    def head(self, size: int) -> bytes:
        frame = OK + b"X: \r\nContent-Length: 0\r\n\r\n"
        return frame.replace(b"X: ", b"X: " + b"x" * (size - len(frame)))

    def test_a_head_may_have_its_size_to_the_byte(self):
        assert parse(self.head(wire.MAX_HEAD))[0].complete
        with pytest.raises(UpstreamProtocolError, match="longer"):
            parse(self.head(wire.MAX_HEAD + 1))

    def test_a_head_without_end_is_refused_before_its_end(self):
        answer = Answer("GET")
        answer.feed(OK + b"X: ")
        with pytest.raises(UpstreamProtocolError, match="longer"):
            for _ in range(wire.MAX_HEAD // 1000 + 1):
                answer.feed(b"x" * 1000)

    def test_a_status_line_without_end_is_refused(self):
        with pytest.raises(UpstreamProtocolError, match="status line"):
            parse(b"HTTP/1.1 200 " + b"x" * wire.MAX_STATUS_LINE)

    def test_fields_are_counted(self):
        assert parse(OK + b"A: b\r\n" * (wire.MAX_FIELDS - 1) + b"Content-Length: 0\r\n\r\n")[0].complete
        with pytest.raises(UpstreamProtocolError, match="fields"):
            parse(OK + b"A: b\r\n" * (wire.MAX_FIELDS + 1) + b"\r\n")

    @pytest.mark.parametrize("start", [b"0\r\n", b"3;"], ids=["trailers", "extensions"])
    def test_trailers_and_extensions_without_end_are_refused(self, start):
        answer = Answer("GET")
        answer.feed(OK + b"Transfer-Encoding: chunked\r\n\r\n" + start)
        with pytest.raises(UpstreamProtocolError, match="without end"):
            for _ in range(wire.MAX_CHUNK_OVERHEAD // 1000 + 1):
                answer.feed(b"T" * 990 + b": abcde\r\n" if start == b"0\r\n" else b"x" * 1000)


class TestWhatTheParserTakes:
    """The gaps this module closes. Where one of these fails, llhttp has closed a gap itself and the check can go."""

    @pytest.mark.parametrize(
        "data",
        [
            b"HTTP/1.1 200 O\0K\r\n\r\n",
            b"HTTP/1.1 000 Low\r\n\r\n",
            b"HTTP/2.0 200 OK\r\n\r\n",
            b"RTSP/1.0 200 OK\r\n\r\n",
            b"\n\r\rHTTP/1.1 200 OK\r\n\r\n",
            OK + b"Transfer-Encoding: gzip\r\n\r\n",
            OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        ],
    )
    def test_llhttp_passes_what_the_wire_refuses(self, data):
        try:
            HttpResponseParser(None).feed_data(data)
        except HttpParserError as error:
            pytest.fail(f"llhttp refuses it by now: {error}")
        with pytest.raises(UpstreamProtocolError):
            parse(data)
