"""The application as A: what a tee asks. In the way of a request nothing asks it; only the verdict asks it again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from httptee.errors import UpstreamConnectError
from httptee.http import Cancellation, FileBody, PassOn, Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_KEPT = ("SERVER_NAME", "SERVER_PORT", "SERVER_SOFTWARE", "SCRIPT_NAME", "wsgi.multiprocess", "wsgi.version")
_OWN_NAMES = {"CONTENT_TYPE", "CONTENT_LENGTH"}


class Silent:
    """An application that cannot be asked by a thread of the tee's."""

    asked = True
    upgraded = 0

    @property
    def may_be_asked(self) -> bool:
        """Whether another thread may ask it."""
        return False

    def look(self) -> None:
        """Do nothing: the application is here."""

    def answer(
        self,
        request: Request,
        cancellation: Cancellation | None = None,
        interim: PassOn | None = None,
        timed: bool = False,
    ) -> Response:
        """Raise an UpstreamError."""
        raise UpstreamConnectError("this application is not asked again")

    def close(self, timeout: float = 0.0) -> None:
        """Do nothing."""


class Application(Silent):
    """A WSGI application. It may be asked by another thread if its server runs it in several (`wsgi.multithread`)."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._seen: WSGIEnvironment = {}

    @property
    def may_be_asked(self) -> bool:
        """Whether another thread may ask it."""
        return bool(self._seen.get("wsgi.multithread"))

    def saw(self, environ: WSGIEnvironment) -> None:
        """Note what the server says about itself."""
        if not self._seen:
            self._seen = {key: environ[key] for key in (*_KEPT, "wsgi.multithread") if key in environ}

    def answer(
        self,
        request: Request,
        cancellation: Cancellation | None = None,
        interim: PassOn | None = None,
        timed: bool = False,
    ) -> Response:
        """The application's answer to one more request, read to its end. Raises what the application raises."""
        head: list[Any] = []
        body: list[bytes] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Callable[..., Any]:
            head[:] = [status, headers]
            return body.append

        pieces: Iterable[bytes] = self._application(self._environ(request), start_response)
        try:
            body.extend(pieces)
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()
        status, _, reason = head[0].partition(" ")
        return Response(int(status), reason, list(head[1]), b"".join(body))

    def _environ(self, request: Request) -> WSGIEnvironment:
        """The environ of a request (PEP 3333)."""
        path, _, query = request.target.partition("?")
        script = self._seen.get("SCRIPT_NAME", "")
        content = request.body.read() if isinstance(request.body, FileBody) else request.body
        assert isinstance(content, bytes)  # under another server no body streams
        environ = {
            **self._seen,
            "REQUEST_METHOD": request.method,
            "PATH_INFO": unquote(path, "latin-1").removeprefix(script),
            "QUERY_STRING": query,
            "REQUEST_URI": request.target,
            "RAW_URI": request.target,
            "REMOTE_ADDR": request.client,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": request.scheme,
            "wsgi.input": BytesIO(content),
            "wsgi.errors": sys.stderr,
            "wsgi.run_once": False,
        }
        for name, value in request.headers:
            key = name.upper().replace("-", "_")
            key = key if key in _OWN_NAMES else f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ
