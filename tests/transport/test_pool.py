"""Which idle connection is used again, and which never."""

from __future__ import annotations

import socket

import pytest

from httptee.transport.connection import Connection
from httptee.transport.pool import Pool
from tests.support.net import eventually


@pytest.fixture
def pairs():
    """Makes connections; each call returns one and the upstream's end of it."""
    ends = []

    def connect():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            sock = socket.create_connection(listener.getsockname())
            upstream, _ = listener.accept()
        connection = Connection(sock)
        ends.extend([connection, upstream])
        return connection, upstream

    yield connect
    for end in ends:
        end.close()


def pool(**limits):
    return Pool("http://a:8001", **{"max_idle": 3, "idle_limit": 60.0, "max_age": 60.0, **limits})


def closed(connection):
    return connection.sock.fileno() == -1


def test_an_empty_pool_has_none():
    assert pool().acquire() is None


def test_the_last_one_in_is_the_first_one_out(pairs):
    idle = pool()
    first, second = pairs()[0], pairs()[0]
    idle.release(first)
    idle.release(second)
    assert [idle.acquire(), idle.acquire(), idle.acquire()] == [second, first, None]


def test_the_repr_counts(pairs):
    idle = pool()
    idle.release(pairs()[0])
    assert repr(idle) == "<Pool http://a:8001 [idle 1/3]>"
    idle.close()
    assert repr(idle) == "<Pool http://a:8001 [closed]>"


def test_over_the_bound_the_oldest_goes(pairs):
    idle = pool(max_idle=2)
    connections = [pairs()[0] for _ in range(3)]
    for connection in connections:
        idle.release(connection)
    assert [closed(connection) for connection in connections] == [True, False, False]


@pytest.mark.parametrize(("limit", "since"), [("idle_limit", "idle_since"), ("max_age", "opened")])
def test_none_is_used_that_has_been_idle_too_long_or_has_become_too_old(pairs, limit, since):
    idle = pool(**{limit: 10.0})
    connection = pairs()[0]
    idle.release(connection)
    setattr(connection, since, getattr(connection, since) - 11.0)
    assert idle.acquire() is None
    assert closed(connection)


def test_those_idle_too_long_go_when_another_comes_back(pairs):
    idle = pool(idle_limit=10.0)
    old, new = pairs()[0], pairs()[0]
    idle.release(old)
    old.idle_since -= 11.0
    idle.release(new)
    assert closed(old)
    assert idle.acquire() is new


def test_none_is_used_that_is_too_old_however_busy(pairs):
    idle = pool(max_age=10.0)
    connection = pairs()[0]
    idle.release(connection)
    assert idle.acquire() is connection
    connection.opened -= 11.0
    idle.release(connection)
    assert closed(connection)
    assert idle.acquire() is None


@pytest.mark.parametrize("event", ["close", "half close", "reset", "a byte"])
def test_none_is_used_that_has_become_readable(pairs, event):
    idle = pool()
    connection, upstream = pairs()
    idle.release(connection)
    assert idle.acquire() is connection
    idle.release(connection)
    if event == "a byte":
        upstream.sendall(b"x")
    elif event == "half close":
        upstream.shutdown(socket.SHUT_WR)
    else:
        if event == "reset":
            upstream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        upstream.close()
    eventually(lambda: not connection.is_quiet())
    assert idle.acquire() is None
    assert closed(connection)


def test_a_byte_already_read_does_not_count_as_readable(pairs):
    connection, upstream = pairs()
    upstream.sendall(b"abc")
    assert connection.sock.recv(3) == b"abc"
    connection.received += 3
    assert connection.is_quiet()
    connection.received += 1  # where the kernel's count is of no use, poll decides
    assert connection.is_quiet()


def test_a_dead_one_does_not_hide_those_below_it(pairs):
    idle = pool()
    (alive, _upstream), (dead, gone) = pairs(), pairs()
    idle.release(alive)
    idle.release(dead)
    gone.close()
    eventually(lambda: not dead.is_quiet())
    assert idle.acquire() is alive


def test_close_closes_what_is_idle_and_what_comes_back_later(pairs):
    idle = pool()
    waiting, away = pairs()[0], pairs()[0]
    idle.release(waiting)
    idle.close()
    idle.close()
    idle.release(away)
    assert closed(waiting)
    assert closed(away)
    assert idle.acquire() is None
