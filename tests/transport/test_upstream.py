from dataclasses import replace

import pytest

from httptee.http.endpoint import Endpoint
from httptee.http.message import Request
from httptee.transport.adapter import WireAdapter
from httptee.transport.upstream import Upstream

AS_IT_IS = b"GET /x HTTP/1.1\r\nHost: h\r\nX: 1\r\n\r\n"


@pytest.fixture
def upstream():
    made = []

    def build(url="http://b:9002", rewrite_host=False, close=False, change=None):
        made.append(Upstream(Endpoint.parse(url), WireAdapter(), rewrite_host=rewrite_host, close=close, change=change))
        return made[-1]

    yield build
    for one in made:
        one.close()


def asked(target="/x", headers=(("Host", "h"), ("X", "1"))):
    return Request("GET", target, list(headers), b"", "192.0.2.1", "http")


def test_what_several_upstreams_send_alike_is_written_down_once(upstream):
    request = asked()
    head = upstream("http://a:9001").prepare(request).head()
    assert head == AS_IT_IS
    assert upstream().prepare(request).head() is head
    assert request.shared_head == [head]


@pytest.mark.parametrize(
    ("options", "head"),
    [
        ({"rewrite_host": True}, b"GET /x HTTP/1.1\r\nHost: b:9002\r\nX: 1\r\n\r\n"),
        ({"url": "http://b:9002/p"}, b"GET /p/x HTTP/1.1\r\nHost: h\r\nX: 1\r\n\r\n"),
        ({"close": True}, b"GET /x HTTP/1.1\r\nHost: h\r\nX: 1\r\nConnection: close\r\n\r\n"),
        (
            {"change": lambda request: replace(request, target="/y")},
            b"GET /y HTTP/1.1\r\nHost: h\r\nX: 1\r\n\r\n",
        ),
    ],
)
def test_an_upstream_that_changes_something_has_a_head_of_its_own_and_leaves_the_others_theirs(upstream, options, head):
    for _ in ("first", "after the others"):
        request = asked()
        assert upstream(**options).prepare(request).head() == head
        assert upstream().prepare(request).head() == AS_IT_IS
        assert upstream(**options).prepare(request).head() == head
        assert upstream().prepare(request).head() == AS_IT_IS


def test_an_empty_host_stays_empty_and_only_rewriting_gives_an_upstream_its_own(upstream):
    request = asked(headers=[("Host", ""), ("X", "1")])
    assert upstream().prepare(request).head() == b"GET /x HTTP/1.1\r\nHost: \r\nX: 1\r\n\r\n"
    for url, host in (("http://a:9001", b"a:9001"), ("http://b:9002", b"b:9002")):
        head = upstream(url, rewrite_host=True).prepare(request).head()
        assert head == b"GET /x HTTP/1.1\r\nHost: " + host + b"\r\nX: 1\r\n\r\n"


def test_an_absolute_target_becomes_each_upstreams_own(upstream):
    request = asked(target="http://h/x")
    for _ in ("first", "again"):
        assert upstream().prepare(request).head() == AS_IT_IS
    assert upstream("http://b:9002/p").prepare(request).head().startswith(b"GET /p/x ")


def test_a_request_that_cannot_be_written_down_is_an_error_each_time(upstream):
    request = asked(headers=[("Host", "h"), ("X", "1\n2")])
    for _ in ("first", "again"):
        with pytest.raises(ValueError, match="CR, LF or NUL"):
            upstream().prepare(request).head()


@pytest.mark.parametrize("close", [False, True])
def test_a_request_for_an_upgrade_keeps_its_only_connection_field_and_says_what_it_asks_for(upstream, close):
    fields = (("Host", "h"), ("Connection", "upgrade"), ("Upgrade", "x"))
    prepared = upstream(close=close).prepare(replace(asked(headers=fields), upgrade=("x",)))
    assert (prepared.pairs, prepared.upgrade) == (list(fields), ("x",))
