import hashlib
import socket
from collections import deque
from time import monotonic

import pytest

from httptee.errors import UpstreamConnectError, UpstreamError, UpstreamReset
from httptee.replay.sending.item import Item
from httptee.replay.sending.lane import Body, Lane, reason_of

EXPECTED = (200, [], b"ok", 2, b"")


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    lane = Lane(1, deque())
    lane.connected(ours)
    yield lane, theirs
    lane.close()
    theirs.close()


def read_all(lane):
    while not lane.read(monotonic):
        pass


def item(method="GET", data=b"GET / HTTP/1.1\r\n\r\n", expected=EXPECTED):
    return Item(0, 0.0, 1, method, data, expected)


def test_a_request_goes_out_and_its_answer_comes_in(ends):
    lane, theirs = ends
    lane.send(item(), 0.5, 1.0)
    assert theirs.recv(100) == b"GET / HTTP/1.1\r\n\r\n"
    assert not lane.read(monotonic)
    theirs.send(b"HTTP/1.1 200 OK\r\nServer: s\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\no")
    assert not lane.read(monotonic)
    assert lane.head_at > 0
    theirs.send(b"k")
    assert lane.read(monotonic)
    assert lane.outcome == (200, (200, [("Server", "s"), ("Content-Length", "2")], b"ok", 2, b""))
    assert lane.end()
    assert lane.sock is not None


def test_an_answer_that_is_not_compared_is_not_kept(ends):
    lane, theirs = ends
    lane.send(item(expected=None), 0.0, 1.0)
    theirs.send(b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nok")
    assert lane.read(monotonic)
    assert lane.outcome == (404, None)


def test_a_connection_that_is_to_be_closed_is_closed(ends):
    lane, theirs = ends
    lane.send(item(), 0.0, 1.0)
    theirs.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    assert lane.read(monotonic)
    assert not lane.end()
    assert lane.sock is None


def test_a_large_request_is_sent_in_parts(ends):
    lane, theirs = ends
    data = b"x" * 3_000_000
    lane.send(item(data=data), 0.0, 1.0)
    assert lane.wants_to_write
    got = b""
    while len(got) < len(data):
        got += theirs.recv(1 << 20)
        lane.write()
    assert not lane.wants_to_write


def test_a_connection_on_which_a_part_of_the_request_is_not_sent_is_not_used_again(ends):
    lane, theirs = ends
    lane.send(item(data=b"x" * 3_000_000), 0.0, 1.0)
    theirs.send(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n")
    assert lane.read(monotonic)
    assert not lane.end()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"])
def test_an_answer_that_breaks_off_is_an_error(ends, answer):
    lane, theirs = ends
    lane.send(item(), 0.0, 1.0)
    theirs.send(answer)
    theirs.close()
    with pytest.raises(UpstreamReset):
        read_all(lane)


@pytest.mark.parametrize(
    ("method", "used", "answer", "again"),
    [("GET", True, b"", True), ("PUT", True, b"", True), ("POST", True, b"", False), ("GET", False, b"", False),
     ("GET", True, b"HTTP/1.1 200", False)],
)  # fmt: skip
def test_only_what_an_idle_connection_lost_is_sent_again(ends, method, used, answer, again):
    lane, theirs = ends
    if used:
        lane.send(item(), 0.0, 1.0)
        theirs.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert lane.read(monotonic)
        lane.end()
    lane.send(item(method), 0.0, 1.0)
    theirs.recv(1000)
    theirs.send(answer)
    theirs.close()
    with pytest.raises(UpstreamError) as raised:
        read_all(lane)
    assert lane.may_repeat(raised.value) == again


def test_of_a_long_body_the_length_and_the_digest_are_kept():
    body = Body(3)
    for piece in (b"ab", b"cd", b"e"):
        body.append(piece)
    assert (body.content, body.length, body.digest) == (None, 5, hashlib.sha256(b"abcde").digest())
    short = Body(3)
    short.append(b"abc")
    assert (short.content, short.length, short.digest) == (b"abc", 3, b"")


def test_an_answer_is_hashed_where_the_recorded_one_was(ends):
    lane, theirs = ends
    lane.send(item(expected=(200, [], None, 5, b"digest")), 0.0, 1.0)
    theirs.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    assert lane.read(monotonic)
    assert lane.outcome[1][2:] == (None, 5, hashlib.sha256(b"hello").digest())


def test_every_error_has_a_reason():
    assert reason_of(UpstreamConnectError("refused")) == "connect"
    assert reason_of(ConnectionResetError()) == "reset"
