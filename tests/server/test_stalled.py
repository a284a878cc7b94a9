import select
import socket
import threading
import time
from contextlib import suppress

import pytest

from httptee.server import stalled as module
from httptee.server.stalled import SOON, Stalled
from tests.support.net import eventually

ARMED = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
LONG = 20.0


class Waiting:
    """One client that takes nothing of its answer, and the thread that waits for it."""

    def __init__(self, stalled, ready):
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.taken = 0
        self.fill()
        self.ready = ready
        ready.register(self.ours, ARMED)
        self.stalled, self.result, self.thread = stalled, "waits", None

    def fill(self):
        with suppress(BlockingIOError):
            while True:
                self.ours.send(b"x" * 65_536)

    def wait(self, timeout=LONG):
        def run():
            self.result = self.stalled.wait(self.ours.fileno(), ARMED, timeout)

        self.thread = threading.Thread(target=run)
        self.thread.start()
        return self

    def ended(self):
        self.thread.join(LONG)
        return self.result

    @property
    def is_armed(self):
        try:
            self.ready.modify(self.ours, ARMED)
        except FileNotFoundError:
            return False
        return True

    def close(self):
        self.ours.close()
        self.theirs.close()


class Crew:
    """What a crew tells."""

    def __init__(self):
        self.at_work, self.left = set(), []
        self.ready = select.epoll()
        self.reader, self.writer = socket.socketpair()
        self.stalled = Stalled(self.ready, self.reader.fileno(), self.is_at_work, self.one_left)

    def is_at_work(self, thread):
        return thread in self.at_work

    def one_left(self):
        self.left.append(threading.get_ident())
        self.at_work.add(threading.get_ident())

    def stop(self):
        self.writer.send(b".")

    def close(self):
        self.stop()
        self.stalled.close()
        self.ready.close()
        self.reader.close()
        self.writer.close()


@pytest.fixture
def crew():
    crew = Crew()
    yield crew
    crew.close()


@pytest.fixture
def client(crew):
    clients = []

    def made():
        clients.append(Waiting(crew.stalled, crew.ready))
        return clients[-1]

    yield made
    for each in clients:
        each.close()


def watched(crew, number):
    eventually(lambda: len(crew.stalled) == number)


def test_a_client_that_takes_more_soon_is_not_watched(crew, client, monkeypatch):
    monkeypatch.setattr(module, "SOON", LONG)
    slow = client().wait()
    slow.theirs.recv(1 << 20)
    assert slow.ended() is True
    assert slow.is_armed
    assert crew.stalled._thread is None


def test_a_client_that_takes_more_after_a_while(crew, client):
    slow = client().wait()
    watched(crew, 1)
    assert not slow.is_armed
    slow.theirs.recv(1 << 20)
    assert slow.ended() is True
    assert slow.is_armed
    assert len(crew.stalled) == 0
    slow.fill()
    slow.wait()
    watched(crew, 1)
    slow.theirs.recv(1 << 20)
    assert slow.ended() is True


def test_what_has_arrived_meanwhile_is_reported_to_the_crew(crew, client):
    slow = client().wait()
    watched(crew, 1)
    slow.theirs.send(b"GET / HTTP/1.1\r\n")
    assert crew.ready.poll(0) == []
    slow.theirs.recv(1 << 20)
    slow.ended()
    assert crew.ready.poll(LONG) == [(slow.ours.fileno(), select.EPOLLIN)]


def test_a_client_that_takes_nothing_in_time(crew, client):
    slow = client().wait(2 * SOON)
    assert slow.ended() is False
    assert slow.is_armed
    assert client().wait(SOON / 2).ended() is False
    assert len(crew.stalled) == 0


def test_a_client_that_has_gone_is_reported_to_its_thread_alone(crew, client):
    slow = client().wait()
    watched(crew, 1)
    slow.theirs.close()
    assert slow.ended() is None
    assert not slow.is_armed
    assert crew.left == [slow.thread.ident]
    assert crew.ready.poll(0) == []


def test_an_event_of_an_earlier_connection_by_the_same_number_is_none_of_this_client(crew, client):
    slow = client().wait()
    watched(crew, 1)
    wait = crew.stalled._waiting[slow.ours.fileno()]
    wait.gone = True
    wait.gate.release()
    assert slow.ended() is True
    assert slow.is_armed
    assert not crew.left


def test_one_client_that_has_gone_does_not_hold_up_others_for_long(crew, client):
    gone, slow = client().wait(), client().wait()
    watched(crew, 2)
    gone.theirs.close()
    gone.ended()  # its thread stays at work
    slow.theirs.recv(1 << 20)
    assert slow.ended() is True


def test_those_of_clients_that_have_gone_go_on_one_after_another(crew, client, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST", LONG)
    clients = [client().wait() for _ in range(5)]
    watched(crew, 5)
    for each in clients:
        each.theirs.close()
    for number in range(1, 6):
        eventually(lambda number=number: len(crew.left) == number)
        time.sleep(0.02)
        assert len(crew.left) == number  # no other goes on while that one is at work
        crew.at_work.clear()
    assert [each.ended() for each in clients] == [None] * 5


def test_clients_that_take_more_do_not_wait_behind_those_that_have_gone(crew, client, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST", LONG)
    gone, slow = [client().wait() for _ in range(3)], client().wait()
    watched(crew, 4)
    for each in gone:
        each.theirs.close()
    eventually(lambda: crew.left)  # and its thread stays at work
    slow.theirs.recv(1 << 20)
    assert slow.ended() is True
    assert len(crew.left) == 1
    crew.stop()
    assert [each.ended() for each in gone] == [None] * 3


def test_all_go_on_when_the_threads_must_end(crew, client):
    clients = [client().wait() for _ in range(3)]
    watched(crew, 3)
    crew.stop()
    assert [each.ended() for each in clients] == [True] * 3
    assert [each.wait().ended() for each in clients] == [False] * 3


def test_without_a_thread_the_caller_tries_again_itself(crew, client, monkeypatch):
    slow = client()

    def no_thread(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(
        module.threading, "Thread", type("Thread", (), {"__init__": lambda *a, **k: None, "start": no_thread})
    )
    assert crew.stalled.wait(slow.ours.fileno(), ARMED, LONG) is True
    assert slow.is_armed
    assert len(crew.stalled) == 0
    monkeypatch.undo()
    slow.wait()
    watched(crew, 1)
    slow.theirs.recv(1 << 20)
    assert slow.ended() is True
