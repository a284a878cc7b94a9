import threading
import time
from queue import Empty, SimpleQueue

import pytest

from httptee.http.message import Exchange, Request
from httptee.shadow import workers as module
from httptee.shadow.workers import Workers
from tests.support.net import eventually


def clone(number):
    return Exchange(Request("GET", f"/{number}", [], b"", "192.0.2.1", "http"), 200, 0.01)


def put(workers, exchange):
    assert workers.put(exchange)
    workers.call()


@pytest.fixture
def make():
    """Workers that note what they send, once the gate is open."""
    made = []

    def build(size=2, is_open=True, clock=time.monotonic):
        sent, gate = [], threading.Event()
        if is_open:
            gate.set()

        def send(exchange):
            assert gate.wait(30)
            sent.append(exchange)

        workers = Workers(size, send, clock)
        made.append((workers, gate))
        return workers, sent, gate

    yield build
    for workers, gate in made:
        gate.set()
        workers.close()


def test_everything_put_is_sent_once(make):
    workers, sent, _ = make()
    clones = [clone(number) for number in range(100)]
    for one in clones:
        put(workers, one)
    eventually(lambda: len(sent) == 100)
    assert sorted(map(id, sent)) == sorted(map(id, clones))
    eventually(lambda: workers._idle == workers._awake)


def test_there_are_no_more_threads_than_that_and_what_is_over_waits(make):
    workers, sent, gate = make(size=2, is_open=False)
    for number in range(5):
        put(workers, clone(number))
    eventually(lambda: workers.waiting == 3)
    assert workers._awake == 2
    gate.set()
    eventually(lambda: len(sent) == 5)


def test_what_waits_can_be_taken_away_the_oldest_first(make):
    workers, sent, gate = make(size=1, is_open=False)
    clones = [clone(number) for number in range(3)]
    for one in clones:
        put(workers, one)
    eventually(lambda: workers.waiting == 2)
    assert [workers.take(), workers.take(), workers.take()] == [clones[1], clones[2], None]
    gate.set()
    eventually(lambda: sent == [clones[0]])
    eventually(lambda: workers._idle == workers._awake)


def test_once_closed_they_take_nothing_more_and_their_threads_end(make):
    workers, sent, _ = make()
    before = threading.active_count()
    put(workers, clone(0))
    eventually(lambda: len(sent) == 1)
    workers.close()
    assert not workers.put(clone(1))
    assert workers.waiting == 0
    assert workers.take() is None
    assert not workers.run(lambda: None)
    eventually(lambda: threading.active_count() <= before)


def test_a_worker_that_rests_does_not_leave_behind_what_has_just_been_put(make, monkeypatch):
    monkeypatch.setattr(module, "IDLE", 0.001)
    workers, sent, _ = make(size=1)
    for number in range(300):
        put(workers, clone(number))
        eventually(lambda number=number: len(sent) == number + 1)


def test_a_clone_that_is_put_just_as_the_wait_for_one_ends_is_sent(make):
    workers, sent, _ = make(size=1)
    late = [clone(1)]

    class Calls(SimpleQueue):
        def get(self, timeout):
            if not late:
                return super().get(timeout=timeout)
            try:
                return super().get(timeout=0.01)
            except Empty:
                put(workers, late.pop())
                raise

    workers._calls = Calls()
    put(workers, clone(0))
    eventually(lambda: len(sent) == 2)


class NoThreads:
    """The system has no thread for anybody while `refuses` is true, as at the limit of a cgroup."""

    def __init__(self, monkeypatch):
        self.refuses, self.attempts, self.now = True, 0, 100.0
        start = threading.Thread.start

        def limited(thread):
            self.attempts += 1
            if self.refuses:
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", limited)


@pytest.fixture
def no_threads(monkeypatch):
    return NoThreads(monkeypatch)


def test_where_no_thread_can_be_started_the_clones_are_given_back(make, no_threads):
    workers, _, _ = make(clock=lambda: no_threads.now)
    one = clone(0)
    put(workers, one)
    assert workers.stalled
    assert workers.take() is one
    assert not workers.stalled
    assert (workers._awake, workers._idle) == (0, 0)
    assert not workers.closed


def test_a_thread_is_tried_again_after_a_second_and_not_for_every_clone(make, no_threads):
    workers, sent, _ = make(clock=lambda: no_threads.now)
    for number in range(50):
        put(workers, clone(number))
    assert no_threads.attempts == 1
    while workers.take():
        pass
    no_threads.refuses = False
    put(workers, clone(50))
    assert workers.stalled
    no_threads.now += module.RETRY
    put(workers, clone(51))
    eventually(lambda: len(sent) == 2)
    assert not workers.stalled


def test_one_thread_that_could_be_started_sends_everything(make, no_threads):
    no_threads.refuses = False
    workers, sent, gate = make(size=3, is_open=False, clock=lambda: no_threads.now)
    put(workers, clone(0))
    no_threads.refuses = True
    for number in range(1, 5):
        put(workers, clone(number))
        assert not workers.stalled
    assert workers._awake == 1
    gate.set()
    eventually(lambda: len(sent) == 5)


def test_a_task_that_found_no_thread_is_never_run(make, no_threads):
    """The executor keeps it in its own queue, where a later thread would find it."""
    workers, _, _ = make(clock=lambda: no_threads.now)
    ran = []
    assert not workers.run(lambda: ran.append("revoked"))
    no_threads.refuses = False
    no_threads.now += module.RETRY
    assert workers.run(lambda: ran.append("run"))
    eventually(lambda: ran)
    workers.close()
    eventually(lambda: not [one for one in threading.enumerate() if one.name.startswith("shadow")])
    assert ran == ["run"]


def test_after_a_shortage_of_threads_as_many_can_be_started_as_before(make, no_threads, monkeypatch):
    """Up to Python 3.11, each failed start would make the executor believe in one more idle thread."""
    monkeypatch.setattr(module, "IDLE", 0.01)
    no_threads.refuses = False
    workers, sent, gate = make(size=3, is_open=False, clock=lambda: no_threads.now)
    put(workers, clone(0))
    no_threads.refuses = True
    for _ in range(3):
        assert not workers.run(lambda: None)
        no_threads.now += module.RETRY
    no_threads.refuses = False
    gate.set()
    eventually(lambda: workers._awake == 0)
    end = threading.Event()
    assert workers.run(lambda: end.wait(100))
    try:
        for number in range(1, 4):
            put(workers, clone(number))
        eventually(lambda: len(sent) == 4)
    finally:
        end.set()
