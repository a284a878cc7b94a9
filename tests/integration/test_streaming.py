"""Uploads go on to A while they arrive: early answers, `Expect: 100-continue`, uploads that break off, and clones."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest

from tests.support import scripts
from tests.support.backend import Backend
from tests.support.client import RawClient, ask, request_bytes
from tests.support.net import eventually, refusing_port
from tests.support.scripted import Connection, ScriptedServer
from tests.support.standing import Standing
from tests.support.tee import Tee
from tests.support.wire import Reader

pytestmark = pytest.mark.integration

KIB, MIB, GIB = 1024, 1024**2, 1024**3
CONTINUE = ("Expect", "100-continue")


def head(*fields: tuple[str, str], method: str = "POST") -> bytes:
    """A request without its body."""
    return request_bytes(method, "/upload", [("Host", "h"), *fields])


def announced(length: int, *fields: tuple[str, str], method: str = "POST") -> bytes:
    return head(("Content-Length", str(length)), *fields, method=method)


def chunks(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


CHUNKED = head(("Transfer-Encoding", "chunked"))


class Watching:
    """An A that reads what comes, remembers it, and answers as it is told."""

    def __init__(self, answer: bytes = scripts.response(), *, at_head: bool = False) -> None:
        self.received = bytearray()
        self.broken = threading.Event()
        self.fields: dict[str, str] = {}
        self._answer, self._at_head = answer, at_head

    def __call__(self, connection: Connection) -> None:
        _, headers = connection.reader.head()
        self.fields = dict(headers)
        if self._at_head:
            connection.send(self._answer)
        try:
            while self._at_head or not self.whole(headers):
                data = connection.reader.some()
                if not data:
                    break
                self.received += data
            else:
                connection.send(self._answer)
                return
        except OSError:
            pass
        self.broken.set()

    def whole(self, headers: list[tuple[str, str]]) -> bool:
        fields = {name.lower(): value for name, value in headers}
        if "content-length" in fields:
            return len(self.received) >= int(fields["content-length"])
        return self.received.endswith(b"0\r\n\r\n")


def test_the_start_of_an_upload_is_at_a_before_its_end_was_sent(standing: Standing) -> None:
    watching = Watching()
    with standing.alone(watching) as (tee, _), RawClient(tee.port) as client:
        client.send(announced(MIB))
        eventually(lambda: bool(watching.fields), "the head at A")
        client.send(b"first")
        eventually(lambda: watching.received == b"first", "the first bytes at A")
        client.send(bytes(MIB - 5))
        assert client.answer("POST").status == 200
        assert len(watching.received) == MIB
        assert watching.fields["Content-Length"] == str(MIB)
        assert "Transfer-Encoding" not in watching.fields


def test_a_chunked_upload_goes_on_once_it_is_over_the_limit_and_stays_chunked(standing: Standing) -> None:
    watching = Watching()
    with standing.alone(watching) as (tee, _), RawClient(tee.port) as client:
        client.send(CHUNKED + chunks(bytes(60 * KIB)))
        client.send(chunks(b"x" * 10 * KIB))
        eventually(lambda: b"x" in watching.received, "the start at A")
        client.send(chunks(b"y", b"z") + b"0\r\n\r\n")
        assert client.answer("POST").status == 200
        fields = watching.fields
        assert (fields.get("Transfer-Encoding"), fields.get("Content-Length")) == ("chunked", None)
        assert client.ask("POST", body=b"").status  # the connection goes on


def test_one_connection_carries_uploads_of_all_kinds_byte_for_byte() -> None:
    with Backend() as a, Backend() as b, Tee("-a", a.url, "-b", b.url, "-b.max-body", str(2 * MIB)) as tee:
        bodies = [bytes([number]) * size for number, size in enumerate((10, 64 * KIB + 1, MIB, 3, 300 * KIB))]
        with RawClient(tee.port) as client:
            for body in bodies:
                client.send(announced(len(body)) + body)
                assert client.answer("POST").status == 200
                client.send(CHUNKED + chunks(body[: len(body) // 2], body[len(body) // 2 :]) + b"0\r\n\r\n")
                assert client.answer("POST").status == 200
        twice = [body for body in bodies for _ in range(2)]
        assert [request.body for request in a.requests] == twice
        tee.settled(len(twice))
        assert sorted(request.body for request in b.requests) == sorted(twice)
        assert all(request.value("Transfer-Encoding") is None for request in b.requests)
        assert {request.value("Content-Length") for request in b.requests} == {str(len(body)) for body in bodies}


def test_requests_behind_an_upload_on_the_same_connection_are_answered(standing: Standing) -> None:
    with standing.alone(scripts.answer()) as (tee, a), RawClient(tee.port) as client:
        body = bytes(200 * KIB)
        client.send(announced(len(body)) + body + request_bytes(target="/next") + request_bytes(target="/last"))
        assert [client.answer(method).status for method in ("POST", "GET", "GET")] == [200, 200, 200]
        assert [request.target for request in a.requests] == ["/upload", "/next", "/last"]


@pytest.mark.parametrize("status", ["303 See Other", "401 Unauthorized", "413 Content Too Large"])
def test_an_early_answer_of_a_ends_the_upload_and_the_connection(standing: Standing, status: str) -> None:
    early = Watching(scripts.response(status, headers=[("Location", "/login")]), at_head=True)
    with standing.alone(early) as (tee, _), RawClient(tee.port) as client:
        client.send(announced(GIB) + bytes(1000))
        answer = client.answer("POST")
        assert f"{answer.status} {answer.reason}" == status
        assert (answer.value("Location"), answer.value("Connection")) == ("/login", "close")
        with contextlib.suppress(ConnectionError):
            for _ in range(64):
                client.send(bytes(MIB))
        assert client.at_end()
        assert early.broken.wait(10)
        assert len(early.received) < 16 * MIB


def test_a_client_that_sends_all_before_it_reads_still_gets_the_early_answer(standing: Standing) -> None:
    early = Watching(scripts.response("401 Unauthorized"), at_head=True)
    with standing.alone(early) as (tee, _), RawClient(tee.port) as client:
        client.send(announced(8 * MIB) + bytes(8 * MIB))
        assert client.answer("POST").status == 401


def test_an_early_answer_of_success_waits_for_the_rest_of_the_body(standing: Standing) -> None:
    started = threading.Event()

    def script(connection: Connection) -> None:
        connection.reader.head()
        connection.send(scripts.response(body=None, headers=[("Content-Length", "4")]) + b"do")
        started.set()
        connection.reader.exactly(MIB)
        connection.send(b"ne")

    with standing.alone(script) as (tee, _), RawClient(tee.port) as client:
        client.send(announced(MIB))
        assert started.wait(10)
        client.send(bytes(MIB))
        answer = client.answer("POST")
        assert (answer.status, answer.body) == (200, b"done")


def test_a_decides_about_an_expectation_and_its_100_reaches_the_client(standing: Standing) -> None:
    go = threading.Event()

    def script(connection: Connection) -> None:
        connection.head()
        connection.wait_for(go)
        connection.send(b"HTTP/1.1 100 Continue\r\nX-Note: a\r\n\r\n")
        connection.reader.exactly(MIB)
        connection.send(scripts.response())

    with standing.alone(script) as (tee, a), RawClient(tee.port) as client:
        client.send(announced(MIB, CONTINUE))
        (request,) = a.wait_for_requests()
        assert request.value("Expect") == "100-continue"
        go.set()
        reader = Reader(client.sock)
        assert reader.head()[0] == "HTTP/1.1 100 Continue"
        client.send(bytes(MIB))
        assert reader.answer("POST").status == 200


@pytest.mark.parametrize("framing", [("Content-Length", str(GIB)), ("Transfer-Encoding", "chunked")])
def test_a_refuses_an_expectation_before_a_byte_of_the_body(standing: Standing, framing: tuple[str, str]) -> None:
    with standing.alone(scripts.early(scripts.response("403 Forbidden"))) as (tee, a):
        with RawClient(tee.port) as client:
            client.send(head(framing, CONTINUE, method="PUT"))
            answer = client.answer("PUT")
            assert (answer.status, answer.value("Connection")) == (403, "close")
            assert client.at_end()
        assert a.requests[0].value("Expect") == "100-continue"


def test_the_tee_encourages_a_client_if_a_does_not_know_expectations() -> None:
    with Backend() as a, Backend() as b, Tee("-a", a.url, "-b", b.url) as tee, RawClient(tee.port) as client:
        client.send(announced(100 * KIB, CONTINUE))
        reader = Reader(client.sock)
        assert reader.head()[0] == "HTTP/1.1 100 Continue"
        client.send(bytes(100 * KIB))
        assert reader.answer("POST").status == 200
        tee.settled(1)
        assert (a.requests[0].value("Expect"), b.requests[0].value("Expect")) == ("100-continue", None)


def test_a_small_body_with_an_expectation_is_read_first(standing: Standing) -> None:
    with standing.alone(scripts.answer()) as (tee, a), RawClient(tee.port) as client:
        client.send(announced(10, CONTINUE))
        reader = Reader(client.sock)
        assert reader.head()[0] == "HTTP/1.1 100 Continue"
        assert a.requests == []
        client.send(bytes(10))
        assert reader.answer("POST").status == 200
        assert a.requests[0].value("Expect") is None


def test_a_client_that_goes_in_the_middle_ends_the_exchange_and_is_counted(tmp_path: Path) -> None:
    watching, record = Watching(), tmp_path / "access.log"
    with (
        ScriptedServer(watching) as a,
        Backend() as b,
        Tee("-a", a.url, "-b", b.url, "-access-log", str(record)) as tee,
    ):
        with RawClient(tee.port) as client:
            client.send(announced(MIB) + b"abc")
            eventually(lambda: watching.received == b"abc", "the start at A")
        assert watching.broken.wait(10)
        eventually(lambda: " 499 " in record.read_text(), "the record")
        (ledger,) = tee.settled(1)
        assert (ledger.dropped, b.requests) == (1, [])
        assert "incomplete=1" in tee.program.output


@pytest.mark.parametrize(
    ("start", "rest", "status", "reason"),
    [
        (CHUNKED + chunks(bytes(70 * KIB)), b"zz\r\n", 400, "bad_request"),
        (CHUNKED + chunks(bytes(70 * KIB)), chunks(bytes(200 * KIB)), 413, "body_too_large"),
    ],
)
def test_a_body_that_breaks_a_rule_is_refused_and_never_whole_at_a(
    start: bytes, rest: bytes, status: int, reason: str
) -> None:
    watching = Watching()
    with (
        ScriptedServer(watching) as a,
        Backend() as b,
        Tee("-a", a.url, "-b", b.url, "-max-request-body", str(200 * KIB)) as tee,
        RawClient(tee.port) as client,
    ):
        client.send(start)
        eventually(lambda: len(watching.received) > 70 * KIB, "the start at A")
        client.send(rest)
        answer = client.answer("POST")
        assert (answer.status, answer.value("X-Httptee-Error")) == (status, reason)
        assert answer.value("Connection") == "close"
        assert watching.broken.wait(10)
        assert not watching.received.endswith(b"0\r\n\r\n")
        assert tee.ledger().seen == 0


def test_a_client_that_is_too_slow_gets_408_and_a_is_cut() -> None:
    watching = Watching()
    with ScriptedServer(watching) as a, Tee("-a", a.url, "-client-timeout", "1000") as tee:
        with RawClient(tee.port) as client:
            client.send(announced(MIB) + b"abc")
            answer = client.answer("POST")
            assert (answer.status, answer.value("X-Httptee-Error")) == (408, "request_timeout")
        assert watching.broken.wait(10)


def test_a_that_goes_in_the_middle_gives_502_at_once(standing: Standing) -> None:
    def script(connection: Connection) -> None:
        connection.head()
        connection.reset()

    with standing.alone(script) as (tee, a), RawClient(tee.port) as client:
        client.send(announced(MIB) + b"abc")
        answer = client.answer("POST")
        assert (answer.status, answer.value("X-Httptee-Error")) == (502, "primary_reset")
        assert len(a.requests) == 1


def test_502_at_once_where_a_cannot_be_reached_and_no_b_gets_the_clone() -> None:
    with refusing_port() as port, Backend() as b, Tee("-a", f"127.0.0.1:{port}", "-b", b.url) as tee:
        with RawClient(tee.port) as client:
            client.send(announced(MIB))
            answer = client.answer("POST")
            assert (answer.status, answer.value("X-Httptee-Error")) == (502, "primary_connect")
        tee.settled(1)
        assert "primary_failed=1" in tee.program.output


def test_a_b_that_gets_what_a_did_not_get_still_gets_uploads() -> None:
    with (
        refusing_port() as port,
        Backend() as b,
        Tee("-a", f"127.0.0.1:{port}", "-b", b.url, "-b.when-a-fails", "send") as tee,
    ):
        assert ask(tee.port, "POST", body=bytes(MIB)).status == 502
        tee.settled(1)
        assert [len(request.body) for request in b.requests] == [MIB]


@pytest.mark.parametrize(("method", "times"), [("PUT", 2), ("POST", 1)])
def test_a_kept_connection_that_a_closes_is_replaced_only_for_what_may_be_repeated(method: str, times: int) -> None:
    """A closes a kept connection just as the upload begins: it has read a part of it."""
    met = []

    def script(connection: Connection) -> None:
        while True:
            start, headers = connection.reader.head()
            if "upload" in start:
                met.append(start)
                if len(met) == 1:
                    connection.reset()
                    return
                connection.reader.exactly(int(dict(headers)["Content-Length"]))
            connection.send(scripts.response())

    with ScriptedServer(script) as a, Tee("-a", a.url, "-processes", "1") as tee:
        assert ask(tee.port).status == 200
        with RawClient(tee.port) as client:
            client.send(announced(100 * KIB, method=method))
            client.send(bytes(100 * KIB))
            status = client.answer(method).status
        assert (status, len(met)) == (200 if times == 2 else 502, times)
        assert a.connections == times


def test_clones_of_uploads_are_dropped_where_they_are_too_large_or_over_the_budget() -> None:
    with Backend() as a, Backend() as b:
        options = ("-b.max-body", str(MIB), "-b.max-bytes", str(512 * KIB), "-processes", "1")
        with Tee("-a", a.url, "-b", b.url, *options) as tee:
            for size in (100 * KIB, 700 * KIB, 2 * MIB):
                assert ask(tee.port, "POST", body=bytes(size)).status == 200
                chunked = [("Transfer-Encoding", "chunked")]
                assert ask(tee.port, "POST", headers=chunked, body=chunks(bytes(size)) + b"0\r\n\r\n").status == 200
            (ledger,) = tee.settled(6)
            assert (ledger.delivered, ledger.dropped) == (2, 4)
            assert "too_large=2" in tee.program.output
            assert "over_budget=2" in tee.program.output
            assert [len(request.body) for request in b.requests] == [100 * KIB] * 2
            assert ask(tee.port, "POST", body=bytes(100 * KIB)).status == 200  # what was reserved is free again
            tee.settled(7)
            assert len(b.requests) == 3


def test_memory_stays_flat_and_the_disk_is_not_needed(tmp_path: Path) -> None:

    def script(connection: Connection) -> None:
        connection.reader.head()
        left = 256 * MIB - len(connection.reader.some())
        while left > 0 and (data := connection.sock.recv(MIB)):
            left -= len(data)
        connection.send(scripts.response())

    missing = tmp_path / "gone"
    with ScriptedServer(script) as a, Tee("-a", a.url, "-processes", "1", env={"TMPDIR": str(missing)}) as tee:
        with RawClient(tee.port) as client:
            client.send(announced(256 * MIB))
            client.send(bytes(MIB))
            before = tee.program.peak_memory()
            for _ in range(255):
                client.send(bytes(MIB))
            assert client.answer("POST").status == 200
        assert tee.program.peak_memory() - before < 8 * MIB


def test_slow_uploads_leave_threads_to_others_and_those_beyond_are_read_first() -> None:
    with (
        Backend() as a,
        Tee("-a", a.url, "-processes", "1", "-threads", "4") as tee,
        contextlib.ExitStack() as stack,
    ):
        slow = [stack.enter_context(RawClient(tee.port)) for _ in range(8)]
        for client in slow:
            client.send(announced(100 * KIB))
        eventually(lambda: a.open_connections == 1, "the only upload that is passed on")
        for _ in range(20):
            assert ask(tee.port).status == 200
        for client in slow:
            client.send(bytes(100 * KIB))
        assert {client.answer("POST").status for client in slow} == {200}


def test_a_drain_cuts_an_upload_that_does_not_end() -> None:
    watching = Watching()
    with ScriptedServer(watching) as a, Tee("-a", a.url, "-drain-timeout", "500") as tee:
        with RawClient(tee.port) as client:
            client.send(announced(MIB) + b"abc")
            eventually(lambda: watching.received == b"abc", "the start at A")
            tee.stop()
            with pytest.raises(ConnectionError):
                assert client.sock.recv(1) == b"never"
        assert watching.broken.wait(10)


def test_without_streaming_a_body_is_read_before_a_is_asked() -> None:
    with Backend() as a, Tee("-a", a.url, "-a.stream-from", "0") as tee, RawClient(tee.port) as client:
        client.send(announced(MIB) + bytes(MIB - 1))
        assert ask(tee.port).status == 200
        assert [request.method for request in a.requests] == ["GET"]
        client.send(b"x")
        assert client.answer("POST").status == 200
