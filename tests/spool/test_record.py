"""One clone as it is stored."""

from dataclasses import fields

import pytest

from httptee.http import Request
from httptee.spool.record import ID_FIELD, MalformedClone, decode, encode, lane_of
from httptee.transport import request_head

from .spools import a_request


def test_a_request_comes_back_as_it_was():
    request = Request("PUT", "/a%2Fb?x=1", [("hOsT", "a"), ("X", "ä"), ("X", "2")], b"\0body", "::1", "https")
    clone = decode(encode(request, "lane", due=7))
    assert (clone.method, clone.target, clone.headers, clone.body) == ("PUT", "/a%2Fb?x=1", request.headers, b"\0body")
    assert (clone.client, clone.scheme, clone.lane, clone.due) == ("::1", "https", "lane", 7)
    assert decode(clone.packed()) == clone


def test_what_is_sent_has_one_id():
    clone = decode(encode(Request("GET", "/", [(ID_FIELD, "forged"), ("Host", "a")], b"", "c", "http"), ""))
    assert clone.request("run-01-1").headers == [("Host", "a"), (ID_FIELD, "run-01-1")]


def test_what_is_sent_has_all_that_a_request_has():
    given = Request("PUT", "/a%2Fb?x=1", [("Host", "a")], b"body", "::1", "https")
    sent = decode(encode(given, "")).request("run-01-1")
    same = Request("PUT", "/a%2Fb?x=1", [("Host", "a"), (ID_FIELD, "run-01-1")], b"body", "::1", "https")
    for one in fields(Request):
        if one.name not in ("number", "shared_head"):
            assert getattr(sent, one.name) == getattr(same, one.name)
    assert sent.shared_head == [request_head(same.method, same.target, same.headers)]


@pytest.mark.parametrize("cut", [0, 1, 10, -1])
def test_bytes_that_are_no_clone_are_refused(cut):
    with pytest.raises(MalformedClone):
        decode(encode(a_request(), "lane")[:cut])


@pytest.mark.parametrize(
    ("text", "lane"),
    [
        ("connection", "10.0.0.1:99"),
        ("client", "10.0.0.1"),
        ("header:HOST", "a"),
        ("header:X-None", ""),
        ("query:db", "x"),
        ("query:none", ""),
        ("all", ""),
    ],
)
def test_the_lane_of_a_request(text, lane):
    assert lane_of(text)(a_request(), "99") == lane


def test_the_head_is_sent_as_it_came_with_the_id_behind_it():
    request = Request("GET", "/%zz", [("hOsT", "a"), ("X", "1"), ("x", "2")], b"", "c", "http")
    sent = decode(encode(request, "")).request("run-01-1")
    assert sent.shared_head == [b"GET /%zz HTTP/1.1\r\nhOsT: a\r\nX: 1\r\nx: 2\r\nX-Httptee-Spool-Id: run-01-1\r\n\r\n"]
    assert (sent.method, sent.target, sent.body, sent.client, sent.scheme) == ("GET", "/%zz", b"", "c", "http")
    assert sent.headers == [*request.headers, (ID_FIELD, "run-01-1")]
