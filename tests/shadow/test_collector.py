import socket
import threading
import time
from types import SimpleNamespace

import pytest

from httptee.errors import UpstreamReset, UpstreamTimeout
from httptee.http.message import Exchange, Request
from httptee.shadow import collector as module
from httptee.shadow.collector import Collector
from tests.support.net import eventually

EXCHANGE = Exchange(Request("GET", "/", [], b"", "192.0.2.1", "http"), 200, 0.01)


class ScriptedPending:
    """A request under way on one end of a socket pair; `answer` is what B sends, b"." for the end of its answer."""

    def __init__(self):
        self.sock, self.peer = socket.socketpair()
        self.connection = self
        self.watched = False
        self.began = self.due = time.perf_counter()
        self.started = True
        self.streams = self.drained = False
        self.status = 0
        self.received = b""

    @property
    def descriptor(self):
        return self.sock.fileno()

    def answer(self, data):
        self.peer.send(data)

    def advance(self):
        try:
            data = self.sock.recv(100, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        if not data:
            raise UpstreamReset("closed")
        self.received += data
        return data.endswith(b".")

    def give_up(self):
        self.sock.close()


@pytest.fixture
def start(monkeypatch):
    """A collector with a thread when it wants one, and what has ended so far."""
    monkeypatch.setattr(module, "_CHECK_INTERVAL", 0.01)  # its thread ends at the next check
    made, threads = [], []

    def run(task):
        threads.append(threading.Thread(target=task))
        threads[-1].start()
        return True

    def build(timeout=30.0):
        ended = []
        collector = Collector(
            timeout,
            timeout,
            run,
            lambda exchange, pending, error: ended.append((pending, error)),
            lambda exchange: None,
            lambda: None,
        )
        made.append(collector)
        return collector, ended

    yield build
    for collector in made:
        collector.close()
    for thread in threads:
        thread.join()


@pytest.fixture
def pendings():
    made = [ScriptedPending() for _ in range(16)]
    yield made
    for pending in made:
        pending.sock.close()
        pending.peer.close()


def exchange(collector, pending, ended):
    """A whole exchange: watched, answered, ended."""
    count = len(ended)
    collector.watch(pending, EXCHANGE)
    pending.answer(b".")
    eventually(lambda: len(ended) == count + 1)


def test_every_answer_is_told_of_once_when_it_is_whole(start, pendings):
    collector, ended = start()
    for pending in pendings:
        collector.watch(pending, EXCHANGE)
    for pending in pendings:
        pending.answer(b"half")
    eventually(lambda: all(pending.received == b"half" for pending in pendings))
    assert ended == []
    for pending in pendings:
        pending.answer(b" and half.")
    eventually(lambda: len(ended) == 16)
    assert sorted(id(pending) for pending, _ in ended) == sorted(map(id, pendings))
    assert {error for _, error in ended} == {None}
    assert len(collector) == 0


def test_a_connection_that_was_watched_before_is_watched_again(start, pendings):
    collector, ended = start()
    for _ in range(3):
        exchange(collector, pendings[0], ended)


def test_what_has_come_before_an_exchange_is_watched_is_no_part_of_it(start, pendings):
    """A connection stays in the set between its exchanges, and is told of whatever comes then."""
    collector, ended = start()
    (pending, *_) = pendings
    exchange(collector, pending, ended)
    pending.answer(b"stray ")
    eventually(lambda: pending.descriptor in collector._reported)
    pending.sock.recv(100)
    collector.watch(pending, EXCHANGE)
    pending.answer(b"answer.")
    eventually(lambda: len(ended) == 2)
    assert pending.received == b".answer."


def test_a_connection_that_was_told_of_in_between_is_looked_at_again(start, pendings):
    """Its peer may have closed it for good: then nothing more is told of it."""
    collector, ended = start()
    (pending, *_) = pendings
    exchange(collector, pending, ended)
    pending.peer.shutdown(socket.SHUT_WR)
    eventually(lambda: pending.descriptor in collector._reported)
    collector.watch(pending, EXCHANGE)
    eventually(lambda: len(ended) == 2)
    assert isinstance(ended[1][1], UpstreamReset)


def test_an_exchange_that_could_not_be_sent_is_forgotten_unless_somebody_has_ended_it(start, pendings):
    collector, ended = start()
    collector.watch(pendings[0], EXCHANGE)
    assert collector.forget(pendings[0])
    assert pendings[0].sock.fileno() == -1
    assert ended == []
    collector.watch(pendings[1], EXCHANGE)
    pendings[1].peer.close()
    eventually(lambda: len(ended) == 1)
    assert not collector.forget(pendings[1])
    assert len(collector) == 0


def test_an_error_ends_an_exchange(start, pendings):
    collector, ended = start()
    collector.watch(pendings[0], EXCHANGE)
    pendings[0].peer.close()
    eventually(lambda: len(ended) == 1)
    assert isinstance(ended[0][1], UpstreamReset)


def test_what_takes_too_long_is_ended_and_the_rest_goes_on(start, pendings):
    collector, ended = start(timeout=0.1)
    collector.watch(pendings[0], EXCHANGE)
    pendings[1].began += 100.0
    collector.watch(pendings[1], EXCHANGE)
    eventually(lambda: len(ended) == 1)
    assert ended[0][0] is pendings[0]
    assert isinstance(ended[0][1], UpstreamTimeout)
    assert pendings[0].sock.fileno() == -1
    assert len(collector) == 1


@pytest.mark.parametrize("sent", [b"all of it.", b"half"])
def test_an_answer_that_came_in_time_is_no_timeout_where_its_reader_is_late(pendings, sent):
    ended, answered = [], []
    collector = Collector(
        0.0,
        30.0,
        lambda task: True,  # no thread: it is late
        lambda exchange, pending, error: ended.append((pending, error)),
        answered.append,
        lambda: None,
    )
    pending = pendings[0]
    pending.status = 200
    collector.watch(pending, EXCHANGE)
    pending.answer(sent)
    collector._end_overdue(pending.due + 1.0)
    if sent == b"half":
        assert (ended, answered, len(collector)) == ([], [EXCHANGE], 1)
        pending.answer(b" and half.")
        collector.collect(1)
    assert ended == [(pending, None)]


def test_threads_that_begin_the_first_exchanges_at_once_all_wait_in_one_set(start, pendings, monkeypatch):
    collector, ended = start()
    opened = []
    open_one = module.select.epoll

    def slowly():
        time.sleep(0.05)
        opened.append(open_one())
        return opened[-1]

    monkeypatch.setattr(module.select, "epoll", slowly)
    threads = [threading.Thread(target=collector.watch, args=(pending, EXCHANGE)) for pending in pendings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for pending in pendings:
        pending.answer(b".")
    eventually(lambda: len(ended) == 16)
    assert len(opened) == 1


def test_it_reads_no_more_at_once_than_it_is_to(pendings):
    collector = Collector(
        30.0,
        30.0,
        lambda task: True,
        lambda exchange, pending, error: ended.append(pending),
        lambda exchange: None,
        lambda: None,
    )
    ended = []
    collector.collect(2)
    for pending in pendings:
        collector.watch(pending, EXCHANGE)
        pending.answer(b".")
    collector.collect(2)
    assert len(ended) == 2
    collector.collect(100)
    assert len(ended) == 16
    collector.close()


def test_a_failure_in_its_first_round_does_not_end_its_thread(start, pendings, monkeypatch, caplog):
    collector, ended = start()
    collect, failures = collector.collect, [RuntimeError("a bug")]

    def failing(*arguments):
        if failures:
            raise failures.pop()
        collect(*arguments)

    monkeypatch.setattr(collector, "collect", failing)
    collector.watch(pendings[0], EXCHANGE)
    pendings[0].answer(b".")
    eventually(lambda: ended)
    assert "failed to read the answers of a B" in caplog.text


def test_its_thread_ends_when_nothing_is_awaited_and_comes_back(start, pendings, monkeypatch):
    monkeypatch.setattr(module, "IDLE", 0.02)
    collector, ended = start()
    for _ in range(2):
        exchange(collector, pendings[0], ended)
        eventually(lambda: not collector._has_thread)


def test_it_keeps_no_descriptor_once_it_is_closed(start, pendings):
    collector, ended = start()
    collector.watch(pendings[0], EXCHANGE)
    pendings[0].answer(b".")
    eventually(lambda: ended)
    collector.close()
    eventually(lambda: collector._readable.closed)
    collector.collect(2)
    collector.watch(pendings[1], EXCHANGE)  # too late
    assert isinstance(ended[1][1], UpstreamTimeout)
    assert pendings[1].sock.fileno() == -1


def test_what_is_under_way_at_the_end_is_ended_once(start, pendings):
    collector, ended = start()
    collector.watch(pendings[0], EXCHANGE)
    collector.close()
    collector.close()
    assert pendings[0].sock.fileno() == -1
    assert [type(error) for _, error in ended] == [UpstreamTimeout]


def test_without_descriptors_an_exchange_is_ended_and_nobody_is_told_an_error(start, pendings, monkeypatch):
    def out_of_descriptors():
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(module.select, "epoll", out_of_descriptors)
    collector, ended = start()
    collector.watch(pendings[0], EXCHANGE)
    assert [type(error) for _, error in ended] == [UpstreamTimeout]
    assert pendings[0].sock.fileno() == -1


class OverdueWhileArmed(ScriptedPending):
    """Found overdue by another thread in the moment in which it is about to be awaited again."""

    collector = None
    known = False

    @property
    def watched(self):
        if self.collector is not None:
            self.collector._end_overdue(time.perf_counter() + 100.0)
        return self.known

    @watched.setter
    def watched(self, known):
        self.known = known


def test_what_is_overdue_while_another_thread_goes_on_with_it_is_settled_once_and_hurts_nobody(start, pendings):
    collector, ended = start()
    overdue = OverdueWhileArmed()
    collector.watch(overdue, EXCHANGE)
    overdue.collector = collector
    overdue.answer(b"half")
    eventually(lambda: ended)
    assert [type(error) for _, error in ended] == [UpstreamTimeout]
    assert len(collector) == 0
    collector.watch(pendings[0], EXCHANGE)
    pendings[0].answer(b".")
    eventually(lambda: len(ended) == 2)
    overdue.peer.close()


@pytest.mark.parametrize(
    ("ages", "slow"), [([], True), ([0.0], False), ([0.1], True), ([0.1, 0.0], True), ([1, 0, 0], False)]
)
def test_most_exchanges_are_slow_if_half_of_them_outlast_a_check(start, ages, slow):
    collector, _ = start()
    collector._awaited = {at: (SimpleNamespace(began=100.0 - age), None) for at, age in enumerate(ages)}
    assert collector._mostly_slow(100.0) == slow
    collector._awaited = {}


def test_without_a_thread_the_turns_of_its_owner_read_the_answers(pendings):
    ended = []
    collector = Collector(
        30.0, 30.0, None, lambda _, pending, error: ended.append((pending, error)), lambda _: None, lambda: None
    )
    first, second, *_ = pendings
    for pending in (first, second):
        assert collector.watch(pending, EXCHANGE)
        pending.answer(b".")
    assert ended == []
    while len(ended) < 2:
        collector.turn(1.0)
    assert {id(pending) for pending, error in ended if error is None} == {id(first), id(second)}
    assert collector.watch(first, EXCHANGE)
    first.due = 0.0
    collector._next_look = 0.0
    collector.turn(0.0)
    assert isinstance(ended[2][1], UpstreamTimeout)
    collector.close()
    assert collector._readable.closed
