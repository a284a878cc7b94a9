"""The wall clock is set while the server runs: no time limit may notice it."""

import threading

import pytest

from httptee.server.tls import TlsServer
from tests.support.net import eventually
from tests.support.tls import Authority

from .conftest import Body, late_for, looked_at, starting

HOUR = 3600.0
GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
UPLOAD = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc"
BOTH_WAYS = pytest.mark.parametrize("jump", [HOUR, -HOUR])


def app(environ, start_response):
    environ["wsgi.input"].read()
    length = 200_000 if environ["PATH_INFO"] == "/large" else 2
    start_response("200 OK", [("Content-Length", str(length))])
    return Body(b"x" * length)


def ask(client, path=b"/"):
    client.send(GET.replace(b"/ ", path + b" "))
    assert client.head().startswith(b"HTTP/1.1 200 OK")
    return client.body(200_000 if path == b"/large" else 2)


@BOTH_WAYS
def test_an_upload_that_advances_is_not_refused(serve, wall, jump):
    running = serve(app)
    client = running.connect().send(UPLOAD)
    eventually(lambda: [each for each in running.server.active_channels.values() if each.stretch])
    wall(jump)
    looked_at(running)
    client.send(b"defghij")
    assert client.head().startswith(b"HTTP/1.1 200 OK")


@BOTH_WAYS
@pytest.mark.parametrize("path", [b"/", b"/large"], ids=["small", "buffered"])
def test_an_idle_connection_stays(serve, wall, jump, path):
    running = serve(app)
    client = running.connect()
    ask(client, path)
    wall(jump)
    looked_at(running)
    ask(client)


@BOTH_WAYS
@pytest.mark.parametrize("path", [b"/", b"/large"], ids=["small", "buffered"])
def test_an_idle_connection_is_closed_at_its_time(serve, wall, later, jump, path):
    running = serve(app)
    client = running.connect()
    wall(jump)
    ask(client, path)
    eventually(lambda: all(channel.idle for channel in running.server.active_channels.values()))
    wall(-jump)
    later(running.server.client_timeout + 1)
    assert client.rest() == b""


@BOTH_WAYS
def test_half_an_upload_is_refused_at_its_time(serve, wall, later, jump):
    running = serve(app)
    client = running.connect().send(UPLOAD)
    eventually(lambda: [each for each in running.server.active_channels.values() if each.stretch])
    wall(jump)
    late_for(running, later)
    assert client.head().startswith(b"HTTP/1.1 408 ")


@BOTH_WAYS
def test_a_drain_closes_idle_connections_at_their_time(serve, wall, jump):
    running = serve(app)
    client = running.connect()
    ask(client)
    wall(jump)
    stopping = threading.Thread(target=running.stop, args=(HOUR,), daemon=True)
    stopping.start()
    assert client.rest() == b""
    eventually(lambda: not stopping.is_alive())


@BOTH_WAYS
def test_a_handshake_that_does_not_come_is_ended_at_its_time_and_not_before(tmp_path, wall, later, jump):
    context = Authority(tmp_path).server()
    with starting(kind=TlsServer, context=context, handshake_timeout=60.0) as start:
        running = start(app, client_timeout=10 * HOUR)
        client = running.connect()
        eventually(lambda: running.server.active_channels)
        wall(jump)
        looked_at(running)
        assert len(running.server.active_channels) == 1
        later(61.0)
        assert client.rest() == b""
