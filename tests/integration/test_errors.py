"""What a client gets where A fails it, or where the request itself is at fault: never a 200 that A did not send."""

from __future__ import annotations

import http.client
import time
from email.utils import parsedate_to_datetime

import pytest
import requests

from tests.support import scripts
from tests.support.backend import Backend
from tests.support.client import RawClient, ask, library_connection, request_bytes, send_raw
from tests.support.net import free_port, refusing_port, unaccepting_port
from tests.support.scripted import Script, ScriptedServer, address
from tests.support.scripts import chunked_response, response
from tests.support.standing import Standing
from tests.support.tee import Tee
from tests.support.wire import Answer

pytestmark = pytest.mark.integration


def assert_error(answer: Answer | None, status: int, reason: str) -> None:
    """The tee's own answer: the status, one line of text, the reason in its header."""
    assert answer is not None, "closed without an answer"
    assert answer.status == status
    assert answer.value("X-Httptee-Error") == reason
    assert (answer.value("Content-Type") or "").startswith("text/plain")
    assert [parsedate_to_datetime(date).tzname() for date in answer.values("Date")] == ["UTC"]
    assert len(answer.body.decode().strip().splitlines()) == 1


def test_502_where_a_refuses_the_connection() -> None:
    with refusing_port() as port, Backend() as b, Tee("-a", f"http://127.0.0.1:{port}", "-b", b.url) as tee:
        for method in ("GET", "POST", "DELETE"):
            assert_error(ask(tee.port, method, body=b"x"), 502, "primary_connect")


def test_502_where_the_name_of_a_does_not_resolve() -> None:
    with Tee("-a", "http://nowhere.invalid:80", env={"RES_OPTIONS": "timeout:1 attempts:1"}) as tee:
        assert_error(ask(tee.port), 502, "primary_connect")


NONSENSE = {
    "no HTTP at all": scripts.GARBAGE,
    "another protocol": b"220 mail.example ESMTP\r\n",
    "a status that is none": b"HTTP/1.1 abc Hello\r\n\r\n",
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nxx",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "a header without a colon": b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\nxx",
    "a header that never ends": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 2_000_000,
}


@pytest.mark.parametrize("raw", NONSENSE.values(), ids=NONSENSE)
def test_502_where_a_sends(standing: Standing, raw: bytes) -> None:
    with standing.alone(scripts.garbage(raw)) as (tee, _):
        assert_error(ask(tee.port), 502, "primary_protocol")


@pytest.mark.parametrize(
    "script",
    [scripts.answer_and_close(b""), scripts.reset_after(), scripts.answer_and_close(b"HTTP/1.1 200 OK\r\nX-")],
    ids=["closes", "resets", "closes in mid header"],
)
def test_502_where_a_leaves_without_an_answer(standing: Standing, script: Script) -> None:
    with standing.alone(script) as (tee, _):
        assert_error(ask(tee.port, "POST", body=b"x"), 502, "primary_reset")


INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    "script",
    [scripts.blackhole(), scripts.trickle(response()), scripts.trickle(INTERIM * 1000, size=len(INTERIM))],
    ids=["silent", "trickling its headers", "sending interim answers for ever"],
)
def test_504_where_a_misses_its_timeout(standing: Standing, script: Script) -> None:
    with standing.alone(script, "-a.timeout", "400") as (tee, _):
        started = time.monotonic()
        answer = ask(tee.port)
        assert time.monotonic() - started >= 0.4
        assert_error(answer, 504, "primary_timeout")


def test_504_where_a_does_not_accept() -> None:
    with unaccepting_port() as port, Tee("-a", f"http://127.0.0.1:{port}", "-a.timeout", "400") as tee:
        started = time.monotonic()
        answer = ask(tee.port)
        assert time.monotonic() - started >= 0.4
        assert_error(answer, 504, "primary_timeout")


BIG = b"x" * 3_000_000
CUTS = {
    "a small Content-Length body": response(body=b"x" * 1000)[:-1],
    "a large Content-Length body": response(body=BIG)[:-1],
    "a chunked body between chunks": chunked_response(b"one", b"two", last=False),
    "a chunked body in a chunk": chunked_response(b"one", b"two", last=False)[:-4],
    "a large chunked body": chunked_response(BIG, BIG, last=False),
}


def assert_breaks_off(port: int) -> None:
    """Python's own client reports that the answer is not whole."""
    connection = library_connection(port)
    try:
        connection.request("GET", "/")
        with connection.getresponse() as broken, pytest.raises((http.client.HTTPException, ConnectionError)):
            broken.read()
    finally:
        connection.close()


@pytest.mark.parametrize("how", ["closing", "resetting"])
@pytest.mark.parametrize("raw", CUTS.values(), ids=CUTS)
def test_the_clients_library_reports_a_broken_answer_where_a_cuts(standing: Standing, raw: bytes, how: str) -> None:
    script = scripts.answer_and_close(raw) if how == "closing" else scripts.reset_after(raw)
    with standing.between(script, scripts.answer()) as (tee, _, _):
        before = tee.ledger().seen
        assert_breaks_off(tee.port)
        with requests.Session() as session:
            session.verify = tee.authority or True
            session.trust_env = False
            with pytest.raises(requests.RequestException):
                session.get(f"{tee.url}/", timeout=30)
        tee.settled(before + 2)


def test_an_answer_without_a_length_that_a_resets_is_reported_as_broken(standing: Standing) -> None:
    script = scripts.reset_after(response(body=None) + b"the beginning")
    with standing.alone(script) as (tee, _):
        assert_breaks_off(tee.port)


def test_501_for_connect(standing: Standing) -> None:
    with standing.between(scripts.answer(), scripts.answer()) as (tee, a, b):
        connect = b"CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\n\r\n"
        assert_error(send_raw(tee.port, connect), 501, "connect_not_supported")
        assert a.requests == b.requests == []


def test_a_request_that_may_go_no_further_is_answered_and_its_connection_kept() -> None:
    with Backend() as a, Backend() as b, Tee("-a", a.url, "-b", b.url) as tee, RawClient(tee.port) as client:
        trace = b"TRACE /x HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n%b\r\n"
        client.send(trace % b"Cookie: secret\r\n")
        answer = client.answer("TRACE")
        assert (answer.status, answer.value("Content-Type"), answer.body) == (200, "message/http", trace % b"")
        client.send(b"OPTIONS * HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n\r\n")
        answer = client.answer("OPTIONS")
        assert (answer.status, answer.value("Content-Length"), answer.body) == (200, "0", b"")
        assert a.requests == b.requests == []
        client.send(b"OPTIONS * HTTP/1.1\r\nHost: h\r\nMax-Forwards: 1\r\n\r\n")
        assert client.answer("OPTIONS").status == 200
        assert a.requests[0].value("Max-Forwards") == "0"
        assert tee.settled(1)[0].seen == 1


def test_508_where_a_is_the_tee_itself() -> None:
    port = free_port()
    with Tee("-a", address(port), "-allow-same", listen=f"127.0.0.1:{port}") as tee:
        assert_error(ask(tee.port), 508, "loop")


def test_508_where_a_leads_back_through_another_tee() -> None:
    first, second = free_port(), free_port()
    to_second, to_first = address(second), address(first)
    with Tee("-a", to_second, listen=f"127.0.0.1:{first}"), Tee("-a", to_first, listen=f"127.0.0.1:{second}"):
        assert_error(ask(first), 508, "loop")


def test_two_tees_in_a_row_are_no_loop() -> None:
    with Backend() as a, Tee("-a", a.url) as inner, Tee("-a", inner.url) as outer:
        assert ask(outer.port).status == 200


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_413_for_a_body_over_the_limit(standing: Standing, framing: str) -> None:
    with standing.between(scripts.answer(), scripts.answer(), "--max-request-body", "1000") as (tee, a, b):
        if framing == "length":
            over = request_bytes("POST", body=b"x" * 1001)
        else:
            over = request_bytes("POST", headers=[("Transfer-Encoding", "chunked")], body=scripts.chunked(b"x" * 1001))
        answer = send_raw(tee.port, over)
        assert answer is not None
        assert answer.status == 413
        assert answer.value("X-Httptee-Error") == "body_too_large"
        assert a.requests == b.requests == []
        assert ask(tee.port, "POST", body=b"x" * 1000).status == 200
        b.wait_for_requests()


def test_a_client_that_leaves_in_mid_request_is_nobodys_problem() -> None:
    with Backend() as a, Backend() as b, Tee("-a", a.url, "-b", b.url) as tee:
        for part in (b"", b"GET", b"GET / HTTP/1.1\r\nHost:", request_bytes("POST", body=b"x" * 100)[:-1]):
            with RawClient(tee.port) as client:
                client.send(part)
        assert ask(tee.port).status == 200
        assert len(a.requests) == 1


def test_a_client_that_leaves_in_mid_answer_is_nobodys_problem() -> None:
    with ScriptedServer(scripts.large(50_000_000)) as a, Backend() as b, Tee("-a", a.url, "-b", b.url) as tee:
        for _ in range(5):
            with RawClient(tee.port) as client:
                client.send(request_bytes())
                client.reader.head()
        assert ask(tee.port, "HEAD").status == 200
        assert tee.settled(6)[0].seen == 6
