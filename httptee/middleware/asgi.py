"""ASGI middleware for which the application is A (ASGI 3). Nothing is awaited for a B: threads send its clones."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import quote

from httptee.http import RECEIVED_HEADERS
from httptee.ledger import Ledger
from httptee.middleware.application import Silent
from httptee.middleware.incoming import Arriving, Body, NoBody
from httptee.middleware.inside import Inside
from httptee.middleware.lifespan import AsgiApplication, Lifespan, Message, Receive, Scope, Send
from httptee.middleware.passage import FOLLOWING, Passage
from httptee.shadow import Budget

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from prometheus_client.registry import Collector

_UNSEEN = frozenset({"http.response.pathsend", "http.response.zerocopysend"})
"""Messages whose content the server sends by itself."""


class ShadowedAsgi:
    """An ASGI application that answers what `application` answers, and offers a clone of each request to every B.

    The arguments are those of `httptee.Shadowed`. WebSockets and the lifespan pass unchanged. Nothing here can fail
    a request.
    """

    def __init__(
        self,
        application: AsgiApplication,
        *shadows: str,
        settings: Mapping[str, object] | None = None,
        config: str | os.PathLike[str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.application = application
        self._inside = Inside(Silent(), shadows, settings or {}, config, os.environ if environ is None else environ)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve a connection, as the application does."""
        if scope["type"] == "lifespan":
            await Lifespan(self.application, self.close).serve(scope, receive, send)
            return
        request = self._begun(scope) if scope["type"] == "http" else None
        if request is None:
            await self.application(scope, receive, send)
            return
        try:
            await self.application(scope, request.receiving(receive), request.sending(send))
        except asyncio.CancelledError:  # the server ends the request: its client has gone
            raise
        except BaseException:
            request.passage.failed()
            raise
        finally:
            request.passage.close()

    @property
    def ledger(self) -> Ledger:
        """What became of every clone, over all processes that count together."""
        return self._inside.ledger

    def metrics(self) -> Collector:
        """The ledger as a collector, for a registry of the Prometheus client: `registry.register(app.metrics())`."""
        return self._inside.metrics()

    def close(self) -> None:
        """Drain the Bs of this process within the drain timeout. The end of the process calls it too."""
        self._inside.end()

    def _begun(self, scope: Scope) -> _Request | None:
        tee = self._inside.tee
        if tee is None or tee.budget is None:
            return None
        try:
            self._inside.publish(monotonic())
            environ = environ_of(scope)
            body = _body_of(environ, self._inside.most_body, tee.budget)
            return _Request(Passage(tee, environ, body), body)
        except Exception:
            tee.faults.report(FOLLOWING)
            return None


class _Request:
    """Notes the messages of one request."""

    __slots__ = ("_body", "passage")

    def __init__(self, passage: Passage, body: Body) -> None:
        self.passage = passage
        self._body = body

    def receiving(self, receive: Receive) -> Receive:
        """The server's `receive`, with the body noted as the application reads it."""
        body = self._body
        if not isinstance(body, Arriving):
            return receive

        async def received() -> Message:
            message = await receive()
            with suppress(Exception):  # whatever it is, the application gets it
                if message["type"] == "http.request":
                    body.add(message.get("body", b""), last=not message.get("more_body", False))
            return message

        return received

    def sending(self, send: Send) -> Send:
        """The server's `send`, with the answer noted. The clone is offered when the server has taken its last piece."""
        passage = self.passage

        async def sent(message: Message) -> None:
            kind = message.get("type")
            if kind == "http.response.body":
                passage.passed(message.get("body", b""))
                await send(message)
                if message.get("more_body", False):
                    passage.sent()
                else:
                    passage.ended()
                    passage.close()
                return
            await send(message)
            if kind == "http.response.start":
                passage.answered(message)
            elif kind in _UNSEEN:
                passage.unseen()

        return sent


def environ_of(scope: Scope) -> WSGIEnvironment:
    """What a tee reads of a request, as in a WSGI environ. The header fields keep their order and duplicates; their
    names are in lower case, as ASGI has them. The target is the raw one if the server gives it."""
    raw: bytes | None = scope.get("raw_path")
    path = raw.decode("latin-1") if raw else quote(scope["path"], safe="/:@!$&'()*+,;=~")
    query = scope.get("query_string", b"").decode("latin-1")
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    client = scope.get("client") or ("", "")
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"],
        "REQUEST_URI": f"{path or '/'}?{query}" if query else path or "/",
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        RECEIVED_HEADERS: headers,
    }
    for name, value in headers:
        if name in _READ:
            environ[_READ[name]] = value
    return environ


_FRAMED = frozenset({"HTTP/1.0", "HTTP/1.1"})
_BARE = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
_READ = {
    "content-length": "CONTENT_LENGTH",
    "transfer-encoding": "HTTP_TRANSFER_ENCODING",
    "host": "HTTP_HOST",
    "via": "HTTP_VIA",
    "expect": "HTTP_EXPECT",
    "max-forwards": "HTTP_MAX_FORWARDS",
}
"""The fields that decide how a request is read."""


def _body_of(environ: WSGIEnvironment, most: int, budget: Budget) -> Body:
    announced = environ.get("CONTENT_LENGTH", "")
    length = int(announced) if announced.isascii() and announced.isdigit() else None
    framed = announced or "HTTP_TRANSFER_ENCODING" in environ
    # From HTTP/2 on, a body needs neither of the two fields.
    if length == 0 or (not framed and (environ["SERVER_PROTOCOL"] in _FRAMED or environ["REQUEST_METHOD"] in _BARE)):
        return NoBody()
    return Arriving(most, budget, length)
