"""Slow clients: what they get, and that others do not notice them."""

import socket
import threading

import pytest

from httptee.server.uploads.pace import LEAST_RATE, Stretch
from tests.support.net import eventually

from .conftest import Body, late_for, looked_at

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


def answering(length):
    """An application that answers with so many bytes."""
    body = b"x" * length

    def app(environ, start_response):
        environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", str(length))])
        return Body(body)

    return app


def assert_serves(running):
    """Another client gets answers on one connection."""
    client = running.connect()
    for _ in range(10):
        client.send(GET)
        assert client.head().startswith(b"HTTP/1.1 200 OK")
        assert client.body(2) == b"xx"


def test_a_stretch_with_enough_headway_is_followed_by_another():
    stretch = Stretch("a body", 0, 100.0)
    enough = LEAST_RATE * 10
    assert not stretch.too_slow(0, 109.0, 10)
    assert not stretch.too_slow(enough, 110.0, 10)
    assert not stretch.too_slow(enough, 119.0, 10)
    assert stretch.too_slow(2 * enough - 1, 120.0, 10)


@pytest.mark.parametrize(
    "half",
    [
        b"G",
        b"GET / HTTP/1.1\r\nHost: h\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
def test_half_a_request_is_answered_with_408_and_the_end(serve, later, half):
    running = serve(answering(2))
    client = running.connect().send(half)
    late_for(running, later)
    head = client.head()
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"X-Httptee-Error: request_timeout\r\n" in head
    assert b"Connection: close\r\n" in head
    assert client.rest() == b"408 Request Timeout: request_timeout\n"


@pytest.mark.parametrize(
    "start", [b"GET / HTTP/1.1\r\nX: ", b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 999\r\n\r\n"]
)
def test_trickling_is_no_way_to_stay(serve, later, start):
    running = serve(answering(2))
    client = running.connect().send(start)
    client.socket.settimeout(0.02)
    answered = b""

    def trickled():
        nonlocal answered
        try:
            client.send(b"y")
            later(running.server.client_timeout / 10)
            answered += client.socket.recv(1000)
        except TimeoutError:
            pass
        return answered

    eventually(trickled)
    assert answered.startswith(b"HTTP/1.1 408 ")


def test_a_client_that_keeps_a_connection_and_asks_nothing_is_let_go_without_a_word(serve, later):
    running = serve(answering(2))
    silent = running.connect()
    eventually(lambda: running.server.active_channels)
    later(running.server.client_timeout + 1)
    assert silent.rest() == b""
    client = running.connect().send(GET)
    client.head()
    assert client.body(2) == b"xx"
    eventually(lambda: all(channel.idle for channel in list(running.server.active_channels.values())))
    later(running.server.client_timeout + 1)
    assert client.rest() == b""


@pytest.mark.parametrize("stray", [b"\r\n", b"\r", b"\r\n\r", b"\r\n" * 8])
@pytest.mark.parametrize("before", [b"", GET, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"])
def test_empty_lines_and_silence_are_an_idle_connection(serve, later, before, stray):
    running = serve(answering(2))
    client = running.connect().send(before + stray)
    if before:
        client.head()
        assert client.body(2) == b"xx"
    eventually(lambda: [channel for channel in list(running.server.active_channels.values()) if channel.request])
    eventually(lambda: all(channel.idle for channel in list(running.server.active_channels.values())))
    later(running.server.client_timeout + 1)
    assert client.rest() == b""


def test_a_request_that_begins_behind_empty_lines_is_late_like_any_other(serve, later):
    running = serve(answering(2))
    client = running.connect().send(b"\r\n\r\nGE")
    late_for(running, later)
    assert client.head().startswith(b"HTTP/1.1 408 ")


def test_a_request_behind_stray_lines_is_answered(serve):
    client = serve(answering(2)).connect().send(b"\r\n" + GET + b"\r")
    for _ in range(2):
        assert client.head().startswith(b"HTTP/1.1 200 OK")
        assert client.body(2) == b"xx"
        client.send(b"\n" + GET)


def test_a_client_that_takes_nothing_of_a_buffered_answer_is_cut_off(serve, later, monkeypatch):
    monkeypatch.setattr("httptee.server.channel._BUFFERED", 10**8)
    running = serve(answering(20_000_000))
    running.connect().send(GET)
    late_for(running, later)
    # The kernel may have taken some of it meanwhile. Then another stretch of time begins.
    eventually(lambda: later(running.server.client_timeout + 1) or not running.server.active_channels)


def test_a_client_that_takes_nothing_frees_the_thread_that_waits_for_it(serve):
    inside, large = threading.Event(), answering(20_000_000)

    def app(environ, start_response):
        running.server.client_timeout = 0.05
        inside.set()
        return large(environ, start_response)

    running = serve(app, threads=1)
    running.connect().send(GET)
    assert inside.wait(30)
    eventually(lambda: not running.server.active_channels)


def test_slow_readers_take_no_thread_from_others(serve):
    large, small = answering(20_000_000), answering(2)

    def app(environ, start_response):
        return (large if environ["PATH_INFO"] == "/large" else small)(environ, start_response)

    running = serve(app, threads=2, client_timeout=60)
    slow = [running.connect().send(GET.replace(b"/ ", b"/large ")) for _ in range(20)]
    eventually(lambda: running.server.crew._held == 20)
    assert_serves(running)
    for each in slow:
        each.close()
    eventually(lambda: running.server.crew._held == 0)


def test_slow_senders_take_no_thread_from_others(serve):
    running = serve(answering(2), threads=1, client_timeout=60)
    slow = [running.connect().send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx") for _ in range(50)]
    assert_serves(running)
    for each in slow:
        each.send(b"12345678")
        assert each.head().startswith(b"HTTP/1.1 200 OK")


def test_a_pipelined_request_that_waits_behind_a_long_one_is_not_late(serve, later):
    gate, inside = threading.Event(), threading.Event()

    def app(environ, start_response):
        inside.set()
        assert gate.wait(30)
        return answering(2)(environ, start_response)

    running = serve(app)
    client = running.connect().send(GET + GET[:10])
    assert inside.wait(30)
    for seconds in (0, running.server.client_timeout + 1, running.server.client_timeout + 1):
        later(seconds)
        looked_at(running, times=2)
    client.send(GET[10:])
    gate.set()
    for _ in range(2):
        assert client.head().startswith(b"HTTP/1.1 200 OK")
        assert client.body(2) == b"xx"


def test_the_kernel_holds_little_of_an_answer_for_a_client_that_does_not_take_it(serve):
    written = []

    class Pieces:
        def __iter__(self):
            while True:
                written.append(50_000)
                yield bytes(50_000)

        def close(self):
            pass

    def app(environ, start_response):
        start_response("200 OK", [])
        return Pieces()

    running = serve(app, client_timeout=60)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", running.port))
        client.sendall(GET)
        eventually(lambda: running.server.crew._held == 1)
        # What the client's kernel takes, what the tee's own does, what is buffered, and the piece in hand.
        assert sum(written) < 600_000
    eventually(lambda: running.server.crew._held == 0)


def test_a_client_that_has_just_taken_the_rest_of_a_buffered_answer_is_not_idle(serve, later, monkeypatch):
    monkeypatch.setattr("httptee.server.channel._BUFFERED", 10**8)
    running = serve(answering(20_000_000))
    client = running.connect().send(GET)
    eventually(lambda: [channel for channel in running.server.active_channels.values() if channel.stretch])
    later(running.server.client_timeout - 1)
    client.head()
    client.body(20_000_000)
    (channel,) = running.server.active_channels.values()
    eventually(lambda: channel.idle)
    later(2)
    looked_at(running)
    assert client.send(GET).head().startswith(b"HTTP/1.1 200 OK")
