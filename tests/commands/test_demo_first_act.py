"""What the first act of the demo compares. That all is well: tests/integration/test_demo.py."""

import pytest

from httptee.commands.demo import first_act
from httptee.http import RECEIVED_HEADERS


class Between:
    """A tee that changes one request and its answer."""

    def __init__(self, tee, received, answered):
        self.tee, self.received, self.answered = tee, received, answered
        self.close = tee.close
        self.left = 1

    def __call__(self, environ, start_response):
        if self.left and environ["REQUEST_METHOD"] == "PUT":
            self.left = 0
            environ[RECEIVED_HEADERS] = self.received(environ[RECEIVED_HEADERS])
            return self.tee(environ, lambda status, headers: start_response(status, self.answered(headers)))
        return self.tee(environ, start_response)


def same(headers):
    return headers


AS_SENT = [
    "A received 60 requests: each one as sent by the client",
    "B received 60 requests: each one as sent by the client",
    "the clients received 60 answers: each one as sent by A",
]


@pytest.mark.parametrize(
    ("received", "answered", "noticed"),
    [
        (same, same, []),
        (lambda headers: [(name.title(), value) for name, value in headers], same, [0, 1]),
        (lambda headers: [*headers[1:], headers[0]], same, [0, 1]),
        (lambda headers: [field for field in headers if field != ("x-twice", "a")], same, [0, 1]),
        (same, lambda headers: [(name.lower(), value) for name, value in headers], [2]),
        (same, lambda headers: [*headers, ("Date", "today")], [2]),
    ],
)
def test_one_field_of_one_message_that_differs_is_noticed(received, answered, noticed, monkeypatch, capsys):
    monkeypatch.setattr(first_act, "_REQUESTS", 60)  # ten for each of the six kinds
    build = first_act.build_tee
    monkeypatch.setattr(first_act, "build_tee", lambda *arguments: Between(build(*arguments), received, answered))
    assert first_act.run_first_act() == (1 if noticed else 0)
    lines = capsys.readouterr().out.splitlines()
    expected = [line.replace("each one as", "NOT as") if at in noticed else line for at, line in enumerate(AS_SENT)]
    assert lines[2:5] == expected
    assert lines[-1] == ("They DO NOT agree." if noticed else "They agree.")
