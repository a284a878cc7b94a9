"""What is not an answer, and what is one but without bound."""

from __future__ import annotations

import pytest
from httptools import HttpParserError, HttpResponseParser

from httptee.errors import UpstreamProtocolError, UpstreamReset
from httptee.transport import head, wire
from httptee.transport.timeouts import FOR_CLIENTS, MAX_STATUS_LINE, Limits
from httptee.transport.wire import Answer

from .answers import OK, parse

CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "byte by byte"])
class TestRefusals:
    @pytest.mark.parametrize(
        "data",
        [
            b"hello",
            b"\r\nHTTP/1.1 200 OK\r\n\r\n",
            b"http/1.1 200 OK\r\n\r\n",
            b"HTTP/2.0 200 OK\r\n\r\n",
            b"HTTP/0.9 200 OK\r\n\r\n",
            b"HTTP/1.x 200 OK\r\n\r\n",
            b"HTTP/1.11 200 OK\r\n\r\n",
            b"HTTP/1.2200 OK\r\n\r\n",
            b"HTTP/3.1 200 OK\r\n\r\n",
            b"hTTP/1.1 200 OK\r\n\r\n",
            b"RTSP/1.0 200 OK\r\n\r\n",
            b"ICE/1.0 200 OK\r\n\r\n",
            b"HTTP/1.1  200 OK\r\n\r\n",
            b"HTTP/1.1 099 Low\r\n\r\n",
            b"HTTP/1.1 000 Low\r\n\r\n",
            b"HTTP/1.1 2000 Long\r\n\r\n",
            b"HTTP/1.1 200OK\r\n\r\n",
            b"HTTP/1.1 20\r\n\r\n",
            b"HTTP/1.1 2x0 OK\r\n\r\n",
            b"HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 -200 OK\r\n\r\n",
            b"HTTP/1.1\t200 OK\r\n\r\n",
            b"HTTP/1.1 200 O\0K\r\n\r\n",
            b"HTTP/1.1 200 O\x01K\r\n\r\n",
            b"HTTP/1.1 200 O\x7fK\r\n\r\n",
            b"HTTP/1.1 200 OK\rX\r\n\r\n",
            OK + b"A: b\0c\r\n\r\n",
            OK + b"A: b\rc\r\n\r\n",
            OK + b" A: b\r\n\r\n",
            OK + b"\tA: b\r\nB: c\r\n\r\n",
            OK + b" \r\nB: c\r\n\r\n",
            OK + b" : b\r\n\r\n",
            OK + b"A b: c\r\n\r\n",
            OK + b"A\x0b: c\r\n\r\n",
            OK + b"A\xa0: c\r\n\r\n",
            OK + b"A: b\r\r\n\r\n",
            OK + b"A: b\r\n \0c\r\n\r\n",
            OK + b"HTTP/1.1 200 OK\r\n\r\n",
            OK + b"A\r\n\r\n",
            OK + b": b\r\n\r\n",
            OK + b"A(: b\r\n\r\n",
            OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n",
            OK + b"Content-Length: 2, 3\r\n\r\n",
            OK + b"Content-Length: 2,\r\n\r\n",
            OK + b"Content-Length: ,2\r\n\r\n",
            OK + b"Content-Length: 2 2\r\n\r\n",
            OK + b"Content-Length: 2;2\r\n\r\n",
            OK + b"Content-Length: 2\r\n 2\r\n\r\n",
            OK + b"Content-Length: 2\r\nContent-Length:\r\n\r\n",
            OK + b"Content-Length: 2\r\nContent-Length: +2\r\n\r\n",
            OK + b"Content-Length: 0x2, 0x2\r\n\r\n",
            OK + b"Content-Length: 1_0, 1_0\r\n\r\n",
            OK + b"Content-Length: \xb2, \xb2\r\n\r\n",
            OK + b"Content-Length: " + b"9" * 5_000 + b", " + b"9" * 5_000 + b"\r\n\r\n",
            OK + b"Content-Length: +2\r\n\r\n",
            OK + b"Content-Length: 2.0\r\n\r\n",
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
            OK + b"Transfer-Encoding: ,\r\n\r\n",
            OK + b"Transfer-Encoding:\r\nContent-Length: 2\r\n\r\n",
            OK + b"Transfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\n",
            OK + b"Transfer-Encoding: chunked, identity\r\n\r\n",
            OK + b"Transfer-Encoding: identity, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
            OK + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            OK + b"Transfer-Encoding: identity, identity\r\n\r\na",
            OK + b"Transfer-Encoding: chunked;q=1\r\n\r\n",
            OK + b"Transfer-Encoding: chunked\x0b\r\n\r\n",
            OK + b"Transfer-Encoding: \xa0chunked\r\n\r\n",
            OK + b'Transfer-Encoding: "chunked"\r\n\r\n',
        ],
    )
    def test_what_is_not_an_http_1_answer_is_refused(self, at_once, data):
        with pytest.raises(UpstreamProtocolError):
            parse(data, at_once=at_once, eof=True)

    @pytest.mark.parametrize(
        "chunks",
        [
            b"3\nabc\n0\n\n",
            b"3;=\r\nabc\r\n0\r\n\r\n",
            b"3;a;;b\r\nabc\r\n0\r\n\r\n",
            b"\r\n3\r\nabc\r\n0\r\n\r\n",
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
        assert parse(self.head(FOR_CLIENTS.head))[0].complete
        with pytest.raises(UpstreamProtocolError, match="longer"):
            parse(self.head(FOR_CLIENTS.head + 1))

    def test_a_small_limit_holds_too(self):
        for size, most in [(100, 100), (101, 100)]:
            answer = Answer("GET", Limits(head=most))
            if size > most:
                with pytest.raises(UpstreamProtocolError, match="longer"):
                    answer.feed(self.head(size))
            else:
                answer.feed(self.head(size))
                assert answer.complete

    def test_a_head_without_end_is_refused_before_its_end(self):
        answer = Answer("GET")
        answer.feed(OK + b"X: " + b"x" * (FOR_CLIENTS.head - 100))
        with pytest.raises(UpstreamProtocolError, match="longer"):
            answer.feed(b"x" * 100)

    def test_a_status_line_without_end_is_refused(self):
        with pytest.raises(UpstreamProtocolError, match="longer"):
            parse(b"HTTP/1.1 200 " + b"x" * MAX_STATUS_LINE)

    @pytest.mark.parametrize("cut", [None, 10, 40, 3_000])
    def test_fields_are_counted_in_however_many_pieces_they_come(self, cut):
        def read(fields):
            answer = Answer("GET")
            head = OK + b"A: b\r\n" * (fields - 1) + b"Content-Length: 0\r\n\r\n"
            answer.feed(head[:cut])
            if cut:
                answer.feed(head[cut:])
            return answer

        assert len(read(FOR_CLIENTS.fields).headers) == FOR_CLIENTS.fields
        with pytest.raises(UpstreamProtocolError, match="fields"):
            read(FOR_CLIENTS.fields + 1)

    def test_interim_heads_together_may_be_as_large_as_one_head(self):
        interim = b"HTTP/1.1 103 Early Hints\r\nLink: " + b"x" * (FOR_CLIENTS.head // 4 - 50) + b"\r\n\r\n"
        answer = Answer("GET")
        answer.feed(interim * 4)
        with pytest.raises(UpstreamProtocolError, match="interim"):
            answer.feed(interim)

    @pytest.mark.parametrize("size", [1, 1_000, 10**6])
    @pytest.mark.parametrize("oddity", [b"A : b\r\n", b"A: b\n", b"A: b\r\n c\r\n"])
    def test_an_odd_head_has_the_same_limits(self, size, oddity):
        def read(data):
            answer = Answer("GET", Limits(head=3_000, fields=20))
            for at in range(0, len(data), size):
                answer.feed(data[at : at + size])
            return answer

        ended = b"Content-Length: 0\r\n\r\n"
        rest = 20 - oddity.count(b"\n") - 1
        assert read(OK + oddity + b"C:\r\n" * rest + ended).complete
        with pytest.raises(UpstreamProtocolError, match="20 header fields"):
            read(OK + oddity + b"C:\r\n" * (rest + 1) + ended)
        wide = 3_000 - len(OK + oddity + b"C:\r\n" + ended)
        assert read(OK + oddity + b"C:" + b"x" * wide + b"\r\n" + ended).complete
        with pytest.raises(UpstreamProtocolError, match="longer"):
            read(OK + oddity + b"C:" + b"x" * (wide + 1) + b"\r\n" + ended)
        with pytest.raises(UpstreamProtocolError, match="longer"):
            read(OK + oddity + b"C:" + b"x" * 3_000)

    def test_each_head_of_interim_answers_has_its_own_count(self):
        interim = b"HTTP/1.1 103 Early Hints\r\n" + b"Link: x\r\n" * 700 + b"\r\n"
        data = interim * 3 + OK + b"Content-Length: 0\r\n\r\n"
        assert parse(data)[0].complete
        assert parse(data, at_once=False)[0].complete

    @pytest.mark.parametrize(
        ("endless", "limit", "fault"),
        [
            (b"0\r\nT: ", FOR_CLIENTS.chunks.trailers, "trailer section"),
            (b"0\r\n" + b"T: a\r\n" * 9, FOR_CLIENTS.chunks.trailers, "trailer section"),
            (b"3;", FOR_CLIENTS.chunks.line, "chunk line"),
            (b"0" * 9, FOR_CLIENTS.chunks.line, "chunk line"),
        ],
    )
    def test_trailers_and_chunk_lines_without_end_are_refused(self, endless, limit, fault):
        answer = Answer("GET")
        answer.feed(CHUNKED + endless + b"x" * (limit - 100))
        with pytest.raises(UpstreamProtocolError, match=fault):
            answer.feed(b"x" * 100)

    def test_bytes_of_the_body_do_not_excuse_all_framing_that_went_before(self):
        answer = Answer("GET")
        wasteful = b"1;" + b"x" * 30_000 + b"\r\na\r\n"
        answer.feed(CHUNKED + wasteful * (FOR_CLIENTS.chunks.overhead // 30_000))
        with pytest.raises(UpstreamProtocolError, match="framing"):
            answer.feed(wasteful)

    def test_an_event_stream_of_one_byte_chunks_is_never_cut(self):
        answer, pieces = Answer("GET"), 60
        answer.feed(CHUNKED)
        for _ in range(pieces):  # 3 MB of framing
            answer.feed(b"1\r\na\r\n" * 10_000)
        assert len(answer.take()) == pieces * 10_000


class Counting:
    """llhttp, with the number of bytes that all of its parsers were given."""

    fed = 0

    def __init__(self, callbacks):
        self._parser = HttpResponseParser(callbacks)
        self.get_status_code = self._parser.get_status_code

    def feed_data(self, data):
        Counting.fed += len(data)
        self._parser.feed_data(data)


class TestWork:
    @pytest.fixture(autouse=True)
    def counting(self, monkeypatch):
        for module in (wire, head):
            monkeypatch.setattr(module, "HttpResponseParser", Counting)
        monkeypatch.setattr(Counting, "fed", 0)

    def test_a_head_with_too_many_fields_is_not_parsed(self):
        with pytest.raises(UpstreamProtocolError, match="fields"):
            Answer("GET").feed(OK + b"a:\r\n" * 16_300 + b"\r\n")
        assert Counting.fed == 0

    @pytest.mark.parametrize("size", [1, 7, 1_000])
    def test_each_byte_of_a_head_is_parsed_once_however_it_is_cut(self, size):
        head = OK + b"Name: value\r\n" * 500 + b"Content-Length: 3\r\n\r\n"
        answer = Answer("GET")
        for at in range(0, len(head), size):
            answer.feed(head[at : at + size])
        assert answer.headers_complete
        assert Counting.fed == len(head)


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
