"""The middleware around WSGI applications, in this process, with a real B."""

import json
from io import BytesIO
from pathlib import Path
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest

import httptee
from httptee.errors import ConfigError
from tests.middleware.asked import Stream, ask, environ
from tests.support.backend import Backend
from tests.support.net import eventually, refusing_port

HEADERS = [("Content-Type", "text/plain"), ("X-One", "1"), ("X-One", "2")]


def echo(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 Fine", [*HEADERS, ("Content-Length", str(2 + len(body)))])
    return [b"ok", body]


@pytest.fixture
def b():
    with Backend() as backend:
        yield backend


@pytest.fixture
def shadowed(b):
    """Makes the middleware around an application; ends it after the test."""
    made = []

    def make(application=echo, line="", **options):
        made.append(httptee.Shadowed(application, f"{b.url} {line}", environ={}, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def counts(app):
    """The statement of the only B, once no clone is in flight."""
    eventually(lambda: not app.ledger.statements()[0].in_flight, "the end of the clones")
    (statement,) = app.ledger.statements()
    return statement


def test_the_client_gets_the_answer_of_the_application_and_b_the_request(shadowed, b):
    app = shadowed()
    got = ask(app, "POST", "/a%2Fb?q", b"hello", HTTP_X_NAME="v", CONTENT_TYPE="text/x")
    assert (got.status, got.headers, got.body) == ("200 Fine", [*HEADERS, ("Content-Length", "7")], b"okhello")
    assert counts(app).delivered == 1
    (request,) = b.requests
    assert (request.method, request.target, request.body) == ("POST", "/a%2Fb?q", b"hello")
    names = [name for name, _ in request.headers]
    assert names == ["Host", "X-Name", "Content-Type", "Content-Length", "Via"]
    assert app.ledger.primary().answered_by_status == {200: 1}


def test_it_is_a_valid_application_around_a_valid_one(shadowed):
    app = shadowed(validator(echo))
    assert ask(validator(app), "POST", "/x", b"hello", **{"wsgi.input": BytesIO(b"hello")}).body == b"okhello"
    assert counts(app).delivered == 1


def test_the_clone_is_offered_when_the_answer_has_been_sent(shadowed, b):
    app = shadowed()
    result = app(environ("POST", "/", b"x"), lambda *_: None)
    assert list(result) == [b"ok", b"x"]
    assert app.ledger.statements()[0].seen == 0
    result.close()
    assert app.ledger.statements()[0].seen == 1


def test_the_clone_of_a_stream_is_offered_after_its_first_piece(shadowed):
    def application(environ, start_response):
        start_response("200 OK", [])
        yield b"one"
        yield b"two"

    app = shadowed(application)
    result = app(environ(), lambda *_: None)
    pieces = iter(result)
    assert next(pieces) == b"one"
    assert app.ledger.statements()[0].seen == 0
    assert next(pieces) == b"two"
    assert app.ledger.statements()[0].seen == 1
    result.close()
    assert counts(app).seen == 1


def test_an_exception_of_the_application_passes_and_the_clone_is_sent(shadowed):
    error = ZeroDivisionError("a bug of the application")

    def application(environ, start_response):
        raise error

    app = shadowed(application)
    with pytest.raises(ZeroDivisionError) as raised:
        ask(app)
    assert raised.value is error
    assert counts(app).delivered == 1
    primary = app.ledger.primary()
    assert (primary.answered_by_status, primary.errors_by_reason) == ({500: 1}, {"reset": 1})


def test_an_exception_in_the_middle_of_the_body_passes(shadowed):
    def application(environ, start_response):
        start_response("200 OK", [])
        yield b"one"
        raise ZeroDivisionError("a bug of the application")

    app = shadowed(application, settings={"verdict": "memory"})
    result = app(environ(), lambda *_: None)
    with pytest.raises(ZeroDivisionError) as raised:
        list(result)
    assert raised.value.__cause__ is raised.value.__context__ is None
    result.close()
    assert counts(app).delivered == 1
    assert app.ledger.primary().errors_by_reason == {"reset": 1}


def test_write_works(shadowed):
    def application(environ, start_response):
        write = start_response("200 OK", [])
        write(b"written")
        return [b"returned"]

    app = shadowed(application, settings={"verdict": "memory"})
    got = ask(app)
    assert (got.written, got.body) == ([b"written"], b"returned")
    assert counts(app).delivered == 1


def test_exc_info_reaches_the_server_and_the_last_head_counts(shadowed):
    def application(environ, start_response):
        start_response("200 OK", [])
        info = (ValueError, ValueError("x"), None)
        start_response("500 Broken", [("X-Error", "yes")], info)
        return [b"sorry"]

    app = shadowed(application)
    got = ask(app)
    assert (got.status, got.headers) == ("500 Broken", [("X-Error", "yes")])
    assert got.exc_info[0] is ValueError
    assert counts(app).delivered == 1
    assert app.ledger.primary().answered_by_status == {500: 1}


def test_the_arguments_of_start_response_are_passed_as_they_are(shadowed):
    calls = []

    def application(environ, start_response):
        start_response(status="200 OK", headers=[])
        return []

    list(shadowed(application)(environ(), lambda *args, **kwargs: calls.append((args, kwargs))))
    assert calls == [((), {"status": "200 OK", "headers": []})]


class Closing:
    def __init__(self, error=None):
        self.closed = 0
        self.error = error

    def __iter__(self):
        return iter((b"a", b"b"))

    def close(self):
        self.closed += 1
        if self.error:
            raise self.error


def test_close_of_the_applications_iterable_is_called_once(shadowed):
    answer = Closing()

    def application(environ, start_response):
        start_response("200 OK", [])
        return answer

    app = shadowed(application)
    assert ask(app).body == b"ab"
    assert answer.closed == 1
    assert not hasattr(ask(app).result, "__len__")


def test_an_error_of_that_close_passes_and_the_clone_is_sent(shadowed):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "2")])
        return Closing(OSError("full"))

    app = shadowed(application)
    with pytest.raises(OSError, match="full"):
        ask(app)
    assert counts(app).delivered == 1


def test_an_iterable_keeps_its_length(shadowed):
    assert len(ask(shadowed(), body=b"").result) == 2


def test_a_generator_that_starts_late_may_call_start_response_then(shadowed, b):
    def application(environ, start_response):
        start_response("201 Made", [("Content-Length", "1")])
        yield b"x"

    app = shadowed(application)
    assert ask(app).status == "201 Made"
    assert counts(app).delivered == 1
    assert app.ledger.primary().answered_by_status == {201: 1}


@pytest.mark.parametrize("as_class", [True, False])
def test_a_file_of_the_servers_wrapper_reaches_the_server_as_it_is(shadowed, as_class):
    made = []

    def wrapper(file, size=8192):
        made.append(FileWrapper(file, size))
        return made[-1]

    class Wrapper(FileWrapper):
        def __init__(self, *args):
            super().__init__(*args)
            made.append(self)

    def application(environ, start_response):
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](BytesIO(b"content"))

    app = shadowed(application, settings={"verdict": "memory"})
    got = ask(app, **{"wsgi.file_wrapper": Wrapper if as_class else wrapper})
    assert got.result is made[0]
    assert got.body == b"content"
    assert counts(app).delivered == 1


def test_a_body_that_the_application_does_not_read_is_not_read_for_b(shadowed, b):
    def application(environ, start_response):
        start_response("401 No", [("Content-Length", "0")])
        return []

    app = shadowed(application)
    source = Stream(b"hello")
    assert ask(app, "POST", "/", b"hello", **{"wsgi.input": source}).status == "401 No"
    assert source.reads == 0
    assert counts(app).dropped_by_reason == {"unread": 1}
    assert not b.requests


def test_a_body_that_the_server_has_whole_is_sent_in_any_case(shadowed, b):
    def application(environ, start_response):
        start_response("401 No", [("Content-Length", "0")])
        return []

    app = shadowed(application)
    source = BytesIO(b"hello")
    ask(app, "POST", "/", b"hello", **{"wsgi.input": source})
    assert counts(app).delivered == 1
    assert b.requests[0].body == b"hello"
    assert source.tell() == 0


def test_a_chunked_body_gets_a_length(shadowed, b):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "0")])
        assert environ["wsgi.input"].read() == b"hello"
        return []

    app = shadowed(application)
    given = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": Stream(b"hello")}
    ask(app, "POST", "/", **given)
    assert counts(app).delivered == 1
    assert ("Content-Length", "5") in b.requests[0].headers
    assert b.requests[0].body == b"hello"


def test_a_body_over_max_body_is_too_large_and_the_application_has_it(shadowed):
    app = shadowed(line="max-body=4")
    assert ask(app, "POST", "/", b"hello").body == b"okhello"
    assert counts(app).dropped_by_reason == {"too_large": 1}


def test_a_body_without_room_in_the_budget_is_dropped_and_the_application_has_it(shadowed):
    app = shadowed(settings={"b.max-bytes": 1000})
    assert ask(app, "POST", "/", b"x" * 5000).body == b"ok" + b"x" * 5000
    assert counts(app).dropped_by_reason == {"over_budget": 1}


def test_what_bodies_hold_is_given_back(shadowed):
    app = shadowed()
    ask(app, "POST", "/", b"x" * 5000)
    assert counts(app).delivered == 1
    assert app._inside.tee.budget.held == 0


@pytest.mark.parametrize(
    ("reason", "given"),
    [
        ("connect_not_supported", {"method": "CONNECT", "target": "app:443"}),
        ("bad_request", {"target": "no/target"}),
        ("bad_request", {"HTTP_HOST": "a b"}),
        ("max_forwards", {"method": "OPTIONS", "HTTP_MAX_FORWARDS": "0"}),
    ],
)
def test_what_a_tee_would_refuse_the_application_answers_and_no_b_gets(shadowed, b, reason, given):
    app = shadowed()
    assert ask(app, **given).status == "200 Fine"
    assert app.ledger.primary().refused_by_reason == {reason: 1}
    assert app.ledger.primary().answered_by_status == {200: 1}
    assert app.ledger.statements()[0].seen == 0


def test_a_request_that_comes_back_from_b_is_answered_and_not_cloned_again(shadowed, b):
    app = shadowed()
    ask(app)
    assert counts(app).delivered == 1
    via = dict(b.requests[0].headers)["Via"]
    assert ask(app, HTTP_VIA=via).status == "200 Fine"
    assert app.ledger.primary().refused_by_reason == {"loop": 1}
    assert counts(app).seen == 1


def test_if_the_tee_cannot_begin_the_application_answers(shadowed, monkeypatch):
    app = shadowed()
    monkeypatch.setattr(app._inside, "build", lambda ledger: 1 / 0)
    assert ask(app).status == "200 Fine"
    assert ask(app).body == b"ok"


@pytest.mark.parametrize("broken", ["started", "passed", "sent", "close", "_observe", "_offer", "_request", "_end"])
def test_whatever_fails_in_the_tee_the_answer_goes_on(shadowed, monkeypatch, broken):
    from httptee.middleware.passage import Passage, _guarded

    def fails(self, *_):
        raise RuntimeError("a bug of the tee")

    monkeypatch.setattr(Passage, broken, fails if broken.startswith("_") else _guarded(fails))
    app = shadowed(settings={"verdict": "memory"})
    got = ask(app, "POST", "/", b"hello")
    assert (got.status, got.body) == ("200 Fine", b"okhello")
    assert app.ledger.primary().unobserved >= 1


@pytest.mark.parametrize("broken", ["choose", "observe", "client_gone"])
def test_whatever_fails_in_what_follows_the_answer_goes_on(shadowed, monkeypatch, broken):
    app = shadowed(settings={"verdict": "memory"})
    tee = app._inside.tee
    monkeypatch.setattr(tee, broken, lambda *_: 1 / 0)
    assert ask(app).body == b"ok"


def test_the_access_log_has_the_answer_and_the_clone(shadowed, tmp_path):
    log = tmp_path / "access.log"
    app = shadowed(settings={"access_log": log, "access-log-format": "json"})
    ask(app, "POST", "/x?y", b"hello")
    assert counts(app).delivered == 1
    app.close()
    record = json.loads(log.read_text())
    assert (record["status"], record["bytes"], record["target"]) == (200, 7, "/x?y")
    assert record["b"][0]["outcome"] == "delivered"


def test_a_client_that_goes_early_is_counted(shadowed):
    app = shadowed()
    result = app(environ("POST", "/", b"hello"), lambda *_: None)
    next(iter(result))
    result.close()
    assert app.ledger.primary().client_gone == 1
    assert counts(app).delivered == 1


def test_a_b_that_is_down_costs_no_error(shadowed):
    with refusing_port() as port:
        app = httptee.Shadowed(echo, f"http://127.0.0.1:{port}", environ={})
        for _ in range(50):
            assert ask(app).body == b"ok"
        statement = counts(app)
        assert statement.seen == statement.failed + statement.dropped == 50
        app.close()


def test_settings_come_from_lines_a_mapping_a_file_and_the_environment(b, tmp_path):
    ini = tmp_path / "httptee.ini"
    ini.write_text("b.timeout = 7000\nb.percent = 9\n")
    app = httptee.Shadowed(
        echo, f"{b.url} name=one", settings={"b_percent": 50}, config=ini, environ={"HTTPTEE_B_MAX_BODY": "77"}
    )
    found = app._inside.settings
    assert (found.b_timeout, found.b_percent, found.b_max_body) == (7.0, 50.0, 77)
    assert [str(each) for each in found.b] == [b.url]


def test_an_invalid_setting_is_refused_with_its_place():
    with pytest.raises(ConfigError, match=r"^settings\['b.timeout'\]: must be"):
        httptee.Shadowed(echo, settings={"b.timeout": "soon"}, environ={})


def test_metrics_are_those_of_the_ledger(shadowed, b):
    from prometheus_client import CollectorRegistry, generate_latest

    app = shadowed()
    ask(app)
    assert counts(app).delivered == 1
    registry = CollectorRegistry()
    registry.register(app.metrics())
    lines = generate_latest(registry).decode().splitlines()
    assert f'httptee_shadow_delivered_total{{backend="{b.url}",code="200"}} 1.0' in lines
    assert "httptee_workers 1.0" in lines


def test_a_recording_has_the_exchange(shadowed, tmp_path: Path):
    app = shadowed(settings={"record": tmp_path / "recording"})
    ask(app, "POST", "/kept", b"hello")
    app.close()
    assert app.ledger.recorded().recorded == 1
