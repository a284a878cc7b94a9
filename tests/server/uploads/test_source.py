"""The body of a request as it comes from its connection."""

import pytest

from httptee.errors import BadRequest, ClientGone, RequestTimeout
from httptee.http import Cancellation
from httptee.server.sockets import NotTlsError
from httptee.server.uploads import ClientBody, Streaming, Uploads

from .requests import CHUNKED, EXPECTS, arriving, length


class Connection:
    """A client's connection that has these pieces to read, or an exception to raise; b"" is its end."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)
        self.cancellation = Cancellation()
        self.socket = self

    def fileno(self):
        return 7

    def recv(self, size):
        if not self.pieces:
            raise BlockingIOError
        piece = self.pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece

    def take_in(self, request, data):
        request.received(data)


def source(connection, *lines, body=b"", timeout=10.0):
    request = arriving(*lines, body=body)
    assert Uploads(Streaming(1), 4, lambda: False).begins(request, True)
    return ClientBody(connection, request, timeout)


def test_pieces_come_as_they_arrive_up_to_the_last():
    body = source(Connection(b"cd", b"ef"), length(6), body=b"ab")
    assert (body.length, body.expects, body.fileno()) == (6, False, 7)
    assert (body.read(), body.read(), body.whole) == (b"ab", b"cd", False)
    assert (body.read(), body.whole, body.read()) == (b"ef", True, b"")


def test_a_chunked_body_has_no_length_and_no_framing():
    body = source(Connection(b"2\r\nab\r\n", b"1\r\nc", b"\r\n0\r\n\r\n"), CHUNKED, EXPECTS)
    assert (body.length, body.expects) == (None, True)
    assert [body.read() for _ in range(3)] == [b"ab", b"c", b""]
    assert body.whole


def test_nothing_that_has_arrived_is_no_end():
    body = source(Connection(), length(6))
    assert (body.read(), body.whole) == (b"", False)


@pytest.mark.parametrize("end", [b"", ConnectionResetError(), NotTlsError("a bad record")])
def test_a_client_that_goes_cancels_the_exchange(end):
    connection = Connection(end)
    with pytest.raises(ClientGone):
        source(connection, length(6)).read()
    assert connection.cancellation.reason is ClientGone


def test_a_chunk_that_breaks_the_grammar_is_refused():
    with pytest.raises(BadRequest):
        source(Connection(b"zz\r\n"), CHUNKED, EXPECTS).read()


def test_a_client_that_is_waited_for_too_long_is_too_slow():
    connection = Connection(bytes(5000))
    body = source(connection, length(100_000), timeout=10.0)
    body.read()
    body.waited(9.0)
    body.waited(1.0)  # 5,000 bytes in 10 seconds are enough
    body.waited(9.9)
    with pytest.raises(RequestTimeout):
        body.waited(0.1)
