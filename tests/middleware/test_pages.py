"""The turn of each process at the admin listener, with scripted parts around it."""

import _thread
import errno
import logging
import os
import socket
import threading

import pytest

from httptee.http.endpoint import Listen
from httptee.ledger import Places
from httptee.middleware import pages as module
from httptee.middleware.pages import Pages
from httptee.server import sockets
from httptee.settings.settings import Settings
from tests.support.net import eventually, free_port


class Side:
    """Serves until it is to stop."""

    def __init__(self, listening):
        self.listening = listening
        self.stopped = threading.Event()

    def run(self, wanted):
        while wanted() and not self.stopped.wait(0.01):
            pass

    def stop(self):
        self.stopped.set()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "_LOOK_AGAIN", 0.01)


@pytest.fixture
def pages(tmp_path):
    made = []

    def make(port=None, build=Side):
        sides, seconds = [], []

        def side(listening):
            sides.append(build(listening))
            return sides[-1]

        admin = None if port is None else Listen("127.0.0.1", port)
        each = Pages(Settings(admin=admin), Places(["b"], str(tmp_path)), side, lambda: seconds.append(1))
        each.sides, each.seconds = sides, seconds
        made.append(each)
        return each

    yield make
    for each in made:
        each.stop()
        each.join()


def refuses(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


def test_without_an_address_nothing_begins(pages):
    before = threading.enumerate()
    pages().begin()
    assert [thread for thread in threading.enumerate() if thread not in before] == []


def test_one_process_serves_and_the_next_one_when_it_ends(pages):
    port = free_port()
    one, two = pages(port), pages(port)
    one.begin()
    eventually(lambda: one.sides)
    two.begin()
    eventually(lambda: len(two.seconds) > 3)
    assert two.sides == []
    one.stop()
    one.join()
    eventually(lambda: two.sides)
    assert two.sides[0].listening.getsockname() == ("127.0.0.1", port)


def test_a_process_that_stops_leaves_the_address(pages):
    port = free_port()
    one = pages(port)
    one.begin()
    eventually(lambda: one.sides)
    assert not refuses(port)
    one.stop()
    one.join()
    assert refuses(port)


def test_an_address_that_another_program_has_is_no_error_and_is_taken_later(pages, caplog):
    with socket.create_server(("127.0.0.1", 0)) as other:
        one = pages(other.getsockname()[1])
        one.begin()
        eventually(lambda: len(one.seconds) > 3)
        assert one.sides == []
    eventually(lambda: one.sides)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_an_address_that_cannot_be_bound_is_logged_once_and_tried_again(pages, caplog, monkeypatch):
    denied = [0]

    def bind(*_):
        denied[0] += 1
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(sockets, "bind", bind)
        one = pages(free_port())
        one.begin()
        eventually(lambda: denied[0] > 3)
    eventually(lambda: one.sides)
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == [f"cannot listen at {one._settings.admin} (-admin): Permission denied; it is tried again"]


def test_what_fails_is_logged_and_another_process_serves(pages, caplog):
    def fails(listening):
        raise ZeroDivisionError("a bug of the page")

    port = free_port()
    one, two = pages(port, fails), pages(port)
    one.begin()
    one.join()
    assert "a bug of the page" in caplog.text
    two.begin()
    eventually(lambda: two.sides)


def test_where_the_threads_are_not_real_there_is_no_listener(pages, caplog, monkeypatch):
    start = _thread.start_new_thread
    monkeypatch.setattr(_thread, "start_new_thread", lambda *args: start(*args))
    before = threading.enumerate()
    pages(free_port()).begin()
    assert [thread for thread in threading.enumerate() if thread not in before] == []
    assert "it needs real ones" in caplog.text


def test_a_process_without_room_for_a_thread_has_no_listener(pages, caplog, monkeypatch):
    def fail(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    one = pages(free_port())
    one.begin()
    one.stop()
    one.join()
    assert "it has no admin listener" in caplog.text


def test_a_forked_child_closes_the_socket_of_its_parent(pages):
    port = free_port()
    one = pages(port)
    one.begin()
    eventually(lambda: one.sides)
    lives, ends = os.pipe()
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(ends)
        one.forked()
        os.write(writer, b"x")
        os.read(lives, 1)
        os._exit(0)
    assert os.read(reader, 1) == b"x"
    assert not refuses(port)
    one.stop()
    one.join()
    assert refuses(port)
    for each in (lives, ends, reader, writer):
        os.close(each)
    os.waitpid(child, 0)
