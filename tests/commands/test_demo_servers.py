"""The servers of the demo."""

from io import BytesIO

from httptee.commands.demo.servers import Echo
from httptee.http import RECEIVED_HEADERS


def test_an_echo_that_runs_for_days_keeps_nothing():
    echo = Echo("9001")
    environ = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/", RECEIVED_HEADERS: [], "wsgi.input": BytesIO()}
    echo(environ, lambda status, headers: None)
    assert not echo.requests
    assert not echo.answers
