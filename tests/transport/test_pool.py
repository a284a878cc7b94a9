"""Which idle connection is used again, and which never."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from httptee.transport.connection import Connection
from httptee.transport.names import Address, Name
from httptee.transport.pool import Pool
from tests.support.clock import Clock
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


NAME = Name("127.0.0.1", 80, 30.0)


def pool(name=NAME, **limits):
    return Pool("http://a:8001", name, **{"max_idle": 3, "keep_alive": 60.0, **limits})


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


def test_none_is_used_that_has_been_idle_too_long(pairs):
    idle = pool(keep_alive=10.0)
    connection = pairs()[0]
    idle.release(connection)
    connection.idle_since -= 11.0
    assert idle.acquire() is None
    assert closed(connection)


def test_none_is_used_for_longer_than_the_upstream_has_announced(pairs):
    idle = pool()
    connection = pairs()[0]
    connection.idle_limit = 4.0
    idle.release(connection)
    connection.idle_since -= 5.0
    assert idle.acquire() is None
    assert closed(connection)


def test_after_one_was_found_closed_none_is_used_that_has_been_idle_for_as_long(pairs):
    idle = pool()
    first, upstream = pairs()
    idle.release(first)
    upstream.close()
    eventually(lambda: not first.is_reusable())
    first.idle_since -= 5.0
    assert idle.acquire() is None
    second, third = pairs()[0], pairs()[0]
    idle.release(second)
    second.idle_since -= 4.5
    assert idle.acquire() is None
    idle.release(third)
    third.idle_since -= 3.5
    assert idle.acquire() is third


def test_none_is_used_that_leads_to_an_address_the_name_has_no_more(pairs):
    clock, found = Clock(), [Address(socket.AF_INET, ("192.0.2.1", 80))]
    name = Name("a.test", 80, 30.0, lambda host, port: list(found), clock)
    idle = pool(name)
    assert name.addresses(5.0) == tuple(found)
    connection = pairs()[0]
    connection.address = found[0]
    idle.release(connection)
    assert idle.acquire() is connection
    idle.release(connection)
    found[0] = Address(socket.AF_INET, ("192.0.2.2", 80))
    clock.now += 31.0
    name.refresh()
    eventually(lambda: name.version == 2)
    assert idle.acquire() is None
    assert closed(connection)


def test_those_idle_too_long_go_when_another_comes_back(pairs):
    idle = pool(keep_alive=10.0)
    old, new = pairs()[0], pairs()[0]
    idle.release(old)
    old.idle_since -= 11.0
    idle.release(new)
    assert closed(old)
    assert idle.acquire() is new


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
    eventually(lambda: not connection.is_reusable())
    assert idle.acquire() is None
    assert closed(connection)


def test_a_byte_already_read_does_not_count_as_readable(pairs):
    connection, upstream = pairs()
    upstream.sendall(b"abc")
    assert connection.sock.recv(3) == b"abc"
    connection.received += 3
    assert connection.is_reusable()
    connection.received += 1  # where the kernel's count is of no use, poll decides
    assert connection.is_reusable()


def test_a_dead_one_does_not_hide_those_below_it(pairs):
    idle = pool()
    (alive, _upstream), (dead, gone) = pairs(), pairs()
    idle.release(alive)
    idle.release(dead)
    gone.close()
    eventually(lambda: not dead.is_reusable())
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


def test_an_owner_gets_only_its_own_connections_the_latest_first(pairs):
    idle = pool(max_idle=9)
    connections = [pairs()[0] for _ in range(5)]
    for connection, owner in zip(connections, ("a", "b", "a", "b", "a"), strict=True):
        connection.owner = owner
        idle.release(connection)
    assert idle.acquire("c") is None
    taken = [idle.acquire("a") for _ in range(4)]
    assert taken == [connections[4], connections[2], connections[0], None]
    assert list(idle.idle) == [connections[1], connections[3]]


def test_of_an_owner_too_the_ones_that_were_closed_are_not_used(pairs):
    idle = pool()
    ours, theirs = pairs()
    ours.owner = "a"
    idle.release(ours)
    theirs.close()
    assert idle.acquire("a") is None
    assert closed(ours)


def test_threads_that_take_of_the_same_owner_get_each_connection_once(pairs):
    idle = pool(max_idle=100)
    for number in range(60):
        connection = pairs()[0]
        connection.owner = "ab"[number % 2]
        idle.release(connection)
    with ThreadPoolExecutor(8) as executor:
        taken = list(executor.map(lambda number: idle.acquire("ab"[number % 2]), range(60)))
    assert len(set(map(id, taken))) == 60
    assert None not in taken
