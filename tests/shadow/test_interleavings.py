"""Threads that meet in the collector, step by step: the set is a fake, and no thread runs but the test's own."""

from __future__ import annotations

import select
import socket

import pytest

from httptee.errors import UpstreamReset, UpstreamTimeout
from httptee.http.message import Exchange, Request
from httptee.shadow import collector as module
from httptee.shadow.collector import Collector
from httptee.transport.adapter import PoolLimits
from httptee.transport.connection import Connection
from httptee.transport.names import Name
from httptee.transport.pending import Pending, Unread
from httptee.transport.pool import Pool
from httptee.transport.pressure import Reading

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def exchange():
    return Exchange(Request("GET", "/", [], b"", "192.0.2.1", "http"), 200, 0.01)


class Epoll:
    """An epoll set that a test steps: `told` is what the next `poll` returns, `between` what another thread does then.

    `between[call]` runs once, right before that call takes effect.
    """

    def __init__(self):
        self.known, self.told, self.between, self.calls = set(), [], {}, []
        self.events = select.EPOLLIN

    def _step(self, call, descriptor=None):
        self.calls.append((call, descriptor))
        step = self.between.pop(call, None)
        if step is not None:
            step()

    def register(self, descriptor, events):
        self._step("register", descriptor)
        if descriptor in self.known:
            raise FileExistsError
        self.known.add(descriptor)

    def modify(self, descriptor, events):
        self._step("modify", descriptor)
        if descriptor not in self.known:
            raise FileNotFoundError
        assert events == select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET

    def poll(self, wait, most):
        told, self.told = self.told[:most], self.told[most:]
        return [(descriptor, self.events) for descriptor in told]

    def close(self):
        pass


class World:
    """A collector without a thread, its set, and pendings on socket pairs."""

    def __init__(self, monkeypatch):
        self.epoll, self.ended, self.answered, self.threads = Epoll(), [], [], 0
        monkeypatch.setattr(module.select, "epoll", lambda: self.epoll)
        self.can_start = True
        self.collector = Collector(5.0, 60.0, self.run, self.note, self.answered.append, lambda: None)
        self.peers = []
        self.pool = Pool("x", Name("127.0.0.1", 1, PoolLimits().dns_ttl), max_idle=9, keep_alive=9.0)

    def run(self, task):
        self.threads += self.can_start
        return self.can_start

    def note(self, exchange, pending, error):
        self.ended.append((exchange, pending.status, type(error) if error else None))

    def connection(self):
        ours, peer = socket.socketpair()
        self.peers.append(peer)
        return Connection(ours), peer

    def pending(self, connection):
        return Pending(Unread(Reading()).answer("GET"), b"GET / HTTP/1.1\r\n\r\n", connection, self.pool)

    def report(self, *descriptors):
        """The thread of the collector: one round with these events."""
        self.epoll.told += descriptors
        self.collector.collect(64, 0.0)


@pytest.fixture
def world(monkeypatch):
    made = World(monkeypatch)
    yield made
    made.collector.close()
    made.pool.close()
    for peer in made.peers:
        peer.close()


def finish(world, pending, peer, one):
    """The rest of an exchange: it is sent, answered, read and settled once."""
    assert pending.start()
    assert world.ended == []
    peer.sendall(ANSWER)
    world.report(pending.descriptor)
    assert world.ended == [(one, 200, None)]
    assert len(world.collector) == 0


@pytest.mark.parametrize("moment", ["before the set has the connection", "after"])
def test_an_event_of_an_earlier_connection_with_this_number_changes_nothing(world, moment):
    """The kernel reports it between `watch` noting the exchange and arming the connection."""
    connection, peer = world.connection()
    pending, one = world.pending(connection), exchange()
    descriptor = pending.descriptor

    def stale():
        world.report(descriptor)

    if moment == "after":
        world.collector.watch(pending, one)
        stale()
    else:
        world.epoll.between["register"] = stale
        assert world.collector.watch(pending, one)
    assert descriptor in world.epoll.known
    finish(world, pending, peer, one)


def test_a_connection_that_left_the_set_is_put_back(world):
    connection, peer = world.connection()
    connection.watched = True
    pending, one = world.pending(connection), exchange()
    world.collector._reported.add(pending.descriptor)
    world.collector.watch(pending, one)
    assert world.epoll.calls == [("modify", pending.descriptor), ("register", pending.descriptor)]
    finish(world, pending, peer, one)


def test_a_connection_that_another_thread_adds_in_between_is_armed_all_the_same(world):
    connection, peer = world.connection()
    pending, one = world.pending(connection), exchange()
    world.epoll.between["register"] = lambda: world.epoll.known.add(pending.descriptor)
    world.collector.watch(pending, one)
    assert world.epoll.calls[-1] == ("modify", pending.descriptor)
    finish(world, pending, peer, one)


def test_a_request_that_could_not_be_sent_is_given_back_though_an_event_came_in_between(world):
    connection, _ = world.connection()
    pending, one = world.pending(connection), exchange()
    world.collector.watch(pending, one)
    world.report(pending.descriptor)
    assert world.collector.forget(pending)
    assert world.ended == []


def test_it_is_given_back_even_in_the_middle_of_that_event(world):
    given_back = []

    class Interrupted(Pending):
        """Its sender finds that the kernel did not take the request while the thread of the collector is here."""

        def advance(self):
            given_back.append(world.collector.forget(self))
            return super().advance()

    connection, _ = world.connection()
    pending = Interrupted(Unread(Reading()).answer("GET"), b"GET / HTTP/1.1\r\n\r\n", connection, world.pool)
    world.collector.watch(pending, exchange())
    world.report(pending.descriptor)
    given_back = given_back or [world.collector.forget(pending)]
    assert given_back == [True]
    assert world.ended == []


def test_an_event_between_the_send_and_the_answer_is_no_answer(world):
    connection, peer = world.connection()
    pending, one = world.pending(connection), exchange()
    world.collector.watch(pending, one)
    assert pending.start()
    world.report(pending.descriptor)
    assert world.ended == []
    peer.sendall(ANSWER)
    world.report(pending.descriptor)
    assert world.ended == [(one, 200, None)]


def test_the_next_exchange_on_a_connection_takes_no_event_of_the_last_one(world):
    connection, peer = world.connection()
    first, one, two = world.pending(connection), exchange(), exchange()
    world.collector.watch(first, one)
    finish(world, first, peer, one)
    second = world.pending(connection)
    world.ended.clear()
    world.report(second.descriptor)  # idle: noted for the next exchange
    world.collector.watch(second, two)
    world.report(second.descriptor)
    finish(world, second, peer, two)


def test_an_exchange_that_is_ended_while_an_event_is_read_is_settled_once(world):
    connection, peer = world.connection()
    pending, one = world.pending(connection), exchange()
    world.collector.watch(pending, one)
    assert pending.start()
    peer.sendall(ANSWER[:20])
    world.epoll.events |= select.EPOLLRDHUP
    world.epoll.between["modify"] = lambda: world.collector._end_overdue(pending.due + 1.0)
    world.report(pending.descriptor)
    assert world.ended == [(one, 0, UpstreamTimeout)]
    assert len(world.collector) == 0


@pytest.mark.parametrize(("more", "armed"), [(0, False), (select.EPOLLRDHUP, True)])
def test_a_connection_that_was_read_dry_is_armed_again_only_if_b_may_have_closed(world, more, armed):
    connection, peer = world.connection()
    pending, one = world.pending(connection), exchange()
    world.collector.watch(pending, one)
    assert pending.start()
    world.epoll.calls.clear()
    peer.sendall(ANSWER[:20])
    world.epoll.events |= more
    world.report(pending.descriptor)
    assert bool(world.epoll.calls) is armed
    peer.sendall(ANSWER[20:])
    world.report(pending.descriptor)
    assert world.ended == [(one, 200, None)]


def test_a_peer_that_leaves_before_the_request_is_sent_is_a_reset_and_no_timeout(world):
    connection, peer = world.connection()
    pending, one = world.pending(connection), exchange()
    world.collector.watch(pending, one)
    peer.close()
    world.report(pending.descriptor)
    assert world.ended == []
    pending.start()
    world.report(pending.descriptor)
    assert world.ended == [(one, 0, UpstreamReset)]


def test_after_the_head_the_time_for_the_rest_begins(world):
    connection, peer = world.connection()
    pending, one = world.pending(connection), exchange()
    world.collector.watch(pending, one)
    assert pending.start()
    began = pending.began
    peer.sendall(ANSWER[:-1])
    for _ in range(2):
        world.report(pending.descriptor)
    assert world.answered == [one]
    world.collector._end_overdue(began + 59.0)
    assert world.ended == []
    world.collector._end_overdue(pending.due + 0.1)
    assert world.ended == [(one, 200, UpstreamTimeout)]


class TestNoThread:
    def test_an_exchange_that_no_thread_could_read_is_not_taken(self, world):
        world.can_start = False
        connection, _ = world.connection()
        pending, one = world.pending(connection), exchange()
        assert not world.collector.watch(pending, one)
        assert len(world.collector) == 0
        assert world.ended == []
        pending.give_up()
        world.can_start = True
        connection, peer = world.connection()
        later = world.pending(connection)
        assert world.collector.watch(later, one)
        finish(world, later, peer, one)

    def test_those_that_relied_on_the_thread_meanwhile_are_ended(self, world):
        (connection, _), (other, _) = world.connection(), world.connection()
        relying, one = world.pending(other), exchange()

        def run(task):
            assert world.collector.watch(relying, one)  # another thread: it sees that a thread is about to start
            assert relying.start()
            return False

        world.collector._run = run
        assert not world.collector.watch(world.pending(connection), exchange())
        assert world.ended == [(one, 0, UpstreamTimeout)]
        assert len(world.collector) == 0
        connection.close()


def test_the_test_s_set_is_like_the_real_one():
    real, fake = select.epoll(), Epoll()
    with socket.socket() as one:
        for each in (real, fake):
            with pytest.raises(FileNotFoundError):
                each.modify(one.fileno(), select.EPOLLIN | select.EPOLLET)
            each.register(one.fileno(), select.EPOLLIN | select.EPOLLET)
            with pytest.raises(FileExistsError):
                each.register(one.fileno(), select.EPOLLIN | select.EPOLLET)
    real.close()
