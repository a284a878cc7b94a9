"""A and B asked once more, over real connections."""

import hashlib
import threading
from random import Random

import pytest

from httptee.build import primary_upstream, shadow_upstream
from httptee.http import Request, Response
from httptee.settings import load, shadow_settings
from httptee.verdict.judge import asking as module
from httptee.verdict.judge.asking import ApplicationAsker, Asking, UpstreamAsker
from tests.support.backend import Backend
from tests.support.net import PATIENCE, eventually, refusing_port
from tests.support.scripted import ScriptedServer
from tests.support.scripts import response
from tests.verdict.judge.fakes import FakeAsker, Wish
from tests.verdict.judge.samples import outcome, pair

BODY = b"x" * 10_000


def answer(request):
    return response("200 OK", BODY, [("Content-Type", "text/plain"), ("Connection", "X-Hop"), ("X-Hop", "1")])


@pytest.fixture
def servers():
    with Backend(answer) as a, Backend(answer) as b:
        yield a, b


def asker_for(a, b):
    settings = load(["-a", a, "-b", f"{b} name=canary set-header='X-B: 1' host=other.example"], {})
    shadow = shadow_settings(settings)[0]
    upstreams = {"": (primary_upstream(settings), 5.0), "canary": (shadow_upstream(settings, shadow), 5.0)}
    return UpstreamAsker(upstreams)


def request(method="GET"):
    return Request(method, "/x?y", [("Host", "example.org"), ("Via", "1.1 httptee")], b"", "192.0.2.1", "http")


def test_an_answer_has_its_end_to_end_fields_and_its_body(servers):
    asker = asker_for(*(server.url for server in servers))
    for backend in ("", "canary"):
        found = asker.ask(request(), backend, 100_000)
        assert (found.status, found.body, found.length, found.failure) == (200, BODY, len(BODY), "")
        assert dict(found.headers) == {"Content-Type": "text/plain", "Content-Length": "10000"}
    asker.close()


def test_a_gets_the_request_as_it_came_and_b_as_its_line_says(servers):
    a, b = servers
    asker = asker_for(a.url, b.url)
    asker.ask(request(), "", 1000)
    asker.ask(request(), "canary", 1000)
    assert a.requests[0].headers == [("Host", "example.org"), ("Via", "1.1 httptee")]
    assert b.requests[0].headers == [("Host", "other.example"), ("Via", "1.1 httptee"), ("X-B", "1")]
    asker.close()


def test_a_body_that_is_too_long_is_known_by_length_and_digest(servers):
    asker = asker_for(*(server.url for server in servers))
    for backend in ("", "canary"):
        found = asker.ask(request(), backend, 9_999)
        assert (found.body, found.length) == (None, len(BODY))
        assert found.digest == hashlib.blake2b(BODY, digest_size=16).digest()
    asker.close()


def test_an_exchange_that_fails_is_an_outcome_with_a_reason():
    with refusing_port() as a, refusing_port() as b:
        asker = asker_for(f"http://127.0.0.1:{a}", f"http://127.0.0.1:{b}")
        assert asker.ask(request(), "", 1000) == outcome_failed("connect")
        assert asker.ask(request("BAD METHOD"), "canary", 1000) == outcome_failed("protocol")
        asker.close()


def outcome_failed(reason):
    found = outcome(b"", 0, reason)
    return type(found)(0, [], b"", failure=reason)


def test_repeats_are_carried_out_in_threads_a_few_at_once():
    asker = FakeAsker(a=outcome(), canary=outcome(b"[]"))
    asking = Asking(asker, 1000, Random(1), lambda: 5.0)
    wish = Wish(pair(), delayed=True)
    asking.start(wish)
    ((done, again),) = eventually(asking.done)
    assert done is wish
    assert (again.a, again.b, again.at, again.delayed) == (outcome(), outcome(b"[]"), 5.0, True)
    started = []
    asking = Asking(asker, 1000, start=started.append)
    while asking.free:
        asking.start(wish)
    assert len(started) == 4
    assert not asking.idle
    started[0]()
    assert len(asking.done()) == 1
    assert asking.free


def test_an_asker_that_raises_leaves_nothing_asked():
    def fail(work):
        with pytest.raises(KeyError):
            work()

    asking = Asking(FakeAsker(), 1000, start=fail)
    asking.start(Wish(pair()))
    assert [again for _, again in asking.done()] == [None]
    assert asking.idle


def test_the_answer_of_b_is_kept_as_far_as_the_one_it_is_compared_with():
    long = outcome(None)
    long = type(long)(200, [], None, 5_000, b"digest")
    asker = FakeAsker(a=outcome(), canary=outcome())
    asking = Asking(asker, 100_000, start=lambda work: work())
    asking.start(Wish(pair(outcome(), long)))
    assert {backend: most for backend, _, most in asker.asked} == {"": 100_000, "canary": 4_999}


@pytest.mark.parametrize(("seconds", "times"), [(0.0, 16), (4.0, 3)])
def test_a_slow_b_is_asked_further_for_a_limited_time_only(monkeypatch, seconds, times):
    now = [100.0]

    class Slow(FakeAsker):
        def ask(self, *arguments):
            now[0] += seconds
            return super().ask(*arguments)

    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    asking = Asking(Slow(a=outcome(), canary=outcome()), 1000, start=lambda work: work())
    asking.start(Wish(pair(), more=16))
    ((_, again),) = asking.done()
    assert len(again.more) == times


def test_an_application_is_asked_in_place_of_a_server():
    closed = []

    def answer(request):
        body = iter([request.method.encode(), b"!"])
        return Response(201, "", [("X-Target", request.target)], body, lambda: closed.append(True))

    asker = ApplicationAsker(answer, {})
    outcome = asker.ask(Request("GET", "/x", [], b"", "", "http"), "", 100)
    assert (outcome.status, outcome.headers, outcome.body) == (201, [("X-Target", "/x")], b"GET!")
    assert closed == [True]
    assert ApplicationAsker(lambda request: 1 / 0, {}).ask(None, "", 100).failure == "protocol"


@pytest.mark.parametrize("begun", ["before", "after"])
def test_a_request_that_ends_when_it_is_closed_leaves_no_connection_open(begun):
    goes_on, ended = threading.Event(), threading.Event()

    def script(connection):
        connection.request()
        connection.wait_for(goes_on)
        connection.send(response("200 OK", BODY))
        if connection.request() is None:
            ended.set()

    with ScriptedServer(script) as a, Backend(answer) as b:
        asker = asker_for(a.url, b.url)
        asking = threading.Thread(target=asker.ask, args=(request(), "", 100_000))
        if begun == "before":
            asking.start()
            a.wait_for_requests()
            asker.close()
        else:  # a repeat asks one server after the other
            asker.close()
            asking.start()
        goes_on.set()
        assert ended.wait(PATIENCE)
        asking.join(PATIENCE)
