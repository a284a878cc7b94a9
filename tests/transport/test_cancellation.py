"""Exchanges that another thread cancels, wherever they wait. They have an hour of time, so only that ends them."""

from __future__ import annotations

import contextlib
import threading

import pytest

from httptee.errors import ClientGone, TeeError, UpstreamProtocolError, UpstreamReset
from httptee.http.cancellation import Cancellation
from httptee.transport import opening
from httptee.transport.adapter import WireAdapter
from httptee.transport.names import Name
from httptee.transport.opening import Opener
from httptee.transport.pool import Pool
from httptee.transport.prepared import WireRequest
from httptee.transport.timeouts import Timeouts
from tests.support import scripts
from tests.support.net import eventually, unaccepting_port
from tests.support.scripted import ScriptedServer
from tests.support.tls import Authority

from .exchange import fetch

HOUR = Timeouts(connect=3600.0, headers=3600.0, idle=3600.0)


def ask(adapter, server, cancellation, method="GET", body=b"", **options):
    fields = [("Host", "a.test"), *([("Content-Length", str(len(body)))] if body else [])]
    request = WireRequest(method, f"{server.url}/", "/", fields, body)
    request.cancellation = cancellation
    return adapter.send(request, stream=True, timeout=HOUR, **options)


class Waiting:
    """Runs `act` in a thread, where it blocks until it is canceled; then `ends` returns its error."""

    def __init__(self, act):
        self._act = act
        self.error = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            self._act()
        except TeeError as error:
            self.error = error

    def ends(self):
        eventually(lambda: not self._thread.is_alive(), "the end of the exchange")
        return self.error


def silent(connection):
    """Answers the first request of the first connection, and nothing after that."""
    while connection.request():
        if len(connection.server.requests) == 1:
            connection.send(scripts.response())


def test_an_exchange_that_waits_for_an_answer_ends_and_its_connection_is_closed(adapter):
    cancellation = Cancellation()
    with ScriptedServer(silent) as server:
        assert fetch(adapter, server) == b"ok"
        waiting = Waiting(lambda: ask(adapter, server, cancellation))
        server.wait_for_requests(2)
        cancellation.cancel()
        assert isinstance(waiting.ends(), UpstreamReset)
        eventually(lambda: not server.open_connections)
        # A GET on a connection from the pool: a reset of A's would repeat it.
        assert (len(server.requests), server.connections) == (2, 1)


@pytest.mark.parametrize(
    "start",
    [
        scripts.chunked_response(b"first", last=False),
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst",
        b"HTTP/1.1 200 OK\r\n\r\nfirst",
    ],
    ids=["in chunks", "by its length", "by the close"],
)
def test_an_answer_that_streams_ends_and_is_not_whole(adapter, start):
    def script(connection):
        connection.request()
        connection.send(start)
        connection.request()

    cancellation = Cancellation()
    with ScriptedServer(script) as server:
        pieces = ask(adapter, server, cancellation).raw.stream()
        assert next(pieces) == b"first"
        waiting = Waiting(lambda: next(pieces))
        cancellation.cancel()
        assert isinstance(waiting.ends(), UpstreamReset)
        eventually(lambda: not server.open_connections)


def test_a_body_that_is_being_sent_is_not_sent_on(adapter):
    def script(connection):
        connection.head()
        connection.wait_for(threading.Event())  # reads nothing of the body

    cancellation = Cancellation()
    with ScriptedServer(script) as server:
        waiting = Waiting(lambda: ask(adapter, server, cancellation, "POST", bytes(50_000_000)))
        server.wait_for_requests(1)
        cancellation.cancel()
        assert isinstance(waiting.ends(), TeeError)


def test_over_tls_it_ends_as_well(tmp_path):
    authority = Authority(tmp_path)
    cancellation = Cancellation()
    server = ScriptedServer(silent)
    server.tls = authority.server()
    with server, contextlib.closing(WireAdapter(server_name="localhost")) as adapter:
        first = ask(adapter, server, None, verify=authority.file)
        assert first.raw.read() == b"ok"
        waiting = Waiting(lambda: ask(adapter, server, cancellation, verify=authority.file))
        server.wait_for_requests(2)
        cancellation.cancel()
        assert isinstance(waiting.ends(), UpstreamReset)
        eventually(lambda: not server.open_connections)
        assert len(server.requests) == 2


def test_a_request_that_is_canceled_before_it_is_sent_is_not_sent(adapter):
    cancellation = Cancellation()
    with ScriptedServer(scripts.answer()) as server:
        assert fetch(adapter, server) == b"ok"
        cancellation.cancel()
        for _ in range(2):  # on a connection of the pool, then on none
            with pytest.raises((ClientGone, UpstreamReset)):
                ask(adapter, server, cancellation)
        assert len(server.requests) == 1


def test_a_connection_that_is_free_again_is_not_shut_by_a_late_cancellation(adapter):
    cancellation = Cancellation()
    with ScriptedServer(scripts.answer()) as server:
        assert ask(adapter, server, cancellation).raw.whole == b"ok"
        cancellation.cancel()
        assert fetch(adapter, server) == b"ok"
        assert server.connections == 1


def test_a_connection_is_detached_before_the_pool_has_it(adapter, monkeypatch):
    """The cancellation comes at the worst moment: another request may take the connection from the pool at once."""
    cancellation = Cancellation()
    release = Pool.release

    def cancel_and_release(pool, connection):
        cancellation.cancel()
        release(pool, connection)

    with ScriptedServer(scripts.answer()) as server:
        monkeypatch.setattr(Pool, "release", cancel_and_release)
        assert ask(adapter, server, cancellation).raw.whole == b"ok"
        assert fetch(adapter, server) == b"ok"
        assert server.connections == 1


def test_a_connection_that_was_shut_is_not_kept_even_if_its_answer_is_whole(adapter, monkeypatch):
    """The cancellation comes between the last byte of the answer and the end of the exchange."""
    cancellation = Cancellation()
    detach = Cancellation.detach

    def cancel_and_detach(self):
        self.cancel()
        detach(self)

    with ScriptedServer(scripts.answer()) as server:
        monkeypatch.setattr(Cancellation, "detach", cancel_and_detach)
        assert ask(adapter, server, cancellation).raw.whole == b"ok"
        assert repr(adapter) == f"<WireAdapter [<Pool {server.url}/ [idle 0/4]>]>"


class TestBeforeTheConnectionIsOpen:
    """The name, the address and the handshake: the wait for each of them ends."""

    @pytest.fixture(autouse=True)
    def _checks_often(self, monkeypatch):
        monkeypatch.setattr(opening, "_CHECK", 0.01)

    def canceled(self, opener):
        cancellation = Cancellation()
        waiting = Waiting(lambda: opener.open(3600.0, cancellation))
        cancellation.cancel()
        assert isinstance(waiting.ends(), UpstreamReset)

    def test_the_name(self):
        answered = threading.Event()

        def lookup(host, port):
            assert answered.wait(60)
            return []

        try:
            self.canceled(Opener(Name("a.test", 80, 30.0, lookup)))
        finally:
            answered.set()

    def test_the_address(self):
        with unaccepting_port() as port:
            self.canceled(Opener(Name("127.0.0.1", port, 30.0)))

    def test_the_handshake(self, tmp_path):
        context = Authority(tmp_path).client()
        with ScriptedServer(lambda connection: connection.wait_for(threading.Event())) as server:
            self.canceled(Opener(Name("127.0.0.1", server.port, 30.0), context, "localhost"))


SWITCH = b"HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nearly"


@pytest.fixture
def upgraded():
    """Asks for an upgrade and gets it."""
    with ScriptedServer(scripts.answer_and_close(SWITCH)) as server, contextlib.closing(WireAdapter()) as adapter:

        def ask_for_it(cancellation):
            request = WireRequest("GET", f"{server.url}/", "/", [("Host", "a.test")], b"")
            request.cancellation, request.upgrade = cancellation, ("x",)
            return adapter.send(request, timeout=HOUR).raw

        yield ask_for_it


def test_the_connection_of_a_101_is_given_up_with_what_stands_behind_it_and_cannot_be_canceled(upgraded):
    cancellation = Cancellation()
    raw = upgraded(cancellation)
    connection, early = raw.give_up_connection()
    cancellation.cancel()
    rest = b""
    while piece := connection.sock.recv(99):
        rest += piece
    assert early + rest == b"early"
    connection.close()
    raw.close()


def test_that_of_a_canceled_exchange_is_closed(upgraded):
    cancellation = Cancellation()
    raw = upgraded(cancellation)
    cancellation.cancel()
    with pytest.raises(UpstreamReset):
        raw.give_up_connection()


def test_so_is_that_of_a_request_that_was_not_sent_whole(upgraded):
    raw = upgraded(None)
    raw._reusable = False
    with pytest.raises(UpstreamProtocolError):
        raw.give_up_connection()
