"""Answers that wait for their clients, on connections whose kernel takes what each test lets it take."""

import socket
import struct
import threading
from contextlib import suppress

from httptee.server import patience
from httptee.server.channel import Channel
from tests.support.net import eventually

from .conftest import late_for, looked_at
from .test_channel import GET, App


class Full(Channel):
    """The kernel takes nothing at first, and all at the next try."""

    def write_soon(self, data):
        self.outbufs[-1].append(data)
        self.buffered += len(data)
        self.total_outbufs_len += len(data)
        return len(data)


class Once(Full):
    """The client takes what it is sent once, and then no more."""

    taken = False

    def _flush_some(self, do_close=True):
        if self.taken:
            return False
        self.taken = True
        return super()._flush_some(do_close)


def test_requests_behind_an_answer_that_the_client_takes_at_the_second_try_are_answered(serve):
    running = serve(App())
    running.server.channel_class = Full
    client = running.connect().send(GET * 3)
    for _ in range(3):
        assert client.head().startswith(b"HTTP/1.1 200 OK")
        assert client.body(2) == b"ok"


def test_a_client_that_does_not_take_the_end_of_an_answer_before_its_next_request_is_cut_off(serve, later):
    app = App(headers=[], body=[b"ok"])  # its end is the last chunk
    running = serve(app)
    running.server.channel_class = Once
    running.connect().send(GET * 2).head()
    late_for(running, later)
    eventually(lambda: not running.server.active_channels)
    assert app.closed == len(app.environs)


def test_a_client_that_resets_just_after_it_took_the_rest_of_an_answer_is_closed(serve, monkeypatch):
    monkeypatch.setattr(patience, "_LOOK_AGAIN", 0.3)  # not before the answer has ended
    monkeypatch.setattr(patience, "_GLANCE", 0.3)
    resets = []

    class Watched(Full):
        def _flush_some(self, do_close=True):
            took = super()._flush_some(do_close)
            if took and resets:
                resets.pop()()
            return took

    def reset():
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        eventually(lambda: running.server._departures._noted, "another thread that is told")

    running = serve(App(), client_timeout=600)
    running.server.channel_class = Watched
    client = running.connect()
    resets.append(reset)
    client.send(GET)
    eventually(lambda: not resets and not running.server.active_channels)


def test_the_burden_is_never_negative_while_a_thread_closes_a_connection(serve, later):
    seen = []

    class Closing(Channel):
        def fall_asleep(self, asleep):
            if self._fileno is None:
                seen.append(self.server.burden)  # what another thread would publish now
            super().fall_asleep(asleep)

    running = serve(App())
    running.server.channel_class = Closing
    client = running.connect().send(GET)
    client.head()
    later(2)
    eventually(lambda: running.server.asleep == 1)
    client.close()
    eventually(lambda: seen)
    assert min(seen) >= 0


class Busy:
    """A server with one thread, an answer that has begun, and a request that keeps the thread until `end` is called."""

    def __init__(self, serve):
        self.gate, self.order = threading.Event(), []
        inside = threading.Event()
        piece = bytes(1_000_000)

        def pieces():
            for _ in range(20):
                self.order.append("piece")
                yield piece

        begun = App(headers=[("Content-Length", str(20 * len(piece)))], body=pieces)

        def app(environ, start_response):
            if environ["PATH_INFO"] == "/hangs":
                inside.set()
                assert self.gate.wait(30)
            if environ["PATH_INFO"] == "/":
                return begun(environ, start_response)
            self.order.append(environ["PATH_INFO"])
            return App()(environ, start_response)

        self.running = serve(app, threads=1)
        self.client = self.running.connect().send(GET)
        eventually(lambda: self.running.suspended == 1)
        (self.channel,) = self.running.server.active_channels.values()
        self.ask("/hangs")
        assert inside.wait(30)

    def ask(self, path):
        return self.running.connect().send(GET.replace(b"/ ", b"%b " % path.encode()))

    def queue(self):
        """Let the client take of the answer until that waits for the thread."""
        self.client.head()
        self.client.socket.settimeout(0.0)

        def queued():
            with suppress(BlockingIOError):
                self.client.socket.recv(1_000_000)
            return self.channel.queued

        eventually(queued, "an answer in the queue")

    def end(self):
        self.order.clear()
        self.gate.set()


def test_a_client_is_not_late_while_its_answer_waits_for_a_thread(serve, later):
    busy = Busy(serve)
    busy.queue()
    for _ in range(3):
        later(busy.running.server.client_timeout + 1)
        looked_at(busy.running)
    assert busy.channel in busy.running.server.active_channels.values()
    busy.end()


def test_an_answer_that_has_begun_goes_on_before_requests_that_waited_longer(serve):
    busy = Busy(serve)
    new = busy.ask("/new")
    eventually(lambda: busy.running.server.crew.waiting)
    busy.queue()
    busy.end()
    assert new.head().startswith(b"HTTP/1.1 200 OK")
    assert busy.order.index("piece") < busy.order.index("/new")
