import socket
import sys
import threading
import time
from contextlib import contextmanager

import pytest
from waitress.adjustments import Adjustments

from httptee.http.endpoint import Listen
from httptee.server import channel, door, listener, ownership, patience, tls
from httptee.server.listener import Server
from httptee.server.sockets import bind
from httptee.server.tls import TlsServer
from tests.support.clock import Forward
from tests.support.net import eventually


class Client:
    """A raw connection: bytes out, bytes in."""

    def __init__(self, port, connected=None):
        self.socket = connected or socket.create_connection(("127.0.0.1", port), timeout=10)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)
        return self

    def head(self):
        lines = []
        while (line := self.file.readline()) not in (b"\r\n", b""):
            lines.append(line)
        return b"".join(lines)

    def body(self, length):
        return self.file.read(length)

    def rest(self):
        return self.file.read()

    def close(self):
        self.file.close()
        self.socket.close()


class Body(list):
    """The body of an application's answer."""

    def __init__(self, *pieces):
        super().__init__(pieces)

    def close(self):
        pass


class Running:
    """A server in a thread, with the application a test gives it."""

    def __init__(self, application, kind=Server, **options):
        listening = bind(Listen("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        adjustments = Adjustments(
            max_request_header_size=4000,
            max_request_body_size=10**7,
            clear_untrusted_proxy_headers=False,
            connection_limit=options.pop("connection_limit", 100),
            url_scheme="https" if issubclass(kind, TlsServer) else "http",
        )
        options = {"threads": 4, "client_timeout": 10.0, "close_connections": False, **options}
        self.server = kind(application, listening, adjustments, **options)
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        self.clients = []

    def connect(self):
        client = Client(self.port)
        self.clients.append(client)
        return client

    def stop(self, timeout=10.0):
        self.server.stop()
        self.thread.join()
        self.server.drain(timeout)


@pytest.fixture(autouse=True)
def _short_ticks(monkeypatch):
    """What a server does once a second, or five times a second, it does every 10 ms. A drain waits less for quiet."""
    monkeypatch.setattr(listener, "_TICK", 0.01)
    monkeypatch.setattr(listener, "_QUIET", 0.05)
    monkeypatch.setattr(patience, "_GLANCE", 0.01)
    monkeypatch.setattr(patience, "_LOOK_AGAIN", 0.01)


@pytest.fixture
def later(monkeypatch):
    """Call it to set the clocks of every server forward by a number of seconds."""
    forward = Forward()
    for module in (channel, door, listener, ownership, patience, tls):
        for name in {"time", "monotonic"} & set(vars(module)):
            monkeypatch.setattr(module, name, forward.ahead_of(getattr(module, name)))
    return forward.move


@pytest.fixture
def wall(monkeypatch):
    """Call it to set the wall clock, and no other, by a number of seconds. It may go back."""
    forward = Forward()
    moved, real = forward.ahead_of(time.time), time.time
    for name, module in list(sys.modules.items()):
        if name.startswith(("httptee.server", "httptee.processes")):
            for key in [key for key, value in vars(module).items() if value is real]:
                monkeypatch.setattr(module, key, moved)
    monkeypatch.setattr(time, "time", moved)  # waitress calls it by this name
    return forward.move


def late_for(running, later):
    """Wait until the server times a slow client, then let more than the client timeout pass."""
    eventually(lambda: [channel for channel in list(running.server.active_channels.values()) if channel.stretch])
    later(running.server.client_timeout + 1)


def looked_at(running, times=3):
    """Wait until the server has looked for slow clients so often. The first look may have begun before the call."""
    looked = []
    original = running.server.maintenance
    running.server.maintenance = lambda now: (original(now), looked.append(now))
    eventually(lambda: len(looked) >= times)
    running.server.maintenance = original


@contextmanager
def starting(**always):
    """A function that starts a server with an application and options; all servers are stopped at the end."""
    running = []

    def start(application, **options):
        running.append(Running(application, **{**always, **options}))
        return running[-1]

    yield start
    for one in running:
        for client in one.clients:
            client.close()
        if one.thread.is_alive():
            one.stop()


@pytest.fixture
def serve():
    with starting() as start:
        yield start
