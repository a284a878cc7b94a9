"""Request bodies, and answers that come before their end."""

from __future__ import annotations

import errno
import io
import os
import tempfile
import time

import pytest

from httptee.errors import BodyStorage, UpstreamReset, UpstreamTimeout
from httptee.http.message import FileBody
from tests.support import scripts
from tests.support.scripted import ScriptedServer

from .exchange import HASTY, fetch, send


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
