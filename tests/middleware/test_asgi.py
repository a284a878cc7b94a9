"""The middleware around ASGI applications, in this process, with a real B."""

import asyncio

import pytest

from httptee.asgi import Shadowed
from httptee.middleware.asgi import environ_of
from tests.support.backend import Backend
from tests.support.net import eventually


def scope(method="GET", path="/", query=b"", headers=(), **changes):
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [(b"host", b"app.test"), *headers],
        "client": ("192.0.2.1", 4711),
        **changes,
    }


def ask(application, given, *body):
    """What the server is sent. The pieces of the body come one by one."""
    pieces = list(body)
    sent = []

    async def receive():
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message):
        sent.append(message)

    asyncio.run(application(given, receive, send))
    return sent


def answering(*pieces, headers=(), status=200, reads=True):
    async def application(given, receive, send):
        while reads and (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        for number, piece in enumerate(pieces, start=1):
            await send({"type": "http.response.body", "body": piece, "more_body": number < len(pieces)})

    return application


@pytest.fixture
def b():
    with Backend() as backend:
        yield backend


@pytest.fixture
def shadowed(b):
    made = []

    def make(application, line="", **settings):
        made.append(Shadowed(application, f"{b.url} {line}", settings=settings, environ={}))
        return made[-1]

    yield make
    for each in made:
        each.close()


def counts(app):
    eventually(lambda: not app.ledger.statements()[0].in_flight, "the end of the clones")
    (statement,) = app.ledger.statements()
    return statement


def test_the_server_is_sent_what_the_application_sends_and_b_gets_the_request(shadowed, b):
    plain = answering(b"one", b"two", headers=[(b"x-one", b"1"), (b"content-length", b"6")])
    app = shadowed(plain)
    given = scope("POST", "/a%2Fb", b"q=1", [(b"x-name", b"1"), (b"x-name", b"2"), (b"content-length", b"5")])
    assert ask(app, given, b"he", b"llo") == ask(plain, given, b"he", b"llo")
    assert counts(app).delivered == 1
    (request,) = b.requests
    assert (request.method, request.target, request.body) == ("POST", "/a%2Fb?q=1", b"hello")
    assert [name for name, _ in request.headers] == ["host", "x-name", "x-name", "content-length", "Via"]
    assert app.ledger.primary().answered_by_status == {200: 1}


def test_the_clone_is_offered_when_the_server_has_the_last_piece(shadowed):
    seen = []

    async def application(given, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        seen.append(app.ledger.statements()[0].seen)
        await send({"type": "http.response.body", "body": b"b"})
        seen.append(app.ledger.statements()[0].seen)  # before tasks in the background

    app = shadowed(application)
    ask(app, scope())
    assert seen == [0, 1]


def test_the_clone_of_a_stream_is_offered_after_its_first_piece(shadowed):
    seen = []

    async def application(given, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        seen.append(app.ledger.statements()[0].seen)
        await send({"type": "http.response.body", "body": b"b"})

    app = shadowed(application)
    ask(app, scope())
    assert seen == [1]
    assert counts(app).seen == 1


@pytest.mark.parametrize("kind", ["websocket", "other"])
def test_other_scopes_pass_untouched(shadowed, kind):
    got = []

    async def application(*given):
        got.extend(given)

    app = shadowed(application)
    given = ({"type": kind}, object(), object())
    asyncio.run(app(*given))
    assert all(one is other for one, other in zip(got, given, strict=True))
    assert app.ledger.statements()[0].seen == 0


def test_a_request_without_a_body_gets_the_servers_receive(shadowed):
    got = []

    async def application(given, receive, send):
        got.extend((given, receive))
        await answering(b"x", reads=False)(given, receive, send)

    async def receive():
        raise AssertionError

    async def send(message):
        pass

    given = scope()
    asyncio.run(shadowed(application)(given, receive, send))
    assert got[0] is given
    assert got[1] is receive


def test_an_exception_passes_and_the_clone_is_sent(shadowed):
    error = ZeroDivisionError("a bug of the application")

    async def application(given, receive, send):
        raise error

    app = shadowed(application)
    with pytest.raises(ZeroDivisionError) as raised:
        ask(app, scope())
    assert raised.value is error
    assert counts(app).delivered == 1
    assert app.ledger.primary().errors_by_reason == {"reset": 1}


def test_an_exception_after_the_answer_is_no_failure_of_a(shadowed):
    async def application(given, receive, send):
        await answering(b"x", reads=False)(given, receive, send)
        raise ZeroDivisionError

    app = shadowed(application)
    with pytest.raises(ZeroDivisionError):
        ask(app, scope())
    assert counts(app).delivered == 1
    assert app.ledger.primary().errors_by_reason == {}


def test_a_request_that_the_server_cancels_has_lost_its_client(shadowed):
    async def application(given, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise asyncio.CancelledError

    app = shadowed(application)
    with pytest.raises(asyncio.CancelledError):
        ask(app, scope())
    assert counts(app).delivered == 1
    assert app.ledger.primary().client_gone == 1


def test_a_request_without_an_answer_is_not_recorded_and_counted(shadowed, tmp_path):
    async def application(given, receive, send):
        raise asyncio.CancelledError

    app = shadowed(application, record=tmp_path / "recording")
    with pytest.raises(asyncio.CancelledError):
        ask(app, scope())
    found = app.ledger.recorded()
    assert (found.seen, found.not_recorded_by_reason) == (1, {"unanswered": 1})


def test_a_body_that_the_application_has_not_read_is_dropped(shadowed, b):
    app = shadowed(answering(b"no", status=401, reads=False))
    ask(app, scope("POST", "/", b"", [(b"content-length", b"5")]), b"hello")
    assert counts(app).dropped_by_reason == {"unread": 1}
    assert not b.requests


def test_a_body_of_unknown_length_gets_one(shadowed, b):
    app = shadowed(answering(b"ok"))
    ask(app, scope("POST", "/", b"", [(b"transfer-encoding", b"chunked")]), b"he", b"llo")
    assert counts(app).delivered == 1
    assert ("Content-Length", "5") in b.requests[0].headers
    ask(app, scope("POST", "/two", http_version="2"), b"hello")
    assert counts(app).delivered == 2
    assert b.requests[1].body == b"hello"


def test_an_answer_that_the_server_reads_from_a_file_is_not_compared(shadowed):
    async def application(given, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.pathsend", "path": "/x"})

    app = shadowed(application, verdict="memory")
    assert ask(app, scope())[1] == {"type": "http.response.pathsend", "path": "/x"}
    assert counts(app).delivered == 1
    assert app.ledger.primary().client_gone == 0


@pytest.mark.parametrize("broken", ["answered", "passed", "sent", "close"])
def test_whatever_fails_in_the_tee_the_answer_goes_on(shadowed, monkeypatch, broken):
    from httptee.middleware.passage import Passage, _guarded

    def fails(self, *_):
        raise RuntimeError("a bug of the tee")

    monkeypatch.setattr(Passage, broken, _guarded(fails))
    plain = answering(b"one", b"two")
    app = shadowed(plain, verdict="memory")
    assert ask(app, scope(), b"") == ask(plain, scope(), b"")


def test_if_a_request_cannot_be_read_the_application_answers(shadowed):
    plain = answering(b"ok", reads=False)
    app = shadowed(plain)
    odd = {"type": "http", "headers": None}
    assert ask(app, odd) == ask(plain, odd)
    assert app.ledger.primary().unobserved == 1


def test_a_target_without_its_raw_form_is_rebuilt():
    given = scope(path="/a b/ü", raw_path=None)
    assert environ_of(given)["REQUEST_URI"] == "/a%20b/%C3%BC"
    assert environ_of(scope(client=None))["REMOTE_ADDR"] == ""
