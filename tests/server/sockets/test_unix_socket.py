import select
import socket
import struct

import pytest

from httptee.server.sockets.unix_socket import UnixSocket

CUT, END = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    ours.setblocking(False)
    theirs.settimeout(10)
    with ours, theirs:
        yield UnixSocket(ours), theirs


def linger(ours, value):
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, value)


def state(ours):
    return ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 148)[0]


def test_all_that_comes_is_returned_once(pair):
    ours, theirs = pair
    for data in (b"a", b"bc", b"d" * 70_000, b"e"):
        theirs.sendall(data)
        received = b""
        while len(received) < len(data):
            received += ours.recv(65_536)
        assert received == data
        with pytest.raises(BlockingIOError):
            ours.recv(65_536)


def test_a_full_read_is_full(pair):
    ours, theirs = pair
    theirs.sendall(b"x" * 30)
    assert [len(ours.recv(10)) for _ in range(3)] == [10, 10, 10]


def test_the_end_comes_after_the_last_byte(pair):
    ours, theirs = pair
    theirs.sendall(b"abc")
    theirs.shutdown(socket.SHUT_WR)
    assert ours.recv(10) == b"abc"
    assert ours.recv(10) == b""
    assert ours.recv(10) == b""


def test_a_cut_is_an_error_for_the_client_after_what_was_sent(pair):
    ours, theirs = pair
    theirs.sendall(b"GET / HTTP/1.0\r\n\r\n")
    ours.recv(100)
    ours.send(b"half an answer")
    linger(ours, CUT)
    ours.close()
    assert theirs.recv(100) == b"half an answer"
    with pytest.raises(ConnectionResetError):
        theirs.recv(100)


@pytest.mark.parametrize("before", [[], [END], [CUT, END]])
def test_any_other_close_is_a_normal_end(pair, before):
    ours, theirs = pair
    theirs.sendall(b"GET / HTTP/1.0\r\n\r\n")
    ours.recv(100)
    for value in before:
        linger(ours, value)
    ours.send(b"an answer")
    ours.close()
    assert theirs.recv(100) == b"an answer"
    assert theirs.recv(100) == b""


def test_a_client_that_closed_its_sending_side_is_still_there_and_one_that_closed_is_not(pair):
    ours, theirs = pair
    assert state(ours) == 1
    theirs.sendall(b"abc")
    ours.recv(10)
    theirs.shutdown(socket.SHUT_WR)
    assert state(ours) == 1
    theirs.close()
    assert state(ours) == 7
    ours.close()
    with pytest.raises(OSError, match="closed"):
        state(ours)


def test_the_rest_is_that_of_the_socket(pair):
    ours, theirs = pair
    waiting = select.poll()
    waiting.register(ours.fileno(), select.POLLIN)
    assert not waiting.poll(0)
    assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 9216)
    ours.shutdown(socket.SHUT_WR)
    assert theirs.recv(1) == b""
