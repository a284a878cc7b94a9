"""Requests out and answers back through a real socket, against servers that do as they are told."""

from __future__ import annotations

import io
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from httptee.errors import UpstreamProtocolError, UpstreamReset
from httptee.http.message import FileBody
from httptee.http.peers import read_preamble
from httptee.transport.adapter import PoolLimits, WireAdapter
from httptee.transport.prepared import WireRequest
from httptee.transport.timeouts import Limits
from tests.support import scripts
from tests.support.net import eventually
from tests.support.scripted import ScriptedServer

from .exchange import PATIENT, fetch, send


class TestExchange:
    def test_the_request_arrives_byte_for_byte(self, adapter):
        with ScriptedServer(scripts.answer()) as server:
            fetch(
                adapter, server, "PURGE", "/a%2Fb//../x?%zz|", [("x_Y", "1"), ("X-y", ""), ("x_Y", "\xe9")], b"\0body"
            )
            assert server.requests[0].raw == (
                b"PURGE /a%2Fb//../x?%zz| HTTP/1.1\r\nHost: a.test\r\nx_Y: 1\r\nX-y: \r\nx_Y: \xe9\r\n"
                b"Content-Length: 5\r\n\r\n\0body"
            )

    def test_the_answer_comes_back_as_sent(self, adapter):
        raw = b"HTTP/1.1 299 Fine by me\r\nset-cookie: a\r\nB: c\r\nset-cookie: d\r\nContent-Length: 2\r\n\r\nhi"
        with ScriptedServer(scripts.answer(raw)) as server:
            response = send(adapter, server)
        assert (response.status_code, response.reason, response.raw.whole) == (299, "Fine by me", b"hi")
        fields = [("set-cookie", "a"), ("B", "c"), ("set-cookie", "d"), ("Content-Length", "2")]
        assert response.raw.pairs == fields
        assert list(response.raw.headers.items()) == fields
        assert response.headers["Set-Cookie"] == "a, d"
        assert response.content == b"hi"

    def test_a_session_sends_through_it(self, adapter):
        with ScriptedServer(scripts.answer()) as server, requests.Session() as session:
            session.mount("http://", adapter)
            request = WireRequest("GET", f"{server.url}/", "/", [("Host", "a.test")])
            response = session.send(request, stream=False, timeout=PATIENT, proxies={})
        assert response.text == "ok"
        assert not session.cookies

    def test_a_connection_is_used_again(self, adapter):
        with ScriptedServer(scripts.answer()) as server:
            for _ in range(5):
                assert fetch(adapter, server) == b"ok"
            assert server.connections == 1
            assert repr(adapter) == f"<WireAdapter [<Pool {server.url}/ [idle 1/4]>]>"

    @pytest.mark.parametrize(
        "raw",
        [
            scripts.response(headers=[("Connection", "close")]),
            scripts.response(version="1.0"),
            scripts.response() + b"rubbish",
        ],
    )
    def test_a_connection_is_not_used_again_after_a_close_or_rubbish(self, adapter, raw):
        with ScriptedServer(scripts.answer(raw)) as server:
            assert fetch(adapter, server) == b"ok"
            assert fetch(adapter, server) == b"ok"
            assert server.connections == 2

    def test_a_body_that_trickles_streams_however_small_it_is(self, adapter):
        with ScriptedServer(scripts.trickle(scripts.response(body=b"0123456789"), size=20, pause=0.01)) as server:
            raw = send(adapter, server).raw
            assert raw.whole is None
            assert b"".join(raw.stream()) == b"0123456789"

    def test_a_chunked_answer_is_whole_where_it_came_at_once(self, adapter):
        with ScriptedServer(scripts.answer(scripts.chunked_response(b"ab", b"c"))) as server:
            assert send(adapter, server).raw.whole == b"abc"

    def test_the_first_piece_of_a_stream_comes_at_once(self, adapter):
        more = threading.Event()

        def script(connection):
            connection.request()
            connection.send(scripts.chunked_response(b"first", last=False))
            connection.wait_for(more)
            connection.send(scripts.chunked(b"second"))

        with ScriptedServer(script) as server:
            response = send(adapter, server)
            assert response.raw.whole is None
            pieces = response.raw.stream()
            assert next(pieces) == b"first"
            more.set()
            assert list(pieces) == [b"second"]

    @pytest.mark.parametrize("framing", [[("Transfer-Encoding", "chunked")], [("Content-Length", "15")], []])
    def test_a_head_without_its_body_is_there_at_once(self, adapter, framing):
        more = threading.Event()

        def script(connection):
            connection.request()
            connection.send(scripts.response(body=None, headers=framing))
            connection.wait_for(more)
            connection.send(scripts.chunked(b"second") if "Transfer" in str(framing) else b"second " * 2 + b"x")

        with ScriptedServer(script) as server:
            pieces = send(adapter, server).raw.stream()
            assert next(pieces) == b""
            more.set()
            assert b"".join(pieces) in (b"second", b"second second x")

    def test_a_body_right_behind_its_head_is_not_waited_for_twice(self, adapter):
        sent = threading.Event()

        def script(connection):
            connection.request()
            connection.send(scripts.response(body=None, headers=[("Content-Length", "4")]))
            connection.wait_for(read)
            connection.send(b"body")
            sent.set()
            connection.request()

        read = threading.Event()
        with ScriptedServer(script) as server:
            response = send(adapter, server)
            read.set()
            assert sent.wait(10)
            arrived = response.raw._connection.sock
            eventually(lambda: len(arrived.recv(4, socket.MSG_PEEK | socket.MSG_DONTWAIT)) == 4)
            assert list(response.raw.stream()) == [b"body"]

    @pytest.mark.parametrize("extra", [b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"])
    @pytest.mark.parametrize(
        ("method", "raw", "body"),
        [
            ("GET", scripts.chunked_response(b"one", b"two"), b"onetwo"),
            ("GET", scripts.response(body=b"one"), b"one"),
            ("GET", scripts.response("204 None", body=None), b""),
            ("HEAD", scripts.response(body=None, headers=[("Content-Length", "4")]), b""),
        ],
    )
    def test_bytes_behind_an_answer_end_its_connection(self, adapter, method, raw, body, extra):
        with ScriptedServer(scripts.answer(raw + extra)) as server:
            for _ in range(2):
                assert fetch(adapter, server, method) == body
            assert server.connections == 2

    def test_limits_of_an_answers_head_are_the_adapters(self):
        raw = scripts.response(headers=[("A", "b")] * 9)  # and Content-Length
        with ScriptedServer(scripts.answer(raw)) as server:
            for most, passes in [(Limits(fields=10), True), (Limits(fields=9), False), (Limits(head=60), False)]:
                adapter = WireAdapter(most=most)
                try:
                    if passes:
                        assert fetch(adapter, server) == b"ok"
                    else:
                        with pytest.raises(UpstreamProtocolError):
                            fetch(adapter, server)
                finally:
                    adapter.close()

    @pytest.mark.parametrize("body", [b"", b"x" * 1_000_000])
    def test_interim_answers_are_handed_on_before_the_answer(self, adapter, body):
        seen = []
        hint = scripts.response("103 Early Hints", body=None, headers=[("Link", "a")])
        with ScriptedServer(scripts.answer(hint * 2 + scripts.response())) as server:
            pairs = [("Host", "a.test"), ("Content-Length", str(len(body)))]
            request = WireRequest("PUT", f"{server.url}/", "/", pairs, body)
            request.interim = lambda *one: seen.append(one)
            assert adapter.send(request).raw.read() == b"ok"
            assert seen == [(103, "Early Hints", [("Link", "a")])] * 2
            assert fetch(adapter, server) == b"ok"  # passed over, and on the same connection
            assert server.connections == 1

    def test_a_large_answer_streams_and_gives_its_connection_back(self, adapter):
        with ScriptedServer(scripts.large(5_000_000)) as server:
            response = send(adapter, server)
            assert response.raw.whole is None
            assert sum(map(len, response.raw.stream())) == 5_000_000
            send(adapter, server).raw.discard()
            assert server.connections == 1

    def test_close_in_the_middle_closes_the_connection_and_may_be_repeated(self, adapter):
        with ScriptedServer(scripts.endless()) as server:
            response = send(adapter, server)
            next(response.raw.stream())
            response.close()
            response.raw.close()
            eventually(lambda: not server.open_connections)
            with pytest.raises(UpstreamReset):
                list(response.raw.stream())

    def test_threads_share_it(self, adapter):
        with ScriptedServer(scripts.serve(lambda request: scripts.response(body=request.target.encode()))) as server:
            with ThreadPoolExecutor(8) as executor:
                bodies = list(executor.map(lambda n: fetch(adapter, server, target=f"/{n}"), range(400)))
            assert bodies == [b"/%d" % n for n in range(400)]
            assert len(server.requests) == 400
            assert server.connections <= 400

    def test_after_close_a_connection_is_not_kept(self, adapter):
        with ScriptedServer(scripts.answer()) as server:
            fetch(adapter, server)
            adapter.close()
            assert fetch(adapter, server) == b"ok"
            eventually(lambda: not server.open_connections)


class TestStaleConnections:
    """A pooled connection that the upstream closes when it is used once more."""

    def closing(self, *, before_reading):
        """Answers the first request of each connection, and closes at the second."""

        def script(connection):
            connection.request()
            connection.send(scripts.response())
            if not before_reading:
                connection.request()

        return script

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"])
    def test_an_idempotent_request_is_repeated_on_a_fresh_connection(self, adapter, method):
        with ScriptedServer(self.closing(before_reading=False)) as server:
            fetch(adapter, server)
            fetch(adapter, server, method, headers=[("Connection", "close")] if method == "HEAD" else [])
            assert [request.method for request in server.requests] == ["GET", method, method]

    @pytest.mark.parametrize("method", ["POST", "PATCH", "LOCK", "get"])
    @pytest.mark.parametrize("size", [0, 10, 200_000])
    def test_any_other_request_is_never_sent_twice(self, adapter, method, size):
        with ScriptedServer(self.closing(before_reading=False)) as server:
            fetch(adapter, server)
            with pytest.raises(UpstreamReset):
                send(adapter, server, method, body=b"x" * size)
            assert [request.method for request in server.requests] == ["GET", method]

    def test_a_post_does_not_meet_a_connection_known_to_be_closed(self, adapter):
        with ScriptedServer(self.closing(before_reading=True)) as server:
            fetch(adapter, server)
            eventually(lambda: not server.open_connections)
            assert fetch(adapter, server, "POST", body=b"x") == b"ok"
            assert [request.method for request in server.requests] == ["GET", "POST"]

    def test_a_request_is_not_repeated_once_a_byte_of_an_answer_has_come(self, adapter):
        def script(connection):
            connection.request()
            connection.send(scripts.response())
            connection.request()
            connection.send(b"H")

        with ScriptedServer(script) as server:
            fetch(adapter, server)
            with pytest.raises(UpstreamReset):
                send(adapter, server)
            assert len(server.requests) == 2

    def test_a_fresh_connection_that_breaks_is_not_repeated(self, adapter):
        with ScriptedServer(scripts.reset_after()) as server:
            with pytest.raises(UpstreamReset):
                send(adapter, server)
            assert len(server.requests) == 1

    def test_a_body_from_a_file_is_repeated_from_where_it_began(self, adapter):
        with ScriptedServer(self.closing(before_reading=False)) as server:
            fetch(adapter, server)
            file = io.BytesIO(b"skipped" + b"x" * 100_000)
            file.seek(7)
            fetch(adapter, server, "PUT", body=FileBody(file, 100_000))
            assert [len(request.body) for request in server.requests] == [0, 100_000, 100_000]


class TestBegin:
    def begun(self, adapter, server, body=b"", size=None):
        """Begin a request on a connection that is idle, whose buffer is so small if `size` is given."""
        assert fetch(adapter, server) == b"ok"
        if size is not None:
            (route,) = adapter._routes.values()
            route.pool.idle[-1].sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
        fields = [("Host", "a.test"), *([("Content-Length", str(len(body)))] if body else [])]
        return adapter.begin(WireRequest("POST", f"{server.url}/", "/now", fields, body))

    def test_nothing_is_begun_before_there_is_a_connection(self, adapter):
        with ScriptedServer(scripts.answer()) as server:
            assert adapter.begin(WireRequest("GET", f"{server.url}/", "/", [("Host", "h")])) is None
            assert not adapter.has_idle(f"{server.url}/")
            assert server.requests == []

    @pytest.mark.parametrize("size", [0, 1, 16_000, 100_000])
    def test_a_request_goes_out_whole_on_an_idle_connection(self, adapter, size):
        with ScriptedServer(scripts.answer()) as server:
            pending = self.begun(adapter, server, b"x" * size)
            assert not pending.advance()
            assert len(server.requests) == 1
            assert pending.start()
            assert server.wait_for_requests(2)[1].body == b"x" * size
            eventually(pending.advance)
            assert pending.status == 200
            assert adapter.has_idle(f"{server.url}/")
            assert server.connections == 1

    def test_what_the_kernel_would_not_take_at_once_is_not_begun_and_the_connection_stays(self, adapter):
        with ScriptedServer(scripts.answer()) as server:
            assert self.begun(adapter, server, b"x" * 100_000, size=20_000) is None
            assert adapter.has_idle(f"{server.url}/")
            assert len(server.requests) == server.connections == 1

    def test_a_body_in_a_file_is_not_begun(self, adapter):
        with ScriptedServer(scripts.answer()) as server:
            assert self.begun(adapter, server, FileBody(io.BytesIO(b"abc"), 3)) is None


class TestPreambles:
    """What comes before the first request of a connection, and whose requests follow."""

    @staticmethod
    def ask(adapter, server, client):
        request = WireRequest("GET", f"{server.url}/", "/", [("Host", "a.test")])
        request.client = client
        assert adapter.send(request, timeout=PATIENT).raw.whole == b"ok"

    @pytest.mark.parametrize("version", ["v1", "v2"])
    def test_each_connection_names_its_client_and_carries_only_its_requests(self, version):
        named, asked = [], []

        def script(connection):
            data = connection.sock.recv(4096, socket.MSG_PEEK)
            found = read_preamble(data)
            connection.sock.recv(found.size)
            named.append(found.client)
            while connection.request() is not None:
                asked.append(found.client)
                connection.send(scripts.response())

        clients = [("203.0.113.9", "1"), ("203.0.113.9", "2"), ("203.0.113.9", "1"), ("2001:db8::1", "1"), ("", "")]
        adapter = WireAdapter(PoolLimits(max_idle=9), send_proxy=version)
        with ScriptedServer(script) as server:
            for client in clients * 2:
                self.ask(adapter, server, client)
            adapter.close()
        others = [clients[0], clients[1], clients[3], None]
        assert named == others
        assert asked == [None if client == ("", "") else client for client in clients] * 2

    def test_a_clone_goes_at_once_only_on_a_connection_of_its_client(self):
        adapter = WireAdapter(PoolLimits(max_idle=9), send_proxy="v1")

        def script(connection):
            connection.sock.recv(read_preamble(connection.sock.recv(4096, socket.MSG_PEEK)).size)
            scripts.answer()(connection)

        with ScriptedServer(script) as server:
            self.ask(adapter, server, ("203.0.113.9", "1"))
            for port, begun in (("2", False), ("1", True)):
                request = WireRequest("GET", f"{server.url}/", "/", [("Host", "a.test")])
                request.client = ("203.0.113.9", port)
                pending = adapter.begin(request)
                assert (pending is not None) == begun
                if pending is not None:
                    pending.give_up()
            adapter.close()

    def test_a_connection_that_only_tries_says_nothing(self):
        adapter = WireAdapter(send_proxy="v2")
        with socket.create_server(("127.0.0.1", 0)) as server:
            connection = adapter.connect(f"http://127.0.0.1:{server.getsockname()[1]}/", 10.0)
            accepted, _ = server.accept()
            connection.close()
            with accepted:
                assert accepted.recv(100) == b""
