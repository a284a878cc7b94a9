"""Clients that have gone while their request is in service, in the queue or in mid-answer; and the end of a drain."""

import os
import socket
import struct
import threading

import pytest

from httptee.errors import ClientGone, CutOff
from httptee.http.cancellation import CANCELLATION
from httptee.server import listener, patience
from httptee.server.ownership import OwnedChannel
from httptee.server.patience import GRACE, Departures
from httptee.server.tls import TlsServer
from tests.support.clock import Clock
from tests.support.net import eventually
from tests.support.tls import Authority

from .conftest import Body, looked_at, starting

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
ESTABLISHED, CLOSE, CLOSE_WAIT = 1, 7, 8


def reset(client):
    """Leave with a RST."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def half_close(client):
    """Send a FIN, and stay to read."""
    client.socket.shutdown(socket.SHUT_WR)


LEAVING = pytest.mark.parametrize("leave", [reset, half_close])


class Upstream:
    """An application that waits for an A that never answers. `/fast` is answered at once."""

    def __init__(self, begins_with=None):
        self.begins_with = begins_with
        self.environs = []
        self.reasons = []
        self.answers = threading.Event()

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/fast":
            start_response("200 OK", [("Content-Length", "2")])
            return Body(b"ok")
        self.environs.append(environ)
        if self.begins_with is not None:
            start_response("200 OK", [])
            return self.stream(environ)
        self.wait(environ)
        start_response("200 OK", [("Content-Length", "2")])
        return Body(b"ok")

    def wait(self, environ):
        cancellation = environ[CANCELLATION]
        cancellation.attach(self.answers.set)
        assert self.answers.wait(60)
        cancellation.detach()
        self.reasons.append(cancellation.reason)

    def stream(self, environ):
        yield self.begins_with
        self.wait(environ)
        yield b"never sent"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(patience, "GRACE", 0.05)


@pytest.fixture
def patient(monkeypatch):
    """Nobody who has half closed counts as gone in this test."""
    monkeypatch.setattr(patience, "GRACE", 1e9)


class Connection:
    """Stands in for a channel: its TCP is in this state, and was last sent something so many seconds ago."""

    def __init__(self, state, silent=1e9, queued=None):
        self.state, self.silent, self.queued = state, silent, queued

    def tcp_state(self):
        return self.state, self.silent


class TestDepartures:
    @pytest.fixture(autouse=True)
    def _real_grace(self, monkeypatch):
        monkeypatch.setattr(patience, "GRACE", GRACE)
        self.clock = Clock()
        monkeypatch.setattr(patience, "monotonic", self.clock)
        self.departures = Departures()

    def gone(self, after=0.0, room=1):
        self.clock.now += after
        return self.departures.gone(self.clock.now, room)

    def test_a_reset_counts_at_once_and_once(self):
        connection = Connection(CLOSE)
        self.departures.note(connection)
        self.departures.note(connection)
        assert self.gone() == [connection]
        assert self.gone(after=10) == []

    def test_a_fin_counts_after_the_grace_however_often_it_is_noted(self):
        connection = Connection(CLOSE_WAIT)
        self.departures.note(connection)
        assert self.gone(after=GRACE - 0.01) == []
        self.departures.note(connection)
        assert self.gone(after=0.02) == [connection]

    def test_a_client_that_still_takes_its_answer_has_not_gone(self):
        connection = Connection(CLOSE_WAIT, silent=0.1)
        self.departures.note(connection)
        assert self.gone(after=100) == []
        connection.silent = GRACE + 0.01
        assert self.gone() == [connection]

    def test_the_first_ones_lose_their_grace_where_more_wait_than_there_is_room_for(self):
        first, second, third = (Connection(CLOSE_WAIT) for _ in range(3))
        for connection in (first, second, third):
            self.departures.note(connection)
        assert self.gone(after=GRACE / 2, room=2) == [first]
        assert self.gone(room=0) == [second, third]
        assert self.departures.pause == patience._GLANCE

    def test_clients_that_were_sent_something_since_keep_their_grace(self):
        taking, unread = Connection(CLOSE_WAIT, silent=0.1), Connection(CLOSE_WAIT, silent=0.0)
        self.departures.note(taking)
        self.departures.note(unread)
        assert self.gone(after=0.2, room=0) == []

    def test_those_that_wait_for_a_thread_come_first(self):
        at_a, waiting = Connection(CLOSE), Connection(CLOSE, queued=print)
        self.departures.note(at_a)
        self.departures.note(waiting)
        assert self.gone() == [waiting, at_a]

    @pytest.mark.parametrize("state", [0, ESTABLISHED, 4, 5])
    def test_a_connection_that_is_open_or_was_closed_here_is_forgotten(self, state):
        connection = Connection(state)
        self.departures.note(connection)
        assert self.gone(after=100) == []
        connection.state = CLOSE
        assert self.gone() == []


@LEAVING
def test_a_client_that_leaves_ends_its_exchange_and_frees_its_thread(serve, leave):
    app = Upstream()
    running = serve(app, threads=1)
    client = running.connect().send(GET)
    eventually(lambda: app.environs)
    leave(client)
    eventually(lambda: app.reasons == [ClientGone])
    eventually(lambda: not running.server.active_channels)
    assert running.connect().send(GET.replace(b"/ ", b"/fast ")).head().startswith(b"HTTP/1.1 200 OK")


def test_a_fin_right_behind_the_request_counts_as_well(serve):
    """The kernel reports both at once, to the thread that then serves the request, and never again. If that thread is
    late, the main thread queues the request, and it does not reach A at all."""
    app, discarded = Upstream(), []
    running = serve(app, threads=1)
    running.server.on_discard = discarded.append
    gate = threading.Event()
    step = running.server._serve
    running.server.crew._serve = lambda descriptor, events: (gate.wait(10), step(descriptor, events))
    client = running.connect().send(GET)
    half_close(client)
    gate.set()
    eventually(lambda: app.reasons == [ClientGone] or (discarded and not app.environs))


def test_a_client_that_has_closed_its_sending_side_leaves_its_thread_to_a_request_that_waits(serve, patient):
    app = Upstream()
    running = serve(app, threads=1)
    client = running.connect().send(GET)
    eventually(lambda: app.environs)
    half_close(client)
    assert running.connect().send(GET.replace(b"/ ", b"/fast ")).head().startswith(b"HTTP/1.1 200 OK")
    assert app.reasons == [ClientGone]


@LEAVING
def test_a_quiet_stream_ends_as_well(serve, leave):
    app = Upstream(begins_with=b"data: 0\n\n")
    running = serve(app, threads=1)
    client = running.connect().send(GET)
    client.head()
    assert client.body(14) == b"9\r\ndata: 0\n\n\r\n"
    leave(client)
    eventually(lambda: app.reasons == [ClientGone])
    eventually(lambda: not running.server.active_channels)


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_over_tls_it_is_the_same(tmp_path, leave):
    authority, app = Authority(tmp_path), Upstream(begins_with=b"x")
    with starting(kind=TlsServer, context=authority.server(), handshake_timeout=60.0) as start:
        running = start(app, threads=1)
        raw = socket.create_connection(("127.0.0.1", running.port), timeout=10)
        with authority.client().wrap_socket(raw, server_hostname="localhost") as client:
            client.sendall(GET)
            assert client.recv(9) == b"HTTP/1.1 "
            if leave == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        eventually(lambda: app.reasons == [ClientGone])
        eventually(lambda: not running.server.active_channels)


def test_an_answer_is_not_sent_to_a_client_that_counts_as_gone_but_still_reads(serve):
    app = Upstream()
    client = serve(app).connect().send(GET)
    half_close(client)
    with pytest.raises(ConnectionResetError):
        client.rest()


def test_a_client_that_half_closes_and_waits_gets_an_answer_that_comes_in_time(serve, patient):
    app = Upstream()
    client = serve(app, threads=1).connect().send(GET)
    eventually(lambda: app.environs)
    half_close(client)
    app.answers.set()
    assert client.head().startswith(b"HTTP/1.1 200 OK")
    assert client.rest() == b"ok"
    assert app.reasons == [None]


def test_a_client_that_half_closes_and_reads_slowly_gets_everything(serve, later):
    length = 20_000_000

    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", str(length))])
        return Body(bytes(length))

    running = serve(app, threads=1, client_timeout=3600.0)
    client = running.connect().send(GET)
    eventually(lambda: running.server.crew._held == 1)
    half_close(client)
    eventually(lambda: running.server._departures._noted)
    later(5 * patience.GRACE)
    looked_at(running)
    (channel,) = running.server.active_channels.values()
    assert channel.tcp_state() == (CLOSE_WAIT, 0.0)
    client.head()
    assert len(client.body(length)) == length
    assert client.rest() == b""
    assert channel.cancellation.reason is None


def test_an_ordinary_close_of_an_idle_connection_leaves_nothing_to_look_at(serve):
    running = serve(Upstream())
    for _ in range(20):
        client = running.connect().send(GET.replace(b"/ ", b"/fast "))
        client.head()
        assert client.body(2) == b"ok"
        client.close()
    eventually(lambda: not running.server.active_channels)
    eventually(lambda: not running.server._departures._noted)


def waiting(running):
    return len(running.server.crew.waiting)


@LEAVING
def test_a_request_that_waits_for_a_thread_is_discarded_and_leaves_its_place_in_the_queue(serve, leave):
    app = Upstream()
    app_ends = app.answers
    running = serve(app, threads=1, max_pending=3)
    discarded = []
    running.server.on_discard = lambda environ: discarded.append(environ["PATH_INFO"])
    busy = running.connect().send(GET)
    eventually(lambda: app.environs)
    leaving = [running.connect().send(GET.replace(b"/ ", b"/%d " % n)) for n in range(3)]
    eventually(lambda: waiting(running) == 3)
    for client in leaving:
        leave(client)
    eventually(lambda: sorted(discarded) == ["/0", "/1", "/2"])
    eventually(lambda: waiting(running) == 0 and len(running.server.active_channels) == 1)
    stayed = running.connect().send(GET.replace(b"/ ", b"/fast "))
    eventually(lambda: waiting(running) == 1)
    app_ends.set()
    assert busy.head().startswith(b"HTTP/1.1 200 OK")
    assert stayed.head().startswith(b"HTTP/1.1 200 OK")
    assert [environ["PATH_INFO"] for environ in app.environs] == ["/"]


def test_a_request_that_a_thread_has_just_taken_from_the_queue_is_discarded_by_that_thread(serve):
    """The main thread cancels it at that moment, and no longer finds it in the queue."""
    app = Upstream()
    running = serve(app, threads=1)
    discarded = []
    running.server.on_discard = lambda environ: discarded.append(environ["PATH_INFO"])
    withdraw = running.server.crew.withdraw
    taken = []

    def too_late(entry):
        assert withdraw(entry)
        taken.append(entry)
        return False

    running.server.crew.withdraw = too_late
    running.connect().send(GET)
    eventually(lambda: app.environs)
    reset(running.connect().send(GET.replace(b"/ ", b"/late ")))
    eventually(lambda: taken)
    assert discarded == []
    taken[0]()
    assert discarded == ["/late"]
    eventually(lambda: len(running.server.active_channels) == 1)
    app.answers.set()


def test_a_request_that_was_queued_unread_is_discarded_as_well(serve, monkeypatch):
    """The main thread queues a connection without reading it if a serving thread owns it at that moment."""
    app = Upstream()
    running = serve(app, threads=1)
    discarded = []
    running.server.on_discard = lambda environ: discarded.append(environ["PATH_INFO"])
    running.connect().send(GET)
    eventually(lambda: app.environs)
    monkeypatch.setattr(OwnedChannel, "look", lambda channel, events, room: channel.queued is None)
    late = running.connect().send(GET.replace(b"/ ", b"/late "))
    eventually(lambda: waiting(running) == 1)
    half_close(late)
    eventually(lambda: discarded == ["/late"])
    eventually(lambda: len(running.server.active_channels) == 1)
    app.answers.set()


def test_many_that_leave_at_once_change_nothing_for_others(serve):
    """More than there are threads, at A and in the queue together."""
    app, count = Upstream(), 200
    running = serve(app, threads=4, connection_limit=1000)
    clients = [running.connect().send(GET) for _ in range(count)]
    eventually(lambda: len(app.environs) == 4 and waiting(running) == count - 4)
    for client in clients:
        reset(client)
    assert running.connect().send(GET.replace(b"/ ", b"/fast ")).head().startswith(b"HTTP/1.1 200 OK")
    eventually(lambda: len(running.server.active_channels) == 1)
    assert len(app.environs) < count


def test_many_that_leave_in_mid_answer_free_every_thread_and_say_nothing(serve, caplog):
    closed = []

    class Endless:
        def __iter__(self):
            while True:
                yield bytes(65536)

        def close(self):
            closed.append(True)

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/fast":
            start_response("200 OK", [("Content-Length", "2")])
            return Body(b"ok")
        start_response("200 OK", [])
        return Endless()

    running = serve(app, threads=2, client_timeout=3600.0, connection_limit=1000)
    clients = [running.connect().send(GET) for _ in range(100)]
    eventually(lambda: running.server.crew._held == 100)
    for client in clients:
        client.close()
    eventually(lambda: len(closed) == 100)
    eventually(lambda: running.server.crew._held == 0 and not running.server.active_channels)
    assert running.connect().send(GET.replace(b"/ ", b"/fast ")).head().startswith(b"HTTP/1.1 200 OK")
    assert caplog.text == ""


class TestTheEndOfADrain:
    def descriptors(self):
        return len(os.listdir("/proc/self/fd"))

    def held_up(self, serve, app):
        """A server with a request at A, a stream, an upload and a slow reader: none of them ends by itself."""
        running = serve(app, threads=4, client_timeout=3600.0)
        clients = [running.connect() for _ in range(4)]
        clients[0].send(GET)
        clients[1].send(GET.replace(b"/ ", b"/stream "))
        clients[2].send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" + bytes(1000))
        clients[3].send(GET.replace(b"/ ", b"/large "))
        eventually(lambda: running.server.crew._held == 1)
        eventually(lambda: len(app.environs) == 2)
        assert clients[1].head()
        eventually(lambda: sum(bool(each.request) for each in list(running.server.active_channels.values())) == 1)
        return running, clients

    def test_what_is_left_is_reset_and_every_thread_and_descriptor_is_gone(self, serve, monkeypatch):
        quiet, stream = Upstream(), Upstream(begins_with=b"x")
        environs = []

        def app(environ, start_response):
            if environ["PATH_INFO"] == "/large":
                start_response("200 OK", [("Content-Length", "50000000")])
                return Body(bytes(50_000_000))
            environs.append(environ)
            chosen = stream if environ["PATH_INFO"] == "/stream" else quiet
            return chosen(environ, start_response)

        app.environs = environs
        before, threads = self.descriptors(), threading.active_count()
        running, clients = self.held_up(serve, app)
        monkeypatch.setattr(listener, "_LAST_WORDS", 60.0)
        running.stop(timeout=0.01)
        assert running.server.crew.ready.closed
        assert quiet.reasons == stream.reasons == [CutOff]
        for client in clients:
            with pytest.raises(ConnectionResetError):
                client.rest()
        assert not running.server.active_channels
        for client in clients:
            client.close()
        assert (self.descriptors(), threading.active_count()) == (before, threads)

    def test_a_thread_that_does_not_end_keeps_only_what_it_uses_and_that_is_closed_after_it(self, serve, monkeypatch):
        monkeypatch.setattr(listener, "_LAST_WORDS", 0.05)
        gate, inside = threading.Event(), threading.Event()

        def app(environ, start_response):
            inside.set()
            assert gate.wait(60)
            start_response("200 OK", [("Content-Length", "2")])
            return Body(b"ok")

        before = self.descriptors()
        running = serve(app, threads=2)
        stuck = running.connect().send(GET)
        assert inside.wait(10)
        upload = running.connect().send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n")
        eventually(lambda: len(running.server.active_channels) == 2)
        running.stop(timeout=0.01)
        with pytest.raises(ConnectionResetError):
            upload.rest()
        assert not running.server.crew.ready.closed
        gate.set()
        with pytest.raises(ConnectionResetError):
            stuck.rest()
        for client in (stuck, upload):
            client.close()
        eventually(lambda: self.descriptors() == before)

    def test_a_drain_that_ends_in_time_cuts_nothing_off(self, serve):
        running = serve(Upstream())
        client = running.connect().send(GET.replace(b"/ ", b"/fast "))
        assert client.head().startswith(b"HTTP/1.1 200 OK")
        assert client.body(2) == b"ok"
        running.stop(timeout=60.0)
        assert client.rest() == b""


def test_the_state_of_tcp_is_read_from_a_real_connection_and_after_its_end(serve):
    running = serve(Upstream())
    client = running.connect().send(GET.replace(b"/ ", b"/fast "))
    client.head()
    (channel,) = running.server.active_channels.values()
    state, silent = channel.tcp_state()
    assert state == ESTABLISHED
    assert 0.0 <= silent < 600.0
    client.close()
    eventually(lambda: channel.socket is None)
    assert channel.tcp_state() == (0, 0.0)
