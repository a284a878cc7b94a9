import pytest

from httptee.errors import UpstreamConnectError
from httptee.http.message import Request
from httptee.middleware.application import Application, Silent
from tests.middleware.asked import environ


def shown(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("203 Fine", [("X-Seen", environ["HTTP_X_NAME"])])
    yield f"{environ['REQUEST_METHOD']} {environ['SCRIPT_NAME']} {environ['PATH_INFO']} ".encode()
    yield f"{environ['QUERY_STRING']} {environ['CONTENT_LENGTH']} {environ['HTTP_TWICE']} ".encode() + body


REQUEST = Request(
    "PUT",
    "/app/a%2Fb?q=1",
    [("Host", "x"), ("X-Name", "v"), ("Twice", "1"), ("twice", "2"), ("Content-Length", "2")],
    b"hi",
    "192.0.2.1",
    "http",
)


def test_it_answers_a_request_as_its_server_would_have_it_do():
    asked = Application(shown)
    asked.saw(environ(SCRIPT_NAME="/app"))
    response = asked.answer(REQUEST)
    assert (response.status, response.reason, response.headers) == (203, "Fine", [("X-Seen", "v")])
    assert response.body == b"PUT /app /a/b q=1 2 1,2 hi"


def test_a_thread_may_ask_it_if_its_server_has_several():
    asked = Application(shown)
    assert not asked.may_be_asked
    asked.saw(environ(**{"wsgi.multithread": False}))
    assert not asked.may_be_asked
    asked = Application(shown)
    asked.saw(environ())
    assert asked.may_be_asked


def test_its_iterable_is_closed_and_its_exception_passes():
    closed = []

    class Failing:
        def __iter__(self):
            raise ZeroDivisionError

        def close(self):
            closed.append(True)

    with pytest.raises(ZeroDivisionError):
        Application(lambda *_: Failing()).answer(REQUEST)
    assert closed == [True]


def test_one_that_cannot_be_asked_says_so():
    with pytest.raises(UpstreamConnectError):
        Silent().answer(REQUEST)
    assert Silent().asked
    assert not Silent().may_be_asked
