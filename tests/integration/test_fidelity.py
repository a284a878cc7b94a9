"""Byte for byte: the target, headers and framing that reach A are the client's, and those that return are A's."""

from __future__ import annotations

import pytest

from tests.support.backend import Backend
from tests.support.client import RawClient, request_bytes
from tests.support.scripted import ScriptedServer
from tests.support.scripts import answer, chunked_response, response, serve
from tests.support.standing import Standing
from tests.support.tee import Tee
from tests.support.wire import Answer, Headers, Request

pytestmark = pytest.mark.integration

LOST: dict[str, str] = {}
"""Cases this version is known to lose, by their id, each with its reason. They are expected to fail: one that passes
is a failure, so this table can only shrink."""


def cases(table: dict[str, object]) -> list[object]:
    """The parameters of a test, by id; those in LOST are marked as expected failures."""
    return [
        pytest.param(value, id=name, marks=[pytest.mark.xfail(strict=True, reason=LOST[name])] if name in LOST else [])
        for name, value in table.items()
    ]


HOP_BY_HOP = {"connection", "keep-alive", "via"}


def end_to_end(headers: Headers) -> Headers:
    """The pairs which a tee has to leave alone, without what it may add."""
    return [(name, value) for name, value in headers if name.lower() not in HOP_BY_HOP]


def exchange(
    standing: Standing, sent: bytes, answered: bytes | None = None, method: str = "GET"
) -> tuple[Request, Request, Answer]:
    """Send raw bytes through a tee: what A received, what B received, what the client got back."""
    with standing.between(answer(answered), answer()) as (tee, a, b), RawClient(tee.port) as client:
        client.send(sent)
        got = client.answer(method)
        assert a.requests, f"{got.start} came from the tee, not from A: {got.body!r}"
        return a.requests[0], b.wait_for_requests()[0], got


TARGETS = {
    "a plain path": "/a/b?c=d&e=f",
    "an escaped slash": "/a%2Fb",
    "an escaped tilde": "/%7Ex",
    "two slashes first": "//x",
    "slashes in a row": "/a//b///",
    "a bare question mark": "/?",
    "two question marks": "/a??b?",
    "a broken escape": "/%zz",
    "dots": "/a/../b/./c",
    "dots above the root": "/../../x",
    "tilde and bar": "/~x|y",
    "brackets and braces": "/[a]{b}?[]={}",
    "quotes and backslash": '/"a"\\\'b`^',
    "lower case escapes": "/%c3%a9",
    "plus and semicolon": "/a+b;c=d?e+f",
    "a colon": "/a:b@c",
    "bytes beyond ASCII": "/\xc3\xa9",
    "the asterisk": "*",
}


@pytest.mark.parametrize("target", cases(dict(TARGETS)))
def test_the_request_target_arrives_byte_for_byte_with(standing: Standing, target: str) -> None:
    method = "OPTIONS" if target == "*" else "GET"
    at_a, at_b, _ = exchange(standing, request_bytes(method, target), method=method)
    assert (at_a.target, at_b.target) == (target, target)


@pytest.mark.parametrize("target", cases({"absolute form": "http://example.test/a%2Fb/../c?"}))
def test_the_path_of_a_target_is_kept_in(standing: Standing, target: str) -> None:
    at_a, at_b, _ = exchange(standing, request_bytes("GET", target, [("Host", "example.test")]))
    for request in (at_a, at_b):
        assert request.target in (target, "/a%2Fb/../c?")
        assert request.values("Host") == ["example.test"]


OTHER_FORMS = {
    "an absolute target": (b"GET http://shop.test:81/x?y HTTP/1.1\r\nHost: other.test\r\n\r\n", "/x?y", "shop.test:81"),
    "an old absolute target": (b"GET http://shop.test/x HTTP/1.0\r\n\r\n", "/x", "shop.test"),
    "OPTIONS of a server": (b"OPTIONS http://shop.test HTTP/1.1\r\nHost: shop.test\r\n\r\n", "*", "shop.test"),
    "an old request without Host": (b"GET /x HTTP/1.0\r\n\r\n", "/x", ""),
    "a request with an empty Host": (b"GET /x HTTP/1.1\r\nHost:\r\n\r\n", "/x", ""),
    "a later minor version": (b"GET /x HTTP/1.7\r\nHost: h\r\n\r\n", "/x", "h"),
}


@pytest.mark.parametrize("made", cases(dict(OTHER_FORMS)))
def test_a_and_b_get_the_target_of_an_origin_server_and_its_host_from(
    standing: Standing, made: tuple[bytes, str, str]
) -> None:
    sent, target, host = made
    at_a, at_b, _ = exchange(standing, sent)
    for request in (at_a, at_b):
        assert (request.target, request.values("Host")) == (target, [host])
        assert request.start.endswith(" HTTP/1.1")


@pytest.mark.parametrize(
    "sent",
    cases(
        {
            "an empty chunked body": b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "an empty chunked body with a trailer": b"Transfer-Encoding: chunked\r\n\r\n00;x\r\nA: b\r\n\r\n",
            "an empty body with a length": b"Content-Length: 0\r\n\r\n",
        }
    ),
)
def test_a_and_b_are_told_the_length_of(standing: Standing, sent: bytes) -> None:
    at_a, at_b, _ = exchange(standing, b"PUT /x HTTP/1.1\r\nHost: h\r\n" + sent)
    for request in (at_a, at_b):
        assert (request.values("Content-Length"), request.values("Transfer-Encoding")) == (["0"], [])


@pytest.mark.parametrize("target", cases({"below a prefix": "/a%2Fb/../c?"}))
def test_a_prefix_goes_before_an_untouched_target(target: str) -> None:
    with Backend() as a, Backend() as b, Tee("-a", f"{a.url}/one", "-b", f"{b.url}/two/") as tee:
        with RawClient(tee.port) as client:
            assert client.ask(target=target).status == 200
        assert a.requests[0].target == f"/one{target}"
        assert b.wait_for_requests()[0].target == f"/two{target}"


REQUEST_HEADERS: dict[str, Headers] = {
    "the case of request headers": [("Host", "h"), ("x-lower", "1"), ("X-UPPER", "2"), ("x-MiXeD", "3")],
    "the order of request headers": [("Zebra", "1"), ("Host", "h"), ("Apple", "2"), ("Mango", "3")],
    "duplicated request headers": [("Host", "h"), ("X-Two", "1"), ("Y", "-"), ("X-Two", "2, 3"), ("x-two", "")],
    "underscores in request headers": [("Host", "h"), ("x_under_score", "1"), ("x-under-score", "2")],
    "no user agent and nothing accepted": [("Host", "h")],
    "a user agent of its own": [("Host", "h"), ("User-Agent", "mine/1"), ("Accept-Encoding", "br"), ("Accept", "*/*")],
    "bytes beyond ASCII in request headers": [("Host", "h"), ("X-Latin", "caf\xe9"), ("X-UTF8", "caf\xc3\xa9")],
    "a Host with a port": [("Host", "example.test:8080")],
    "several cookies": [("Host", "h"), ("Cookie", "a=1"), ("Cookie", "b=2")],
    "an empty value": [("Host", "h"), ("X-Empty", "")],
}


@pytest.mark.parametrize("headers", cases(dict(REQUEST_HEADERS)))
def test_a_and_b_see_the_clients_headers_and_only_those_with(standing: Standing, headers: Headers) -> None:
    at_a, at_b, _ = exchange(standing, request_bytes("GET", "/", headers))
    assert end_to_end(at_a.headers) == headers
    assert end_to_end(at_b.headers) == headers


@pytest.mark.parametrize("method", cases({"POST without a body": "POST", "GET with a body": "GET"}))
def test_the_body_is_framed_as_the_client_framed_it_in(standing: Standing, method: str) -> None:
    body = b"" if method == "POST" else b"a body"
    at_a, _, _ = exchange(standing, request_bytes(method, "/", body=body))
    assert (at_a.body, at_a.values("Content-Length")) == (body, [str(len(body))])


@pytest.mark.parametrize("method", cases({"a GET without a body": "GET", "a DELETE without a body": "DELETE"}))
def test_no_body_is_made_up_for(standing: Standing, method: str) -> None:
    at_a, _, _ = exchange(standing, request_bytes(method))
    assert at_a.values("Content-Length") == at_a.values("Transfer-Encoding") == []


@pytest.mark.parametrize("where", cases({"request": "request", "answer": "answer"}))
def test_hop_by_hop_headers_and_those_that_connection_names_go_from_the(standing: Standing, where: str) -> None:
    hops = [
        ("Connection", "X-Hop, keep-alive"),
        ("X-Hop", "1"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "gzip"),
        ("X-End", "2"),
    ]
    if where == "request":
        at_a, at_b, _ = exchange(
            standing, request_bytes(headers=[*hops, ("Proxy-Authorization", "Basic eDp5"), ("Upgrade", "h2c")])
        )
        assert [name for name, _ in end_to_end(at_a.headers)] == ["Host", "X-End", "Proxy-Authorization"]
        assert [name for name, _ in end_to_end(at_b.headers)] == ["Host", "X-End", "Proxy-Authorization"]
    else:
        _, _, got = exchange(standing, request_bytes(), response(headers=hops))
        assert got.values("X-Hop") == []
        assert got.values("X-End") == ["2"]


ANSWER_HEADERS: dict[str, Headers] = {
    "the case of answer headers": [("x-lower", "1"), ("X-UPPER", "2"), ("x-MiXeD", "3"), ("ETag", '"x"')],
    "the order of answer headers": [("Zebra", "1"), ("Apple", "2"), ("Mango", "3")],
    "duplicated answer headers": [("X-Two", "1"), ("Y", "-"), ("X-Two", "2, 3"), ("x-two", "")],
    "underscores in answer headers": [("x_under_score", "1"), ("x-under-score", "2")],
    "bytes beyond ASCII in answer headers": [("X-Latin", "caf\xe9"), ("X-UTF8", "caf\xc3\xa9")],
    "a server and a date of A's own": [("Server", "A/1"), ("Date", "Tue, 01 Jul 2025 12:00:00 GMT")],
    "no server and no date": [("X", "1")],
    "the challenge of a proxy": [("Proxy-Authenticate", 'Basic realm="x"')],
}


@pytest.mark.parametrize("headers", cases(dict(ANSWER_HEADERS)))
def test_the_client_sees_the_headers_of_a_and_only_those_with(standing: Standing, headers: Headers) -> None:
    whole: Headers = [*headers, ("Content-Length", "2")]
    _, _, got = exchange(standing, request_bytes(), response(headers=headers))
    assert end_to_end(got.headers) == whole


@pytest.mark.parametrize("status", cases({"an empty reason": "200 ", "an odd reason": "200 caf\xe9 \x22ok\x22"}))
def test_the_reason_is_kept_with(standing: Standing, status: str) -> None:
    _, _, got = exchange(standing, request_bytes(), response(status))
    assert f"{got.status} {got.reason}" == status


KEEPING = {
    "a 204": ("GET", response("204 No Content", body=None)),
    "a 304": ("GET", response("304 Not Modified", body=None)),
    "a HEAD": ("HEAD", response(body=None, headers=[("Content-Length", "7")])),
    "a HEAD without a length": ("HEAD", response(body=None)),
    "a chunked answer": ("GET", chunked_response(b"one", b"two")),
    "an empty chunked answer": ("GET", chunked_response()),
    "an answer with a length": ("GET", response()),
    "an empty answer": ("GET", response(body=b"")),
    "an error answer": ("POST", response("500 Oh", body=b"no")),
}


@pytest.mark.parametrize("exchanged", cases(dict(KEEPING)))
def test_one_connection_carries_two_requests_to_a_and_to_b_after(exchanged: tuple[str, bytes]) -> None:
    method, raw = exchanged
    with ScriptedServer(answer(raw)) as a, ScriptedServer(answer(raw)) as b, Tee("-a", a.url, "-b", b.url) as tee:
        with RawClient(tee.port) as client:
            for count in (1, 2):
                client.send(request_bytes(method))
                got = client.answer(method)
                assert got.keeps_alive, got.headers
                tee.settled(count)
        assert (len(a.requests), len(b.requests)) == (2, 2)
        assert (a.connections, b.connections) == (1, 1)


@pytest.mark.parametrize("count", cases({"pipelined requests": 5}))
def test_answers_come_in_the_order_of(standing: Standing, count: int) -> None:
    echo = serve(lambda request: response(body=request.target.encode()))
    with standing.alone(echo) as (tee, _), RawClient(tee.port) as client:
        client.send(b"".join(request_bytes(target=f"/{each}") for each in range(count)))
        assert [client.answer().body for _ in range(count)] == [b"/%d" % each for each in range(count)]
