"""Whatever shape A gives its answer, the client gets that answer: whole, in order, while it is being sent."""

from __future__ import annotations

import gzip
import threading
import time

import pytest

from tests.support.client import RawClient, request_bytes
from tests.support.net import eventually
from tests.support.scripted import Connection, ScriptedServer
from tests.support.scripts import answer, answer_and_close, chunked, chunked_response, large, response
from tests.support.tee import Tee
from tests.support.wire import Answer

pytestmark = pytest.mark.integration

MIB = 1 << 20
ZIPPED = gzip.compress(b"a text that would be longer unzipped " * 20, mtime=0)


def through(raw: bytes, method: str = "GET") -> Answer:
    """What a client gets for a request that A answers with these bytes."""
    with ScriptedServer(answer(raw)) as a, Tee("-a", a.url) as tee, RawClient(tee.port) as client:
        client.send(request_bytes(method))
        got = client.answer(method)
        assert [request.method for request in a.requests] == [method]
        return got


def test_a_head_answer_keeps_the_length_of_the_body_it_stands_for() -> None:
    got = through(response(body=None, headers=[("Content-Length", "1234"), ("ETag", '"x"')]), "HEAD")
    assert (got.status, got.values("Content-Length"), got.value("ETag")) == (200, ["1234"], '"x"')


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_that_has_no_body_stays_without(status: str) -> None:
    got = through(response(status, body=None, headers=[("ETag", '"x"')]))
    assert f"{got.status} {got.reason}" == status
    assert got.value("ETag") == '"x"'
    assert got.values("Transfer-Encoding") == []


def test_an_interim_answer_does_not_stand_for_the_final_one() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x.css>; rel=preload\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    got = through(hints + response(body=b"the final one"))
    assert (got.status, got.body) == (200, b"the final one")


def test_an_empty_answer_says_so() -> None:
    got = through(response(body=b""))
    assert (got.status, got.values("Content-Length"), got.body) == (200, ["0"], b"")


def test_a_chunked_answer_arrives_whole() -> None:
    assert through(chunked_response(b"one ", b"two ", b"three")).body == b"one two three"


def test_an_answer_that_ends_with_its_connection_arrives_whole() -> None:
    script = answer_and_close(response(body=None) + b"until the end")
    with ScriptedServer(script) as a, Tee("-a", a.url) as tee, RawClient(tee.port) as client:
        assert client.ask().body == b"until the end"


def test_an_http_1_0_answer_arrives_whole() -> None:
    script = answer_and_close(response(body=None, version="1.0") + b"old")
    with ScriptedServer(script) as a, Tee("-a", a.url) as tee, RawClient(tee.port) as client:
        assert client.ask().body == b"old"


def test_two_cookies_stay_two() -> None:
    cookies = ["a=1; Path=/", "b=2; Expires=Wed, 09 Jun 2027 10:18:14 GMT"]
    got = through(response(headers=[("Set-Cookie", cookie) for cookie in cookies]))
    assert got.values("Set-Cookie") == cookies


@pytest.mark.parametrize(
    "raw",
    [
        response(body=ZIPPED, headers=[("Content-Encoding", "gzip")]),
        chunked_response(ZIPPED[:9], ZIPPED[9:], headers=[("Content-Encoding", "gzip")]),
    ],
    ids=["with a length", "chunked"],
)
def test_a_zipped_body_passes_as_the_bytes_it_is(raw: bytes) -> None:
    got = through(raw)
    assert (got.value("Content-Encoding"), got.body) == ("gzip", ZIPPED)


def test_a_body_that_only_claims_to_be_zipped_passes_too() -> None:
    assert through(response(body=b"plain", headers=[("Content-Encoding", "gzip")])).body == b"plain"


@pytest.mark.parametrize("method", ["PROPFIND", "PURGE", "M-SEARCH", "get", "X"])
def test_a_method_nobody_has_heard_of_reaches_a(method: str) -> None:
    assert through(response(), method).status == 200


@pytest.mark.parametrize("status", ["299 Fine By Me", "418 I'm a teapot", "599 Odd", "200 "])
def test_status_and_reason_are_a_s_own(status: str) -> None:
    got = through(response(status))
    assert f"{got.status} {got.reason}" == status


def read_until(client: RawClient, mark: bytes) -> None:
    """Read from the connection until these bytes have come."""
    got = b""
    while mark not in got:
        piece = client.reader.some()
        assert piece, f"closed after {got!r}"
        got += piece


def test_the_first_event_arrives_before_a_has_sent_the_last() -> None:
    seen = threading.Event()

    def events(connection: Connection) -> None:
        assert connection.request() is not None
        head = response(body=None, headers=[("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")])
        connection.send(head + chunked(b"data: first\n\n", last=False))
        connection.wait_for(seen)
        connection.send(chunked(b"data: last\n\n"))

    with (
        ScriptedServer(events) as a,
        ScriptedServer(answer()) as b,
        Tee("-a", a.url, "-b", b.url) as tee,
        RawClient(tee.port) as client,
    ):
        client.send(request_bytes())
        read_until(client, b"data: first\n\n")
        b.wait_for_requests()  # a B need not wait for the end of the stream either
        seen.set()
        read_until(client, b"data: last\n\n")


def test_the_first_bytes_of_a_body_of_known_length_arrive_before_the_last() -> None:
    seen = threading.Event()

    def slow(connection: Connection) -> None:
        assert connection.request() is not None
        connection.send(response(body=None, headers=[("Content-Length", "10")]) + b"first")
        connection.wait_for(seen)
        connection.send(b"*last")

    with ScriptedServer(slow) as a, Tee("-a", a.url) as tee, RawClient(tee.port) as client:
        client.send(request_bytes())
        read_until(client, b"first")
        seen.set()
        read_until(client, b"*last")


@pytest.mark.parametrize("reads", ["at once", "late"])
def test_two_hundred_megabytes_leave_its_memory_flat(reads: str) -> None:
    size = 200 * MIB
    with ScriptedServer(large(size)) as a, ScriptedServer(answer()) as b, Tee("-a", a.url, "-b", b.url) as tee:
        with RawClient(tee.port) as client:
            client.ask("HEAD")
        before = tee.program.peak_memory()
        with RawClient(tee.port) as client:
            client.send(request_bytes())
            _, headers = client.reader.head()
            assert ("content-length", str(size)) in [(name.lower(), value) for name, value in headers]
            if reads == "late":
                b.wait_for_requests(1)
                time.sleep(2)  # time enough for a tee without back pressure to swallow all of it
            left = size
            while left:
                data = client.sock.recv(min(left, MIB)) if left < size else client.reader.some()
                assert data, f"the answer broke off {left} bytes before its end"
                left -= len(data)
        grown = tee.program.peak_memory() - before
        assert grown < 32 * MIB, f"{grown / MIB:.0f} MiB more than before"
        eventually(lambda: len(b.requests) == 2, "both clones")
