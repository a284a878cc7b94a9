"""Answers made up by hypothesis: http.client is the oracle where it must agree, and nothing may escape the family."""

from __future__ import annotations

import http.client
import io
import random
import socket
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httptee.errors import UpstreamProtocolError, UpstreamReset
from httptee.transport.prepared import request_head
from httptee.transport.wire import Answer

from .answers import judged

quick = settings(derandomize=True, deadline=None, max_examples=150)

TOKEN = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
VISIBLE = "".join(map(chr, [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]))
FRAMING = {"content-length", "transfer-encoding", "connection"}

names = st.text(TOKEN, min_size=1, max_size=20).filter(lambda name: name.lower() not in FRAMING)
values = st.lists(st.text(VISIBLE, min_size=1, max_size=10), max_size=3).map(" ".join)
fields = st.lists(st.tuples(names, values), max_size=6)
reasons = st.lists(st.text(VISIBLE, min_size=1, max_size=10), max_size=3).map(" ".join)
statuses = st.integers(200, 999)
bodies = st.binary(max_size=200)
extensions = st.sampled_from(["", ";a", ";a=b", ';a="b c"', ";a;b=c"])


@st.composite
def chunked_bodies(draw):
    """A body in chunks with extensions and trailers: the body and its bytes on the wire."""
    chunks = draw(st.lists(st.binary(min_size=1, max_size=50), max_size=5))
    wire = b"".join(
        f"{len(chunk):{draw(st.sampled_from(['x', 'X', '04x']))}}{draw(extensions)}\r\n".encode() + chunk + b"\r\n"
        for chunk in chunks
    )
    trailers = "".join(f"{name}: {value}\r\n" for name, value in draw(fields))
    last = f"0{draw(extensions)}\r\n{trailers}\r\n"
    return b"".join(chunks), wire + last.encode("latin-1")


@st.composite
def answers(draw):
    """An answer: method, its bytes, whether the connection has to close for it to end, and its body."""
    method = draw(st.sampled_from(["GET", "POST", "HEAD"]))
    status = draw(statuses)
    headers = draw(fields)
    framing = draw(st.sampled_from(["length", "chunked", "close"]))
    body = draw(bodies)
    payload = body
    if framing == "length":
        extra = [("Content-Length", str(len(body)))]
    elif framing == "chunked":
        extra = [("Transfer-Encoding", "chunked")]
        body, payload = draw(chunked_bodies())
    else:
        extra = []
    bodiless = method == "HEAD" or status in (204, 304)
    if bodiless:
        body = payload = b""
    at = draw(st.integers(0, len(headers)))
    headers = [*headers[:at], *extra, *headers[at:]]
    lines = [f"HTTP/1.1 {status} {draw(reasons)}", *(f"{name}: {value}" for name, value in headers), "", ""]
    head = "\r\n".join(lines).encode("latin-1")
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" * draw(st.integers(0, 2))
    return method, interim + head + payload, framing == "close" and not bodiless, headers, body


class _Recording:
    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def makefile(self, mode: str) -> io.BytesIO:
        return self._file


def oracle(method: str, data: bytes) -> tuple[int, str, bytes]:
    with http.client.HTTPResponse(cast(socket.socket, _Recording(data)), method=method) as response:
        response.begin()
        return response.status, response.reason, response.read()


def splits(data: st.DataObject, wire: bytes) -> list[bytes]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=6)))
    return [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]


@quick
@given(answers(), st.data())
def test_however_it_is_split_an_answer_is_what_http_client_makes_of_it(made, data):
    method, wire, until_close, headers, body = made
    answer, got = Answer(method), b""
    for piece in splits(data, wire):
        answer.feed(piece)
        got += answer.take()
    assert answer.headers == headers
    assert answer.complete == (not until_close)
    assert answer.keep_alive == (not until_close)
    answer.eof()
    assert answer.complete
    assert got == body
    if not (answer.status in (204, 304) and b"chunked" in wire):  # http.client waits for chunks there
        assert (answer.status, answer.reason, got) == oracle(method, wire)


@settings(quick, max_examples=40)
@given(answers())
def test_a_split_at_every_byte_changes_nothing(made):
    method, wire, _, headers, body = made
    for cut in range(len(wire) + 1):
        answer = Answer(method)
        answer.feed(wire[:cut])
        got = answer.take()
        answer.feed(wire[cut:])
        assert (answer.headers, got + answer.take()) == (headers, body)


@quick
@given(answers(), st.data())
def test_an_answer_cut_anywhere_is_never_complete_unless_it_ends_with_the_connection(made, data):
    method, wire, until_close, _, _ = made
    answer = Answer(method)
    answer.feed(wire[: data.draw(st.integers(0, len(wire) - 1))])
    assert not answer.complete
    assert not answer.keep_alive
    if not (until_close and answer.headers_complete):
        with pytest.raises(UpstreamReset):
            answer.eof()


@quick
@given(answers(), st.binary(min_size=1, max_size=30))
def test_what_follows_never_reaches_the_body_and_never_lets_the_connection_live(made, rubbish):
    method, wire, until_close, _, body = made
    answer = Answer(method)
    answer.feed(wire + rubbish)
    assert answer.take() == (body + rubbish if until_close else body)
    assert not answer.keep_alive


SNIPPETS = [
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.", b"\r\n", b"\r", b"\n", b"\0", b": ", b" "),
    *(b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n"),
    *(b"5\r\nhello\r\n", b"0\r\n\r\n"),
]


def test_whatever_comes_no_other_error_escapes_and_nothing_is_made_up():
    """The pieces are drawn with a seed: hypothesis takes far longer to draw them than the tee to read them."""
    whole = 0
    for seed in range(4_000):
        chance = random.Random(seed)
        answer, got = Answer(chance.choice(["GET", "HEAD"])), b""
        pieces = [
            chance.choice(SNIPPETS) if chance.random() < 2 / 3 else chance.randbytes(chance.randint(0, 8))
            for _ in range(chance.randint(0, 12))
        ]
        if chance.random() < 0.5:
            pieces.insert(0, SNIPPETS[0])
        try:
            for piece in pieces:
                answer.feed(piece)
                got += answer.take()
            answer.eof()
        except (UpstreamProtocolError, UpstreamReset):
            pass
        else:
            whole += 1
            assert answer.complete, pieces
            assert 200 <= answer.status <= 999, pieces
        assert len(got) <= sum(map(len, pieces)), pieces
        assert not any(character in name + value for name, value in answer.headers for character in "\r\n\0"), pieces
    assert whole > 50


@settings(quick, max_examples=400)
@given(st.binary(max_size=200), st.integers(0, 200), st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n"]))
def test_an_answer_is_judged_alike_in_one_piece_and_in_two(noise, cut, start):
    wire = start + noise
    assert judged(wire) == judged(wire[:cut], wire[cut:])


requests = st.tuples(
    st.text(TOKEN, min_size=1, max_size=10),
    st.text(VISIBLE, min_size=1, max_size=60),
    st.lists(st.tuples(names, values)),
)


@quick
@given(requests)
def test_a_request_head_says_what_it_was_given_and_nothing_else(made):
    method, target, headers = made
    line, *lines = request_head(method, target, headers).decode("latin-1").split("\r\n")
    assert line == f"{method} {target} HTTP/1.1"
    assert lines == [*(f"{name}: {value}" for name, value in headers), "", ""]


@quick
@given(st.text(max_size=8), st.text(max_size=8), st.lists(st.tuples(st.text(max_size=6), st.text(max_size=6))))
def test_no_text_at_all_smuggles_a_line_into_a_request_head(method, target, headers):
    try:
        head = request_head(method, target, headers)
    except ValueError:
        return
    assert head.count(b"\r") == head.count(b"\n") == head.count(b"\r\n") == len(headers) + 2
    assert b"\0" not in head
