"""Request heads out, answers in: one test for each rule of RFC 9112 that the wire code keeps."""

from __future__ import annotations

import pytest

from httptee.errors import UpstreamProtocolError
from httptee.transport import wire
from httptee.transport.pending import Unread
from httptee.transport.prepared import request_head
from httptee.transport.pressure import Reading
from httptee.transport.wire import Answer

from .answers import OK, parse

ANOTHER = OK + b"Content-Length: 4\r\n\r\nevil"


class TestHead:
    HEAD = OK + b"X:y \r\nContent-Length: 2\r\n\r\n"

    def test_is_kept_as_it_was_if_it_is_short(self):
        assert parse(self.HEAD + b"ab")[0].head == self.HEAD
        assert parse(b"HTTP/1.1 103 Hints\r\n\r\n" + self.HEAD + b"ab")[0].head == self.HEAD

    def test_of_a_b_is_not_kept(self):
        answer = Unread(Reading()).answer("GET")
        answer.feed(self.HEAD + b"ab")
        assert (answer.complete, answer.head) == (True, b"")

    @pytest.mark.parametrize(
        "pieces",
        [
            [HEAD[:20], HEAD[20:]],
            [OK + b"X: " + b"x" * 20_000 + b"\r\n\r\n"],
            [b"HTTP/1.1 103 Hints\r\n\r\n" + HEAD[:20], HEAD[20:]],
            [OK.replace(b"\r\n", b"\n") + b"\n"],
            [b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"],
        ],
    )
    def test_is_not_kept_if_it_is_long_or_odd_or_came_in_pieces(self, pieces):
        answer = Answer("GET")
        for piece in pieces:
            answer.feed(piece)
        assert (answer.headers_complete, answer.head) == (True, b"")


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
            b"HTTP/1.1 200 All  r\xeaght\r\nset-COOKIE: a\r\nB:\r\nset-COOKIE: b:c\r\n"
            b"C: \t d \xff \t\r\ncontent-length: 2\r\n\r\nhi",
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

    def test_interim_answers_come_before_the_answer(self, at_once):
        answer, body = parse(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\nContent-Length: 9\r\n\r\n"
            + OK
            + b"Content-Length: 2\r\n\r\nhi",
            at_once=at_once,
        )
        assert (answer.status, answer.headers, body) == (200, [("Content-Length", "2")], b"hi")
        assert answer.keep_alive

    def test_each_interim_answer_but_100_is_handed_on_as_sent(self, at_once):
        seen = []
        interim = (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
            b"HTTP/1.1 103 Early  Hints\r\nlink : </a>\r\nConnection: x\r\nLink: </b> \r\n\r\nHTTP/1.0 199\r\n\r\n"
        )
        answer = Answer("GET")
        answer.on_interim = lambda *one: seen.append(one)
        data = interim + OK + b"Content-Length: 0\r\n\r\n"
        for piece in [data] if at_once else [data[i : i + 1] for i in range(len(data))]:
            answer.feed(piece)
        assert seen == [
            (102, "Processing", []),
            (103, "Early  Hints", [("link", "</a>"), ("Connection", "x"), ("Link", "</b>")]),
            (199, "", []),
        ]
        assert (answer.status, answer.complete, answer.keep_alive) == (200, True, True)

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

    @pytest.mark.parametrize(
        "rubbish", [b"x", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"\0", ANOTHER]
    )
    @pytest.mark.parametrize(
        ("method", "message"),
        [
            ("GET", OK + b"Content-Length: 2\r\n\r\nab"),
            ("GET", OK + b"Content-Length: 0\r\n\r\n"),
            ("GET", OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
            ("GET", OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n\r\n\r\n0\r\nT: a\r\n\r\n"),
            ("GET", OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nab"),
            ("GET", OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            ("GET", OK + b"A : b\nContent-Length: 2, 2\n\nab"),
            ("GET", b"HTTP/1.1 204 None\r\n\r\n"),
            ("GET", b"HTTP/1.1 304 None\r\nContent-Length: 5\r\n\r\n"),
            ("HEAD", OK + b"Content-Length: 2\r\n\r\n"),
        ],
    )
    def test_what_follows_an_answer_reaches_nobody_and_ends_the_connection(self, at_once, method, message, rubbish):
        clean, expected = parse(message, method, at_once=at_once)
        answer, body = parse(message + rubbish, method, at_once=at_once)
        assert clean.complete
        assert (body, answer.complete, answer.keep_alive) == (expected, True, False)


SWITCH = b"HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: Echo/1\r\nX: 1 \r\n"


def switched(data, at_once, upgrade=("echo/1", "x")):
    answer = Answer("GET")
    answer.upgrade = upgrade
    for piece in [data] if at_once else [data[i : i + 1] for i in range(len(data))]:
        answer.feed(piece)
    return answer


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "byte by byte"])
class TestSwitch:
    @pytest.mark.parametrize("framing", [b"", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n"])
    def test_what_follows_a_101_is_of_the_other_protocol(self, at_once, framing):
        answer = switched(SWITCH + framing + b"\r\nHTTP/1.1 200 OK\r\n\r\n", at_once)
        assert (answer.status, answer.reason, answer.headers_complete) == (101, "Switch", True)
        assert answer.headers == [("Connection", "upgrade"), ("Upgrade", "Echo/1"), ("X", "1")]
        assert answer.take() == b"HTTP/1.1 200 OK\r\n\r\n"
        assert (answer.complete, answer.keep_alive) == (False, False)

    def test_interim_answers_may_come_before_it(self, at_once):
        assert switched(b"HTTP/1.1 103 Early\r\nA: 1\r\n\r\n" + SWITCH + b"\r\n", at_once).status == 101

    @pytest.mark.parametrize("upgrade", [(), ("x",), ("echo",)])
    def test_a_protocol_that_was_not_asked_for_is_an_error(self, at_once, upgrade):
        with pytest.raises(UpstreamProtocolError):
            switched(SWITCH + b"\r\n", at_once, upgrade)

    @pytest.mark.parametrize("named", [b"", b"Upgrade: \r\n", b"Upgrade: echo/1, h2c\r\n"])
    def test_so_is_one_that_is_not_named(self, at_once, named):
        with pytest.raises(UpstreamProtocolError):
            switched(b"HTTP/1.1 101 Switch\r\n" + named + b"\r\n", at_once)

    def test_a_clones_answer_ends_with_it(self, at_once):
        answer = Unread(Reading()).answer("GET")
        answer.upgrade = ("echo/1",)
        data = SWITCH + b"\r\nmore"
        for piece in [data] if at_once else [data[i : i + 1] for i in range(len(data))]:
            answer.feed(piece)
        assert (answer.status, answer.complete, answer.keep_alive) == (101, True, False)
