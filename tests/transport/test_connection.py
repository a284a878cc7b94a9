"""How an exchange fails, how long it may take, and TLS."""

from __future__ import annotations

import errno
import socket
import ssl
import tempfile
import time
from math import inf

import pytest
import requests
import trustme

from httptee.errors import UpstreamConnectError, UpstreamProtocolError, UpstreamReset, UpstreamTimeout, UpstreamTLSError
from httptee.http.message import FileBody
from httptee.transport.connection import Connection
from httptee.transport.prepared import WireRequest
from httptee.transport.timeouts import Timeouts
from httptee.transport.wire import Answer
from tests.support import scripts
from tests.support.net import refusing_port, unaccepting_port
from tests.support.scripted import ScriptedServer

from .exchange import HASTY, PATIENT, fetch, send


class TestFailures:
    def test_a_refused_connection(self, adapter):
        with refusing_port() as port:
            request = WireRequest("GET", f"http://127.0.0.1:{port}/", "/", [])
            with pytest.raises(UpstreamConnectError):
                adapter.send(request, timeout=PATIENT)

    def test_a_name_that_does_not_resolve(self, adapter):
        with pytest.raises(UpstreamConnectError):
            adapter.send(WireRequest("GET", "http://nowhere.invalid/", "/", []), timeout=PATIENT)

    def test_a_connection_nobody_accepts(self, adapter):
        with unaccepting_port() as port:
            request = WireRequest("GET", f"http://127.0.0.1:{port}/", "/", [])
            with pytest.raises(UpstreamTimeout):
                adapter.send(request, timeout=HASTY)

    def test_silence(self, adapter):
        with ScriptedServer(scripts.blackhole()) as server, pytest.raises(UpstreamTimeout):
            send(adapter, server, timeouts=HASTY)

    def test_a_head_that_trickles_has_one_time_for_all_of_it(self, adapter):
        script = scripts.trickle(scripts.response(), pause=0.05)
        with ScriptedServer(script) as server, pytest.raises(UpstreamTimeout):
            send(adapter, server, timeouts=HASTY)

    def test_a_body_may_take_its_time_piece_by_piece(self, adapter):
        raw = scripts.response(body=b"x" * 7)
        head = len(raw) - 7

        def script(connection):
            connection.request()
            connection.send(raw[:head])
            for _ in range(7):
                connection.pause(0.05)
                connection.send(b"x")

        with ScriptedServer(script) as server:
            assert fetch(adapter, server, timeouts=Timeouts(connect=10.0, headers=10.0, idle=0.3)) == b"x" * 7

    def test_a_deadline_holds_for_everything_together(self, adapter):
        limits = Timeouts(connect=10.0, headers=10.0, idle=10.0, whole=0.1)
        with ScriptedServer(scripts.trickle(scripts.response(body=b"x" * 1000), pause=0.02)) as server:
            began = time.monotonic()
            with pytest.raises(UpstreamTimeout):
                send(adapter, server, timeouts=limits)
            assert 0.05 < time.monotonic() - began < 5

    def test_a_deadline_holds_for_a_stream(self, adapter):
        limits = Timeouts(connect=10.0, headers=10.0, idle=10.0, whole=0.3)
        with ScriptedServer(scripts.endless(b"x")) as server:
            response = send(adapter, server, timeouts=limits)
            with pytest.raises(UpstreamTimeout):
                response.raw.discard()

    def test_nonsense(self, adapter):
        with ScriptedServer(scripts.garbage()) as server, pytest.raises(UpstreamProtocolError):
            send(adapter, server)

    @pytest.mark.parametrize(
        "raw",
        [
            scripts.response(body=b"abc")[:-1],
            scripts.response(body=b"x" * 100_000)[:-1],
            scripts.chunked_response(b"a", last=False),
        ],
    )
    def test_a_body_that_breaks_off_raises_from_the_stream(self, adapter, raw):
        with ScriptedServer(scripts.answer_and_close(raw)) as server:
            response = send(adapter, server)
            with pytest.raises(UpstreamReset):
                list(response.raw.stream())

    def test_a_plain_prepared_request_is_turned_away(self, adapter):
        with pytest.raises(TypeError):
            adapter.send(requests.Request("GET", "http://a.test/").prepare())


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN])
class TestThePathToThePeerIsLost:
    """The request may have been executed, so the reason must not be `connect`."""

    @pytest.fixture
    def connection(self):
        ours, peer = socket.socketpair()
        connection = Connection(ours)
        yield connection
        connection.close()
        peer.close()

    @pytest.mark.parametrize("call", ["_send", "_recv"])
    def test_during_an_exchange(self, connection, number, call):
        def lost(*arguments):
            raise OSError(number, "lost")

        setattr(connection, call, lost)
        with pytest.raises(UpstreamReset):
            connection.exchange(b"GET / HTTP/1.1\r\n\r\n", b"", Answer("GET"), PATIENT, inf)

    def test_while_an_answer_is_read_without_waiting(self, connection, number, monkeypatch):
        def lost(*arguments):
            raise OSError(number, "lost")

        monkeypatch.setattr("httptee.transport.connection.receive_now", lost)
        with pytest.raises(UpstreamReset):
            connection.receive_now(Answer("GET"))


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


class TestTLS:
    @pytest.fixture
    def serve(self, authority):
        """Wraps a script so that its connection speaks TLS, with a certificate for `name`."""

        def wrapped(script, name="127.0.0.1"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(name).configure_cert(context)

            def handshake(connection):
                with context.wrap_socket(connection.sock, server_side=True) as sock:
                    script(type(connection)(connection.server, sock))

            server = ScriptedServer(handshake)
            server.host = "127.0.0.1"
            return server

        return wrapped

    @pytest.fixture
    def trusted(self, authority, tmp_path):
        path = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(path)
        return str(path)

    def send(self, adapter, server, method="GET", body=b"", verify=True):
        pairs = [("Content-Length", str(len(body)))] if len(body) else []
        request = WireRequest(method, f"https://127.0.0.1:{server.port}/", "/", pairs, body)
        return adapter.send(request, stream=True, timeout=PATIENT, verify=verify)

    @pytest.mark.parametrize("size", [100_000, 131_000, 1_000_000])
    @pytest.mark.parametrize("padding", [0, 60_000])
    def test_a_request_that_was_read_in_part_counts_as_sent(self, adapter, serve, trusted, size, padding):
        """The upstream reads the head of a POST, and resets the connection while the body is written."""
        met = []

        def script(connection):
            connection.request()
            connection.send(scripts.response())
            met.append(connection.reader.head())
            connection.reset()

        with serve(script) as server:
            self.send(adapter, server, verify=trusted).close()
            (route,) = adapter._routes.values()
            route.pool.idle[0].sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            pairs = [("Content-Length", str(size)), ("X-Padding", "x" * padding)]
            request = WireRequest("POST", f"https://127.0.0.1:{server.port}/", "/", pairs, bytes(size))
            with pytest.raises(UpstreamReset):
                adapter.send(request, stream=True, timeout=PATIENT, verify=trusted)
            assert (len(met), server.connections) == (1, 1)

    def test_a_verified_connection_is_used_again(self, adapter, serve, trusted):
        with serve(scripts.answer()) as server:
            for _ in range(3):
                assert self.send(adapter, server, verify=trusted).raw.whole == b"ok"
            assert server.connections == 1
            adapter.close()

    @pytest.mark.parametrize("name", ["127.0.0.1", "other.test"])
    def test_what_does_not_verify_is_refused(self, adapter, serve, trusted, name):
        with serve(scripts.answer(), name) as server, pytest.raises(UpstreamTLSError):
            self.send(adapter, server, verify=trusted if name == "other.test" else True)

    def test_verification_can_be_turned_off(self, adapter, serve):
        with serve(scripts.answer(), "other.test") as server:
            assert self.send(adapter, server, verify=False).raw.whole == b"ok"
            adapter.close()

    @pytest.mark.parametrize("size", [100, 3_000_000])
    def test_bodies_and_large_answers_pass(self, adapter, serve, trusted, size):
        with serve(scripts.serve(lambda request: scripts.response(body=request.body))) as server:
            with tempfile.TemporaryFile() as file:
                file.write(b"x" * size)
                file.seek(0)
                response = self.send(adapter, server, "POST", FileBody(file, size), verify=trusted)
                assert response.raw.read() == b"x" * size
            assert self.send(adapter, server, "POST", b"y" * size, verify=trusted).raw.read() == b"y" * size
            assert server.connections == 1
            adapter.close()

    def test_an_end_without_close_notify_is_a_reset(self, adapter, serve, trusted):
        def script(connection):
            connection.request()
            connection.send(scripts.response(body=None) + b"cut")

        with serve(script) as server:
            response = self.send(adapter, server, verify=trusted)
            with pytest.raises(UpstreamReset):
                response.raw.read()
