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
from tests.support.standing import Standing
from tests.support.tee import Tee
from tests.support.wire import Answer

pytestmark = pytest.mark.integration

MIB = 1 << 20
ZIPPED = gzip.compress(b"a text that would be longer unzipped " * 20, mtime=0)


def through(standing: Standing, raw: bytes, method: str = "GET") -> Answer:
    """What a client gets for a request that A answers with these bytes."""
    with standing.alone(answer(raw)) as (tee, a), RawClient(tee.port) as client:
        client.send(request_bytes(method))
        got = client.answer(method)
        assert [request.method for request in a.requests] == [method]
        return got


def test_a_head_answer_keeps_the_length_of_the_body_it_stands_for(standing: Standing) -> None:
    got = through(standing, response(body=None, headers=[("Content-Length", "1234"), ("ETag", '"x"')]), "HEAD")
    assert (got.status, got.values("Content-Length"), got.value("ETag")) == (200, ["1234"], '"x"')


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_that_has_no_body_stays_without(standing: Standing, status: str) -> None:
    got = through(standing, response(status, body=None, headers=[("ETag", '"x"')]))
    assert f"{got.status} {got.reason}" == status
    assert got.value("ETag") == '"x"'
    assert got.values("Transfer-Encoding") == []


HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x.css>; rel=preload\r\nConnection: X\r\nX: 1\r\n\r\n"


def test_interim_answers_arrive_before_the_final_one(standing: Standing) -> None:
    raw = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + HINTS + response(body=b"the final one")
    got = through(standing, raw)
    assert (got.status, got.body) == (200, b"the final one")
    assert got.interim == ("HTTP/1.1 102 Processing", "HTTP/1.1 103 Early Hints")


def test_an_interim_answer_arrives_while_a_still_works(standing: Standing) -> None:
    seen = threading.Event()

    def late(connection: Connection) -> None:
        assert connection.request() is not None
        connection.send(HINTS)
        connection.wait_for(seen)
        connection.send(response())

    with standing.alone(late) as (tee, _), RawClient(tee.port) as client:
        client.send(request_bytes())
        assert client.reader.head() == ("HTTP/1.1 103 Early Hints", [("Link", "</x.css>; rel=preload")])
        seen.set()
        assert client.answer().body == b"ok"


def test_a_client_of_http_1_0_gets_no_interim_answer_and_no_clone_passes_any_on() -> None:
    with (
        ScriptedServer(answer(HINTS + response())) as a,
        ScriptedServer(answer(HINTS * 2 + response(body=b"of B"))) as b,
        Tee("-a", a.url, "-b", b.url) as tee,
    ):
        with RawClient(tee.port) as client:
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            got = client.answer()
            assert (got.interim, got.status, got.body) == ((), 200, b"ok")
        with RawClient(tee.port) as client:
            assert [client.ask().interim for _ in range(3)] == [("HTTP/1.1 103 Early Hints",)] * 3
        assert tee.settled(4)[0].delivered == 4


def test_a_client_that_leaves_between_interim_answers_costs_a_no_error() -> None:
    left = threading.Event()

    def late(connection: Connection) -> None:
        while connection.request() is not None:
            connection.send(HINTS)
            connection.wait_for(left)
            connection.send(HINTS * 3 + response())

    with ScriptedServer(late) as a, ScriptedServer(answer()) as b, Tee("-a", a.url, "-b", b.url) as tee:
        with RawClient(tee.port) as client:
            client.send(request_bytes())
            client.reader.head()
        left.set()
        b.wait_for_requests(1)
        with RawClient(tee.port) as client:
            assert client.ask().status == 200
        tee.settled(2)


EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"


@pytest.mark.parametrize(
    ("method", "raw", "body"),
    [
        ("GET", chunked_response(b"one", b"two"), b"onetwo"),
        ("GET", response(body=b"one"), b"one"),
        ("GET", response("304 Not Modified", body=None), b""),
        ("HEAD", response(body=None, headers=[("Content-Length", "3")]), b""),
    ],
    ids=["chunks", "a length", "304", "HEAD"],
)
def test_an_answer_behind_an_answer_reaches_nobody(standing: Standing, method: str, raw: bytes, body: bytes) -> None:
    with standing.alone(answer(raw + EVIL)) as (tee, a), RawClient(tee.port) as client:
        for _ in range(3):
            got = client.ask(method)
            assert got.body == body
            assert b"evil" not in got.raw
        assert a.connections == 3


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        (b"HTTP/1.1 200 OK\r\nX-a : b\r\nContent-Length\t: 2\r\n\r\nok", [("X-a", "b"), ("Content-Length", "2")]),
        (b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok", [("X", "a b"), ("Content-Length", "2")]),
        (b"HTTP/1.1 200 OK\nX: a\nContent-Length: 2\n\nok", [("X", "a"), ("Content-Length", "2")]),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nX: a\r\n\r\nok", [("Content-Length", "2"), ("X", "a")]),
        (
            b"HTTP/1.1 200 OK\r\nX: a\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"ok"),
            [("X", "a"), ("Content-Length", "2")],
        ),
    ],
    ids=["a space", "a fold", "LF", "lengths", "both framings"],
)
def test_an_odd_answer_arrives_mended(standing: Standing, raw: bytes, fields: list[tuple[str, str]]) -> None:
    got = through(standing, raw)
    assert (got.status, got.headers, got.body) == (200, fields, b"ok")


def test_the_limits_of_a_head_are_options() -> None:
    raw = response(headers=[(f"X-{number}", "y") for number in range(1_500)])
    with ScriptedServer(answer(raw)) as a:
        with Tee("-a", a.url) as tee, RawClient(tee.port) as client:
            assert client.ask().value("X-Httptee-Error") == "primary_protocol"
        with Tee("-a", a.url, "-max-response-fields", "2000") as tee, RawClient(tee.port) as client:
            assert len(client.ask().headers) == 1_501
        options = ("-max-response-fields", "2000", "-max-response-header", "4096")
        with Tee("-a", a.url, *options) as tee, RawClient(tee.port) as client:
            assert client.ask().value("X-Httptee-Error") == "primary_protocol"


@pytest.mark.parametrize("framing", [[("Transfer-Encoding", "chunked")], [("Content-Length", "2")], []])
def test_a_head_arrives_before_the_first_byte_of_its_body(standing: Standing, framing: list[tuple[str, str]]) -> None:
    seen = threading.Event()

    def late(connection: Connection) -> None:
        assert connection.request() is not None
        connection.send(response(body=None, headers=framing))
        connection.wait_for(seen)
        connection.send(chunked(b"ok") if framing and framing[0][1] == "chunked" else b"ok")

    with standing.alone(late) as (tee, _), RawClient(tee.port) as client:
        client.send(request_bytes())
        read_until(client, b"\r\n\r\n")
        seen.set()
        read_until(client, b"ok")


def test_an_empty_answer_says_so(standing: Standing) -> None:
    got = through(standing, response(body=b""))
    assert (got.status, got.values("Content-Length"), got.body) == (200, ["0"], b"")


def test_a_chunked_answer_arrives_whole(standing: Standing) -> None:
    assert through(standing, chunked_response(b"one ", b"two ", b"three")).body == b"one two three"


def test_an_answer_that_ends_with_its_connection_arrives_whole(standing: Standing) -> None:
    script = answer_and_close(response(body=None) + b"until the end")
    with standing.alone(script) as (tee, _), RawClient(tee.port) as client:
        assert client.ask().body == b"until the end"


def test_an_http_1_0_answer_arrives_whole(standing: Standing) -> None:
    script = answer_and_close(response(body=None, version="1.0") + b"old")
    with standing.alone(script) as (tee, _), RawClient(tee.port) as client:
        assert client.ask().body == b"old"


def test_two_cookies_stay_two(standing: Standing) -> None:
    cookies = ["a=1; Path=/", "b=2; Expires=Wed, 09 Jun 2027 10:18:14 GMT"]
    got = through(standing, response(headers=[("Set-Cookie", cookie) for cookie in cookies]))
    assert got.values("Set-Cookie") == cookies


@pytest.mark.parametrize(
    "raw",
    [
        response(body=ZIPPED, headers=[("Content-Encoding", "gzip")]),
        chunked_response(ZIPPED[:9], ZIPPED[9:], headers=[("Content-Encoding", "gzip")]),
    ],
    ids=["with a length", "chunked"],
)
def test_a_zipped_body_passes_as_the_bytes_it_is(standing: Standing, raw: bytes) -> None:
    got = through(standing, raw)
    assert (got.value("Content-Encoding"), got.body) == ("gzip", ZIPPED)


def test_a_body_that_only_claims_to_be_zipped_passes_too(standing: Standing) -> None:
    assert through(standing, response(body=b"plain", headers=[("Content-Encoding", "gzip")])).body == b"plain"


@pytest.mark.parametrize("method", ["PROPFIND", "PURGE", "M-SEARCH", "get", "X"])
def test_a_method_nobody_has_heard_of_reaches_a(standing: Standing, method: str) -> None:
    assert through(standing, response(), method).status == 200


@pytest.mark.parametrize("status", ["299 Fine By Me", "418 I'm a teapot", "599 Odd", "200 "])
def test_status_and_reason_are_a_s_own(standing: Standing, status: str) -> None:
    got = through(standing, response(status))
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


def test_the_first_bytes_of_a_body_of_known_length_arrive_before_the_last(standing: Standing) -> None:
    seen = threading.Event()

    def slow(connection: Connection) -> None:
        assert connection.request() is not None
        connection.send(response(body=None, headers=[("Content-Length", "10")]) + b"first")
        connection.wait_for(seen)
        connection.send(b"*last")

    with standing.alone(slow) as (tee, _), RawClient(tee.port) as client:
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
