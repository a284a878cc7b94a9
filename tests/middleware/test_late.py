import pytest

from httptee.errors import BadRequest, LoopDetected
from httptee.http.headers import Additions
from httptee.http.loops import LoopGuard
from httptee.http.peers.proxies import Proxies
from httptee.middleware import late
from httptee.middleware.late import LateRequest, request_late, request_now
from tests.middleware.asked import environ

ADD = Additions("1.1 httptee (x)")


def test_it_is_the_request_that_is_made_at_once():
    given = environ("POST", "/a?b", b"hello", HTTP_X_NAME="v", REMOTE_ADDR="::ffff:192.0.2.7", REMOTE_PORT="4711")
    made, at_once = request_late(given, ADD, b"hello"), request_now(given, ADD, b"hello")
    assert isinstance(made, LateRequest)
    for name in ("method", "target", "headers", "body", "client", "port", "scheme", "shared_head"):
        assert getattr(made, name) == getattr(at_once, name), name
    assert made.number != at_once.number


def test_its_fields_are_read_once_and_when_they_are_needed(monkeypatch):
    calls = []
    monkeypatch.setattr(late, "request_of", lambda *args: calls.append(args) or request_now(*args[:2], b""))
    made = request_late(environ(), ADD, None)
    assert made.method == "GET"
    assert not calls


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"HTTP_VIA": "1.1 httptee (x)"}, LoopDetected),
        ({"HTTP_HOST": "a b"}, BadRequest),
        ({"target": "/a b"}, BadRequest),
        ({"target": "*"}, BadRequest),
    ],
)
def test_what_must_not_be_forwarded_is_refused_at_once(given, error):
    with pytest.raises(error):
        request_late(environ(**given), ADD, None)


@pytest.mark.parametrize(
    ("add", "given"),
    [
        (Additions(id_header="X-Request-Id"), {}),
        (Additions(loops=LoopGuard("x")), {}),
        (Additions(proxies=Proxies.parse("10.0.0.0/8")), {}),
        (ADD, {"HTTP_VIA": "1.1 other"}),
        (ADD, {"HTTP_EXPECT": "100-continue"}),
        (ADD, {"method": "TRACE"}),
        (ADD, {"target": "http://other/x"}),
    ],
)
def test_what_its_fields_decide_is_made_at_once(add, given):
    assert not isinstance(request_late(environ(**given), add, None), LateRequest)
