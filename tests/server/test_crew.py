import contextlib
import os
import select
import threading

import pytest

from httptee.server import crew as module
from httptee.server.crew import Crew
from tests.support.net import eventually


class Pipes:
    """Ready descriptors for a crew: each is served once, and held until `gate` opens."""

    def __init__(self, size, held=True):
        self.gate = threading.Event()
        if not held:
            self.gate.set()
        self.around = contextlib.nullcontext
        self.served = []
        self.calls = 0
        self.crew = Crew(size, self.serve, self.called)
        self.crew.hurried = lambda: True
        self.pipes = []
        self.crew.start()

    def serve(self, descriptor, events):
        self.served.append(descriptor)
        with self.around():
            assert self.gate.wait(10)

    def called(self):
        self.calls += 1

    def make_ready(self, count):
        for _ in range(count):
            reader, writer = os.pipe()
            self.pipes += [reader, writer]
            os.write(writer, b".")
            self.crew.ready.register(reader, select.EPOLLIN | select.EPOLLONESHOT)

    def close(self):
        self.gate.set()
        assert self.crew.stop(10)
        self.crew.close()
        for descriptor in self.pipes:
            os.close(descriptor)


@pytest.fixture
def pipes(monkeypatch):
    monkeypatch.setattr(module, "_SLOW", 0.0)
    made = []

    def make(size, **options):
        made.append(Pipes(size, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_every_ready_connection_is_served_once(pipes):
    made = pipes(4, held=False)
    made.make_ready(50)
    eventually(lambda: len(made.served) == 50)
    assert len(set(made.served)) == 50


def test_no_more_threads_than_are_needed_are_started(pipes):
    before = threading.active_count()
    pipes(64)
    assert threading.active_count() - before == module._QUICK


def test_it_calls_once_when_nobody_is_left(pipes):
    made = pipes(64)
    made.make_ready(module._QUICK - 1)
    eventually(lambda: len(made.served) == module._QUICK - 1)
    assert made.calls == 0
    made.make_ready(1)
    eventually(lambda: made.calls == 1)


def test_threads_that_wait_for_a_slow_upstream_make_room_for_others(pipes):
    made = pipes(20)
    made.make_ready(30)
    eventually(lambda: made.crew.reinforce() and len(made.served) == 20)
    assert repr(made.crew) == "<Crew [busy 20, held 0, awake 20/20]>"
    made.gate.set()
    eventually(lambda: len(made.served) == 30)


def test_a_part_of_the_threads_waits_for_half_closed_clients_unless_requests_wait_and_no_thread_is_free(pipes):
    made = pipes(20)
    assert made.crew.patience == 5
    made.crew.waiting.append(lambda: None)  # a thread is free for it, and takes it soon
    assert made.crew.patience == 5
    made.make_ready(30)
    eventually(lambda: made.crew.reinforce() and len(made.served) == 20)
    made.crew.waiting.append(lambda: None)
    assert made.crew.patience == 0


def grown(pipes):
    """A crew of 20 that needed all its threads a moment ago and needs few now."""
    made = pipes(20)
    made.make_ready(20)
    eventually(lambda: made.crew.reinforce() and len(made.served) == 20)
    made.gate.set()
    eventually(lambda: not made.crew._busy and not made.crew.reinforce())
    return made


def test_threads_that_are_not_needed_any_more_are_parked(pipes):
    made = grown(pipes)
    made.make_ready(200)
    eventually(lambda: len(made.served) == 220)
    eventually(lambda: repr(made.crew) == f"<Crew [busy 0, held 0, awake {module._QUICK}/20]>")


def test_parked_threads_are_called_up_again(pipes):
    made = grown(pipes)
    made.make_ready(200)
    eventually(lambda: len(made.served) == 220 and not made.crew._busy and made.crew._awake == module._QUICK)
    made.gate.clear()
    made.make_ready(20)
    eventually(lambda: made.crew.reinforce() and len(made.served) == 240)
    assert len(made.crew._threads) == 20


def test_a_connection_that_fails_costs_no_thread(pipes, caplog):
    made = pipes(2, held=False)
    made.serve, failing = None, []

    def serve(descriptor, events):
        failing.append(descriptor)
        raise RuntimeError("a bug")

    made.crew._serve = serve
    made.make_ready(1)
    eventually(lambda: made.served or failing)
    made.make_ready(10)
    eventually(lambda: len(made.served) + len(failing) == 11)


def test_threads_that_are_held_by_clients_call_for_no_attention(pipes):
    made = pipes(8)
    made.around = made.crew.held
    made.make_ready(20)
    eventually(lambda: not made.crew.reinforce() and repr(made.crew).startswith("<Crew [busy 0, held 20, "))
    assert len(made.served) == 20
    assert not made.crew.reinforce()
    assert not made.crew.queueing
    made.gate.set()
    eventually(lambda: repr(made.crew).startswith("<Crew [busy 0, held 0, "))


@pytest.fixture
def limit(monkeypatch):
    """A limit of the threads that may be started, as the process meets it."""
    start, left = threading.Thread.start, [0]

    def limited(thread):
        if left[0] <= 0:
            raise RuntimeError("can't start new thread")
        left[0] -= 1
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    monkeypatch.setattr(module, "_START_AGAIN", 0.0)
    return left


def test_threads_that_cannot_be_started_do_not_count_and_those_that_can_serve(pipes, limit, caplog):
    limit[0] = 2
    made = pipes(20, held=False)
    assert repr(made.crew) == "<Crew [busy 0, held 0, awake 2/20]>"
    assert made.crew.started == 2
    made.make_ready(50)
    eventually(lambda: len(made.served) == 50)
    assert "the process may start no more threads" in caplog.text


def test_threads_that_could_not_be_started_are_started_later(pipes, limit):
    made = pipes(20)
    assert made.crew.started == 0
    made.make_ready(20)
    for room in (1, 0, 3, 100):
        limit[0] = room
        made.crew.reinforce()
    eventually(lambda: made.crew.reinforce() and len(made.served) == 20)


def test_a_failed_start_is_not_repeated_at_once(pipes, limit, monkeypatch):
    monkeypatch.setattr(module, "_START_AGAIN", 3600.0)
    made = pipes(20)
    limit[0] = 100
    made.crew.reinforce()
    assert made.crew.started == 0
    made.crew._start_at = 0.0
    made.crew.reinforce()
    assert made.crew.started > 0


def test_when_all_threads_that_could_be_started_are_busy_the_main_thread_takes_over(pipes, limit, monkeypatch):
    limit[0] = 3
    made = pipes(20)
    made.make_ready(2)
    eventually(lambda: len(made.served) == 2)
    made.crew.reinforce()
    assert not made.crew.overwhelmed
    made.make_ready(1)
    eventually(lambda: len(made.served) == 3)
    eventually(lambda: made.crew.reinforce() and made.crew.overwhelmed)
