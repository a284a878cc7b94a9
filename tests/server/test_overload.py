"""More than there are threads or places for: who waits, who is told to come back later, that nobody is forgotten."""

import errno
import threading

import pytest

from httptee.server import accepting, door
from tests.support.net import eventually

from .conftest import Body

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


class HeldApp:
    """Answers `ok` once its gate is open; counts who is inside."""

    def __init__(self):
        self.gate = threading.Event()
        self.inside = 0
        self.served = 0

    def __call__(self, environ, start_response):
        self.inside += 1
        assert self.gate.wait(30)
        self.served += 1
        start_response("200 OK", [("Content-Length", "2")])
        return Body(b"ok")


@pytest.fixture
def app():
    held = HeldApp()
    yield held
    held.gate.set()


def waiting(running):
    return len(running.server.crew.waiting)


def occupied(serve, app):
    """A server whose only thread is busy."""
    running = serve(app, threads=1)
    running.connect().send(GET)
    eventually(lambda: app.inside == 1)
    return running


def test_requests_beyond_those_that_may_wait_get_a_503_at_once_and_the_others_their_answer(serve, app):
    running = serve(app, threads=2, max_pending=3)
    busy = [running.connect().send(GET) for _ in range(2)]
    eventually(lambda: app.inside == 2)
    queued = [running.connect().send(GET) for _ in range(3)]
    eventually(lambda: waiting(running) == 3)
    turned_away = running.connect().send(GET)
    head = turned_away.head()
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"X-Httptee-Error: overloaded\r\n" in head
    assert b"Retry-After: 1\r\n" in head
    assert turned_away.rest() == b"503 Service Unavailable: overloaded\n"
    app.gate.set()
    for client in busy + queued:
        assert client.head().startswith(b"HTTP/1.1 200 OK")
    assert app.served == 5


def test_with_no_room_to_wait_whoever_finds_no_thread_is_turned_away(serve, app):
    running = serve(app, threads=1, max_pending=0)
    busy = running.connect().send(GET)
    eventually(lambda: app.inside == 1)
    assert running.connect().send(GET).head().startswith(b"HTTP/1.1 503 ")
    app.gate.set()
    assert busy.head().startswith(b"HTTP/1.1 200 OK")


def test_those_who_wait_are_served_in_the_order_they_came(serve, app):
    order = []

    def ordered(environ, start_response):
        order.append(environ["PATH_INFO"])
        return app(environ, start_response)

    running = serve(ordered, threads=1)
    clients = []
    for number in range(6):
        clients.append(running.connect().send(GET.replace(b"/ ", b"/%d " % number)))
        eventually(lambda number=number: app.inside + waiting(running) == number + 1)
    app.gate.set()
    for client in clients:
        client.head()
    assert order == [f"/{number}" for number in range(6)]


def test_a_request_that_arrives_in_pieces_while_all_are_busy_is_served(serve, app):
    running = occupied(serve, app)
    client = running.connect().send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 600000\r\n\r\n")
    client.send(b"x" * 600_000)
    eventually(lambda: waiting(running) == 1)
    app.gate.set()
    assert client.head().startswith(b"HTTP/1.1 200 OK")


def test_requests_that_wait_when_the_server_drains_are_answered(serve, app):
    running = occupied(serve, app)
    client = running.connect().send(GET)
    eventually(lambda: waiting(running) == 1)
    stopping = threading.Thread(target=running.stop)
    stopping.start()
    eventually(lambda: running.server.closes_connections)
    app.gate.set()
    head = client.head()
    stopping.join()
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert b"Connection: close\r\n" in head


def test_connections_beyond_the_limit_are_told_so_and_let_in_again_later(serve, later, app, caplog):
    app.gate.set()
    running = serve(app, connection_limit=2)
    first, second = running.connect().send(GET), running.connect().send(GET)
    first.head(), second.head()
    for _ in range(3):
        client = running.connect().send(GET)
        head = client.head()
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1\r\n" in head
        assert b"Connection: close\r\n" in head
        assert head.count(b"\r\nDate: ") == 1
        assert client.rest() == b"503 Service Unavailable: overloaded\n"
    first.close()
    eventually(lambda: len(running.server.active_channels) == 1)
    assert running.connect().send(GET).head().startswith(b"HTTP/1.1 200 OK")
    second.close()
    later(door._LINGER)
    eventually(lambda: "below the limit of 2 connections again; 3 were refused" in caplog.text)
    assert caplog.text.count("over the limit") == 1


def test_no_more_than_so_many_refused_connections_linger(serve, app, monkeypatch):
    monkeypatch.setattr(door, "most_leaving", lambda limit: 2)
    running = serve(app, connection_limit=1)
    running.connect().send(GET)
    eventually(lambda: app.inside == 1)
    clients = [running.connect() for _ in range(5)]
    for client in clients:
        assert client.head().startswith(b"HTTP/1.1 503 ")
    assert len(running.server._door._leaving) == 2


class ShortOfDescriptors:
    """A listening socket for whose connections no descriptor is left unless one of `lingering` has been closed."""

    def __init__(self, listening, lingering):
        self.listening, self.lingering, self.failures, self.left = listening, lingering, 0, None

    def accept(self):
        if len(self.lingering) == self.left:
            self.failures += 1
            raise OSError(errno.EMFILE, "too many open files")
        return self.listening.accept()

    def short(self):
        self.left = len(self.lingering)

    def __getattr__(self, name):
        return getattr(self.listening, name)


def test_without_a_descriptor_the_connection_that_has_lingered_longest_is_closed_for_a_new_one(serve, app, caplog):
    app.gate.set()
    running = serve(app, connection_limit=1)
    first = running.connect().send(GET)
    first.head()
    refused = [running.connect() for _ in range(3)]
    for client in refused:
        assert client.head().startswith(b"HTTP/1.1 503 ")
    leaving = running.server._door._leaving
    oldest = leaving[0][1]
    eventually(lambda: len(leaving) == len(refused))
    running.server.socket = short = ShortOfDescriptors(running.server.socket, leaving)
    first.close()
    eventually(lambda: not running.server.active_channels)
    short.short()
    assert running.connect().send(GET).head().startswith(b"HTTP/1.1 200 OK")
    assert (short.failures, oldest.fileno(), len(leaving)) == (1, -1, 2)
    assert "out of file descriptors" not in caplog.text


def test_without_a_descriptor_and_without_one_that_lingers_the_log_says_so(serve, app, caplog, monkeypatch):
    monkeypatch.setattr(accepting, "_NO_DESCRIPTOR_PAUSE", 0.0)
    app.gate.set()
    running = serve(app)
    running.server.socket = short = ShortOfDescriptors(running.server.socket, [])
    short.short()
    client = running.connect().send(GET)
    eventually(lambda: "connections wait in the kernel's backlog" in caplog.text)
    short.left = None
    assert client.head().startswith(b"HTTP/1.1 200 OK")
