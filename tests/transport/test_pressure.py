import select
import socket
import time

import pytest

from httptee.transport.pressure import Arrival, Pressure, discard
from tests.support.net import eventually


def after(*unread_for):
    here = Pressure()
    for seconds in unread_for:
        here.record(seconds)
    return here


def test_a_process_that_reads_at_once_is_under_none():
    assert not after(*[0.0] * 1000).high


def test_answers_that_lie_unread_show_within_a_few():
    assert after(*[0.0] * 1000, *[0.004] * 8).high


def test_a_tick_of_the_kernels_clock_now_and_then_means_nothing():
    assert not after(*[*[0.0] * 39, 0.004] * 50).high


def test_it_is_over_when_answers_are_read_at_once_again():
    assert not after(*[0.004] * 1000, *[0.0] * 100).high


def test_arrival_is_when_the_kernel_got_the_bytes_and_not_when_they_are_read():
    ours, theirs = connected()
    with ours, theirs:
        arrival = Arrival(ours)

        def early():
            theirs.sendall(b"x")
            select.select([ours], [], [])
            there = time.perf_counter()
            time.sleep(0.05)
            assert arrival.receive(10) == b"x"
            return arrival.at < there + 0.05

        eventually(early)  # the kernel begins to stamp a moment after it was asked to


def test_arrival_over_a_socket_without_stamps_is_the_time_of_the_read():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        arrival = Arrival(ours)
        theirs.sendall(b"x")
        before = time.perf_counter()
        assert arrival.receive(10) == b"x"
        assert before <= arrival.at


def connected():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        return ours, listener.accept()[0]


def test_what_is_discarded_is_counted_up_to_one_byte_behind_the_body():
    ours, theirs = connected()
    with ours, theirs:
        theirs.sendall(b"x" * 5_000)
        eventually(lambda: len(ours.recv(10_000, socket.MSG_PEEK)) == 5_000)
        assert discard(ours, 3_000) == 3_001
        assert discard(ours, 3_000) == 1_999
        with pytest.raises(BlockingIOError):
            discard(ours, 3_000, socket.MSG_DONTWAIT)
        theirs.shutdown(socket.SHUT_WR)
        assert discard(ours, 3_000) == 0
