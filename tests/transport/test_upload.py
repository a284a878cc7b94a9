"""Request bodies, and answers that come before their end."""

from __future__ import annotations

import errno
import io
import os
import tempfile
import time

import pytest

from httptee.errors import BadRequest, BodyStorage, BodyTooLarge, ClientGone, UpstreamReset, UpstreamTimeout
from httptee.http.message import FileBody
from httptee.transport.prepared import WireRequest
from tests.http.uploads.sources import streamed
from tests.support import scripts
from tests.support.net import eventually
from tests.support.scripted import ScriptedServer

from .exchange import HASTY, PATIENT, fetch, send


class TestBodies:
    @pytest.mark.parametrize("size", [1, 131_072, 131_073, 3_000_000])
    @pytest.mark.parametrize("kind", ["bytes", "file", "memory"])
    def test_arrive_whole_and_leave_the_file_where_it_was(self, adapter, size, kind):
        body = bytes(range(256)) * (size // 256 + 1)
        body = body[:size]
        with ScriptedServer(scripts.answer()) as server, tempfile.TemporaryFile() as file:
            if kind != "bytes":
                file = io.BytesIO() if kind == "memory" else file
                file.write(b"skipped" + body + b"too much")
                file.seek(7)
            sent = body if kind == "bytes" else FileBody(file, size)
            for _ in range(2):
                assert fetch(adapter, server, "POST", body=sent) == b"ok"
            assert [request.body for request in server.requests] == [body, body]
            assert server.connections == 1
            if kind != "bytes":
                assert file.tell() == 7

    @pytest.mark.parametrize(("size", "headers"), [(10_000, [("Connection", "close")]), (50_000_000, [])])
    def test_an_answer_before_the_end_of_the_body_is_passed_on(self, adapter, size, headers):
        with ScriptedServer(scripts.early(scripts.response("413 Too Large", headers=headers))) as server:
            response = send(adapter, server, "POST", body=b"x" * size)
            assert (response.status_code, response.raw.whole) == (413, b"ok")
            assert send(adapter, server, "POST", body=b"x" * size).status_code == 413
            assert server.connections == 2

    def test_an_error_from_an_upstream_that_neither_reads_nor_closes_ends_the_upload(self, adapter):
        def script(connection):
            connection.head()
            connection.send(scripts.response("403 Forbidden"))
            connection.pause(30)

        with ScriptedServer(script) as server:
            began = time.monotonic()
            assert send(adapter, server, "POST", body=b"x" * 50_000_000).status_code == 403
            assert time.monotonic() - began < 9

    def test_an_upload_nobody_reads_times_out(self, adapter):
        with ScriptedServer(lambda connection: connection.pause(30)) as server, pytest.raises(UpstreamTimeout):
            send(adapter, server, "POST", body=b"x" * 50_000_000, timeouts=HASTY)

    def test_a_file_shorter_than_it_said_is_an_error(self, adapter):
        with ScriptedServer(scripts.blackhole()) as server, pytest.raises(ValueError, match="early"):
            send(adapter, server, "POST", body=FileBody(io.BytesIO(b"abc"), 100_000))

    @pytest.mark.parametrize("kind", ["a file", "a file in memory"])
    def test_a_file_that_cannot_be_read_is_a_refusal(self, adapter, monkeypatch, kind):
        def fail(*_):
            raise OSError(errno.EIO, "injected")

        class Broken(io.BytesIO):
            read = fail

        monkeypatch.setattr(os, "sendfile", fail)
        with ScriptedServer(scripts.blackhole()) as server, tempfile.TemporaryFile() as file:
            file.write(b"x" * 300_000)
            file.seek(0)
            body = FileBody(file if kind == "a file" else Broken(b"x" * 300_000), 300_000)
            with pytest.raises(BodyStorage):
                send(adapter, server, "POST", body=body)

    def test_an_error_of_the_socket_stays_one(self, adapter, monkeypatch):
        def fail(*_):
            raise ConnectionResetError(errno.ECONNRESET, "injected")

        monkeypatch.setattr(os, "sendfile", fail)
        with ScriptedServer(lambda connection: connection.head()) as server, tempfile.TemporaryFile() as file:
            file.write(b"x" * 300_000)
            file.seek(0)
            with pytest.raises(UpstreamReset):
                send(adapter, server, "POST", body=FileBody(file, 300_000))


def stream(adapter, server, body, method="POST", **options):
    framing = ("Transfer-Encoding", "chunked") if body.length is None else ("Content-Length", str(body.length))
    request = WireRequest(method, f"{server.url}/", "/", [("Host", "a.test"), framing], body)
    request.interim = options.pop("interim", None)
    return adapter.send(request, stream=True, timeout=options.pop("timeouts", PATIENT))


class TestABodyThatStreams:
    @pytest.mark.parametrize("length", [300_000, None])
    def test_arrives_whole_and_the_connection_is_used_again(self, adapter, length):
        with ScriptedServer(scripts.answer()) as server:
            for _ in range(2):
                body = streamed(b"", b"a" * 100_000, b"", b"b" * 199_999, b"c", length=length)
                assert stream(adapter, server, body).raw.whole == b"ok"
            expected = b"a" * 100_000 + b"b" * 199_999 + b"c"
            assert [request.body for request in server.requests] == [expected, expected]
            assert server.connections == 1

    @pytest.mark.parametrize("status", ["303 See Other", "401 Unauthorized"])
    def test_ends_with_an_early_answer_and_its_connection_is_not_used_again(self, adapter, status):
        with ScriptedServer(scripts.early(scripts.response(status))) as server:
            for _ in range(2):
                response = stream(adapter, server, streamed(*[bytes(65_536)] * 1000, length=65_536_000))
                assert f"{response.status_code} {response.reason}" == status
                assert not response.request.body.whole
            assert server.connections == 2

    def test_goes_on_after_an_early_answer_of_success(self, adapter):
        def script(connection):
            connection.reader.head()
            connection.send(scripts.response())
            read.append(connection.reader.exactly(5))

        read = []
        with ScriptedServer(script) as server:
            assert stream(adapter, server, streamed(b"ab", b"", b"cde", length=5)).raw.whole == b"ok"
        assert read == [b"abcde"]

    @pytest.mark.parametrize(("sends", "expected"), [(b"HTTP/1.1 100 Continue\r\n\r\n", 1), (b"", 0)])
    def test_passes_on_one_100_to_a_client_that_waits_for_it(self, adapter, sends, expected):
        def script(connection):
            connection.reader.head()
            connection.send(2 * sends)
            connection.reader.exactly(2)
            connection.send(scripts.response())

        for expects in (True, False):
            passed_on = []
            with ScriptedServer(script) as server:
                body = streamed(*[b""] * 20_000, b"ab", length=2, expects=expects)
                stream(adapter, server, body, interim=lambda status, reason, fields, to=passed_on: to.append(status))
            assert passed_on == [100] * (expected if expects else 0)

    @pytest.mark.parametrize("error", [BadRequest("a chunk"), ClientGone("gone"), BodyTooLarge("much")])
    def test_that_breaks_off_resets_the_connection(self, adapter, error):
        def script(connection):
            try:
                while connection.reader.some():
                    pass
            except ConnectionResetError:
                ended.append("reset")

        ended = []
        with ScriptedServer(script) as server:
            with pytest.raises(type(error)):
                stream(adapter, server, streamed(b"ab", error))
            eventually(lambda: ended == ["reset"])

    @pytest.mark.parametrize(
        ("method", "pieces", "again"),
        [("PUT", [b"ab", b"c"], True), ("POST", [b"ab", b"c"], False), ("PUT", [bytes(600_000), b"x"], False)],
    )
    def test_is_sent_again_only_if_it_may_be(self, adapter, method, pieces, again):
        def script(connection):
            connection.request()
            connection.send(scripts.response())
            connection.reader.exactly(min(size, 150_000))
            connection.reset()

        size = sum(map(len, pieces))
        with ScriptedServer(script) as server:
            assert stream(adapter, server, streamed(b"x", length=1)).status_code == 200
            body = streamed(*pieces, *[b""] * 100_000, length=size, ends=again)
            if again:
                body = streamed(*pieces, length=size)
                assert stream(adapter, server, body, method).status_code == 200
                assert server.requests[-1].body == b"".join(pieces)
            else:
                with pytest.raises(UpstreamReset):
                    stream(adapter, server, body, method)
            assert server.connections == (2 if again else 1)

    def test_waits_no_longer_for_an_upstream_that_takes_nothing(self, adapter):
        with ScriptedServer(lambda connection: connection.pause(30)) as server, pytest.raises(UpstreamTimeout):
            stream(adapter, server, streamed(*[bytes(65_536)] * 1000, length=65_536_000), timeouts=HASTY)

    def test_is_timed_from_its_last_byte(self, adapter):
        with ScriptedServer(scripts.answer()) as server:
            body = streamed(b"ab", length=2)
            request = WireRequest("POST", f"{server.url}/", "/", [("Host", "a"), ("Content-Length", "2")], body)
            request.timed = True
            began = time.perf_counter()
            response = adapter.send(request, stream=True, timeout=PATIENT)
            assert 0 < response.raw.head_seconds <= time.perf_counter() - body.read_at
            assert body.read_at > began
