"""Answers that are odd but readable: each is mended as the RFCs say, however it arrives."""

from __future__ import annotations

import random

import pytest

from httptee.transport.pending import Unread
from httptee.transport.pressure import Reading
from httptee.transport.wire import Answer

from .answers import OK, judged, parse


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "byte by byte"])
class TestOddities:
    @pytest.mark.parametrize(
        ("head", "fields"),
        [
            (b"A : b\r\n", [("A", "b")]),
            (b"A \t : b\r\nB\t:c\r\n", [("A", "b"), ("B", "c")]),
            (b"A :\r\n", [("A", "")]),
            (b"A: b\r\n c\r\n", [("A", "b c")]),
            (b"A: b \r\n \t c\t\r\n\td: e\r\nB: f\r\n", [("A", "b  c d: e"), ("B", "f")]),
            (b"A:\r\n b\r\n", [("A", "b")]),
            (b"A: b\r\n \r\nB: c\r\n", [("A", "b"), ("B", "c")]),
            (b"A: b\nB: c\r\nC: d\n", [("A", "b"), ("B", "c"), ("C", "d")]),
            (b"A: b\n c\n", [("A", "b c")]),
        ],
    )
    @pytest.mark.parametrize("status", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\n"])
    def test_white_space_folds_and_line_ends_are_mended(self, at_once, status, head, fields):
        for end in (b"\r\n", b"\n"):
            answer, body = parse(status + head + b"Content-Length : 2" + end + end + b"ab", at_once=at_once)
            assert answer.headers == [*fields, ("Content-Length", "2")]
            assert (answer.status, answer.reason, body) == (200, "OK", b"ab")
            assert (answer.complete, answer.keep_alive, answer.length) == (True, True, 2)

    def test_an_end_of_head_in_lf_is_the_end_even_if_crlf_follows(self, at_once):
        answer, body = parse(b"HTTP/1.1 200 OK\nContent-Length: 8\n\nab\r\n\r\ncd", at_once=at_once)
        assert (answer.headers, body, answer.keep_alive) == ([("Content-Length", "8")], b"ab\r\n\r\ncd", True)

    @pytest.mark.parametrize("kind", [Answer, lambda method: Unread(Reading()).answer(method)])
    @pytest.mark.parametrize("lines", [b"a\n" * 30_000, b"a\n" * 30_000 + b"\r\n\r\n", b"b\r\n" * 25_000])
    def test_lines_of_a_body_are_no_fields(self, at_once, kind, lines):
        interim = b"HTTP/1.1 103 Early Hints\nLink: a\n\n"
        data = interim * 9 + b"HTTP/1.1 200 OK\nContent-Length: %d\n\n" % len(lines) + lines
        answer = kind("GET")
        for at in range(0, len(data), len(data) if at_once else 3_000):
            answer.feed(data[at : at + (len(data) if at_once else 3_000)])
        assert (answer.status, answer.complete, answer.keep_alive) == (200, True, True)

    @pytest.mark.parametrize("minor", [b"2", b"9"])
    def test_a_later_minor_version_is_read_as_1_1(self, at_once, minor):
        answer, _ = parse(b"HTTP/1." + minor + b" 200 OK\r\nContent-Length: 0\r\n\r\n", at_once=at_once)
        assert (answer.status, answer.reason, answer.keep_alive) == (200, "OK", True)

    @pytest.mark.parametrize(
        "lengths", [b"2, 2", b"2,2\t, 2", b"2\r\nX: y\r\ncontent-length:2", b"2\r\nContent-Length : 2"]
    )
    def test_equal_lengths_are_one(self, at_once, lengths):
        answer, body = parse(OK + b"Content-Length: " + lengths + b"\r\n\r\nab", at_once=at_once)
        assert [pair for pair in answer.headers if pair[0] != "X"] == [("Content-Length", "2")]
        assert (body, answer.complete, answer.keep_alive, answer.length) == (b"ab", True, True, 2)

    @pytest.mark.parametrize("length", [b"9", b"1", b"x", b"1, 2", b"9\r\nContent-Length: 8"])
    @pytest.mark.parametrize("first", [True, False])
    def test_a_length_beside_chunks_is_removed_and_the_connection_closed(self, at_once, length, first):
        pair = [b"Content-Length: " + length, b"Transfer-Encoding: chunked"]
        data = OK + b"\r\n".join(pair if first else pair[::-1]) + b"\r\n\r\n2\r\nab\r\n0\r\n\r\n"
        answer, body = parse(data, at_once=at_once)
        assert answer.headers == [("Transfer-Encoding", "chunked")]
        assert (body, answer.complete, answer.keep_alive, answer.length) == (b"ab", True, False, None)

    @pytest.mark.parametrize("codings", [b" CHUNKED", b"\tchunked\t", b" chunked,", b" ,chunked", b"\r\n chunked"])
    def test_chunked_may_be_written_in_other_ways(self, at_once, codings):
        answer, body = parse(OK + b"Transfer-Encoding:" + codings + b"\r\n\r\n1\r\na\r\n0\r\n\r\n", at_once=at_once)
        assert (body, answer.complete, answer.keep_alive) == (b"a", True, True)

    @pytest.mark.parametrize("length", [b"", b"Content-Length: 1\r\n"])
    def test_identity_alone_ends_with_the_connection(self, at_once, length):
        answer, body = parse(OK + length + b"Transfer-Encoding: Identity\r\n\r\n1\r\na", at_once=at_once)
        assert (body, answer.complete, answer.length) == (b"1\r\na", False, None)
        answer.eof()
        assert (answer.complete, answer.keep_alive) == (True, False)

    @pytest.mark.parametrize(
        ("field", "reusable"),
        [
            (b"Content-Length: 0\r\n", True),
            (b"Content-Length: 2\r\n", False),
            (b"Transfer-Encoding: chunked\r\n", False),
            (b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", False),
        ],
    )
    def test_a_204_has_no_length_and_no_body(self, at_once, field, reusable):
        answer, body = parse(b"HTTP/1.1 204 None\r\n" + field + b"A: b\r\n\r\n", at_once=at_once)
        assert [pair for pair in answer.headers if pair[0] != "Transfer-Encoding"] == [("A", "b")]
        assert (body, answer.complete, answer.keep_alive, answer.length) == (b"", True, reusable, None)

    def test_an_interim_head_may_be_odd_and_the_next_one_plain(self, at_once):
        odd = b"HTTP/1.1 103 Early Hints\nLink : a\n\n"
        data = odd + OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
        answer, body = parse(data, at_once=at_once)
        assert (answer.headers, body, answer.keep_alive) == ([("Transfer-Encoding", "chunked")], b"a", True)

    def test_a_length_beside_chunks_in_an_interim_answer_does_not_close(self, at_once):
        odd = b"HTTP/1.1 103 Early Hints\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert parse(odd + OK + b"Content-Length: 0\r\n\r\n", at_once=at_once)[0].keep_alive


ENDS = ["\r\n", "\r\n", "\n"]
NAMES = ["A", "x-b", "Content-Type", "!#$%&'*+-.^_`|~"]
WORDS = ["", "b", "c: d", "\xe9", '"e, f"', "g;h=i"]
LENGTHS = ["Content-Length: 3", "content-length : 3,3", "Content-Length:\r\n 3"]


def odd_head(chance):
    """A head with oddities as bytes, and its fields."""
    pick = chance.choice
    head, fields = pick(["HTTP/1.1 200 OK", "HTTP/1.7 200 OK"]) + pick(ENDS), []
    for _ in range(chance.randint(0, 5)):
        name, first, *more = pick(NAMES), pick(WORDS), pick(WORDS), pick(WORDS)
        more = [word for word in more if word]
        head += name + pick(["", "", " ", "\t "]) + ":" + pick(["", " "]) + first
        head += "".join(pick(ENDS) + pick([" ", "\t", "   "]) + word for word in more) + pick(ENDS)
        fields.append((name, " ".join([first, *more]).strip()))
    return (head + pick(LENGTHS) + pick(ENDS) + pick(ENDS)).encode("latin-1"), fields


def test_oddities_together_are_read_alike_however_the_head_is_split():
    for seed in range(1_000):
        chance = random.Random(seed)
        head, fields = odd_head(chance)
        behind = chance.choice([b"", b"x"])
        wire = head + b"a\nb" + behind
        cuts = sorted(chance.randint(0, len(wire)) for _ in range(chance.randint(0, 4)))
        answer, body = Answer("GET"), b""
        for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True):
            answer.feed(wire[a:b])
            body += answer.take()
        assert answer.headers[:-1] == fields, wire
        assert [(name.lower(), value) for name, value in answer.headers[-1:]] == [("content-length", "3")], wire
        assert (body, answer.complete, answer.keep_alive) == (b"a\nb", True, not behind), wire


SNIPPETS = [
    *(b"A", b":", b" ", b"\t", b"\r", b"\n", b"\r\n", b"\n\n", b"\r\n\r\n", b"\0", b"HTTP/1.3 200 OK\r\n", OK),
    *(b"Content-Length: 1", b"Content-Length : 2, 2", b"Transfer-Encoding: chunked", b"1\r\na\r\n0\r\n\r\n"),
]


def test_broken_heads_are_judged_alike_in_one_piece_and_in_two():
    for seed in range(5_000):
        chance = random.Random(seed)
        wire = OK + b"".join(chance.choices(SNIPPETS, k=chance.randint(0, 12)))
        cut = chance.randint(0, len(wire))
        # A fault behind the head may be found with a later piece only, after the body before it was taken.
        assert judged(wire) == judged(wire[:cut], wire[cut:]), (wire, cut)
