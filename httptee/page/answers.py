"""Gives a `Served` to a client, as a WSGI application does (PEP 3333)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from httptee.http import RECEIVED_HEADERS, Headers, values
from httptee.page.served import SECURITY, Served

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_TEXT = "text/plain; charset=utf-8"


class Answer(tuple[bytes, ...]):
    """A body with a `close` method, which the tee's own server calls."""

    __slots__ = ()

    def close(self) -> None:
        """Do nothing: there is nothing to free."""


def respond(served: Served, environ: WSGIEnvironment, start_response: StartResponse) -> Answer:
    """Answer one request. What the client has already, by its tag, is not sent again."""
    headers: Headers = environ.get(RECEIVED_HEADERS, [])
    line, body = served.status, served.body
    if served.tag and served.tag in ",".join(values(headers, "if-none-match")):
        line, body = "304 Not Modified", b""
    fields = [("Content-Type", served.kind), ("Content-Length", str(len(body)))]
    start_response(line, [*fields, *served.fields, *SECURITY])
    return Answer((body,))


def text(line: str, said: str) -> Served:
    """An answer in one line, for people, with this status."""
    return Served(_TEXT, f"{said}\n".encode(), line)
