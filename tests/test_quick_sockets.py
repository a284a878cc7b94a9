"""Sends and receives that cannot block: the extension and its plain twins do the same."""

import os
import socket
import sys
import threading
from contextlib import suppress

import pytest

from httptee import quick

NATIVE = pytest.mark.skipif(not quick.native, reason="the extension is not built here: test_speedups builds it")
SENDS = [pytest.param(quick._send_now, id="plain"), pytest.param(quick.send_now, id="native", marks=NATIVE)]
RECEIVES = [pytest.param(quick._receive_now, id="plain"), pytest.param(quick.receive_now, id="native", marks=NATIVE)]


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize("send_now", SENDS)
@pytest.mark.parametrize("data", [b"", b"a", b"\0" * 1000, os.urandom(100_000)])
def test_what_is_sent_arrives(send_now, pair, data):
    ours, theirs = pair
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1_000_000)
    assert send_now(ours, data) == len(data)
    assert theirs.recv(len(data), socket.MSG_WAITALL) == data


@pytest.mark.parametrize("send_now", SENDS)
def test_the_kernel_takes_a_part_and_then_nothing(send_now, pair):
    ours, theirs = pair
    sent = 0
    with suppress(BlockingIOError):
        while True:
            sent += send_now(ours, b"x" * 200_000)
    assert sent % 200_000
    ours.close()
    assert sum(map(len, iter(lambda: theirs.recv(1 << 20), b""))) == sent


@pytest.mark.parametrize("receive_now", RECEIVES)
@pytest.mark.parametrize("size", [0, 1, 100, 65_536, 65_537, 1 << 20])
def test_no_more_is_received_than_was_asked_for(receive_now, pair, size):
    ours, theirs = pair
    data = os.urandom(80_000)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1_000_000)
    theirs.sendall(data)
    theirs.close()
    assert receive_now(ours, size) == data[:size]
    assert ours.recv(10) == data[size : size + 10]


@pytest.mark.parametrize("receive_now", RECEIVES)
def test_nothing_has_arrived_or_the_other_side_has_closed(receive_now, pair):
    ours, theirs = pair
    with pytest.raises(BlockingIOError):
        receive_now(ours, 100)
    theirs.close()
    assert receive_now(ours, 100) == b""


@pytest.mark.parametrize("send_now", SENDS)
def test_a_peer_that_has_gone_is_an_error_and_no_signal(send_now, pair):
    ours, theirs = pair
    theirs.close()
    with pytest.raises(BrokenPipeError):
        send_now(ours, b"x")


@pytest.mark.parametrize("send_now", SENDS)
@pytest.mark.parametrize("receive_now", RECEIVES)
def test_a_closed_socket_has_no_descriptor(send_now, receive_now, pair):
    ours, theirs = pair
    number = ours.fileno()
    ours.close()
    os.dup2(theirs.fileno(), number)  # another connection by the same number
    try:
        for act in (lambda: send_now(ours, b"x"), lambda: receive_now(ours, 10)):
            with pytest.raises(OSError, match="descriptor"):
                act()
    finally:
        os.close(number)


@pytest.mark.parametrize("act", ["send", "receive"])
@pytest.mark.parametrize(
    "arguments", [(), ("sock",), ("sock", None), ("sock", -1), ("sock", "text"), (None, b"x"), (1, b"x"), (1, 9)]
)
@NATIVE
def test_what_is_not_simple_is_left_to_the_plain_twin(pair, act, arguments):
    given = [pair[0] if each == "sock" else each for each in arguments]
    twins = getattr(quick, f"_{act}_now"), getattr(quick, f"{act}_now")
    kinds = []
    for twin in twins:
        with pytest.raises(Exception) as caught:
            twin(*given)
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]


@NATIVE
def test_no_other_connection_gets_the_bytes_of_one_that_is_closed_meanwhile():
    """Two threads use connections that a third one closes, while others are opened by the same numbers."""
    send_now, receive_now = quick.send_now, quick.receive_now
    wrong, over = [], threading.Event()
    current = [socket.socketpair()]

    def use():
        while not over.is_set():
            ours, _ = current[0]
            with suppress(OSError):
                send_now(ours, b"mine")
            with suppress(OSError):
                receive_now(ours, 10)

    threads = [threading.Thread(target=use) for _ in range(2)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for _ in range(2000):
            ours, theirs = current[0]
            ours.close()
            theirs.close()
            left, right = socket.socketpair()  # gets the same numbers
            right.setblocking(False)
            with suppress(BlockingIOError):
                wrong.append(right.recv(10))
            left.close()
            right.close()
            current[0] = socket.socketpair()
    finally:
        over.set()
        sys.setswitchinterval(before)
        for thread in threads:
            thread.join()
        for each in current[0]:
            each.close()
    assert not wrong


@NATIVE
def test_nothing_is_kept(pair):
    data = b"x" * 1000
    before = [sys.getrefcount(each) for each in (*pair, data)]
    for _ in range(100):
        quick.send_now(pair[0], data)
        quick.receive_now(pair[1], 1000)
        with pytest.raises(BlockingIOError):
            quick.receive_now(pair[1], 1000)
    assert [sys.getrefcount(each) for each in (*pair, data)] == before
