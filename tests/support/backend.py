"""A well-behaved HTTP server that keeps connections alive and remembers all it was asked."""

from __future__ import annotations

import hashlib
from collections import Counter

from .scripted import ScriptedServer
from .scripts import Application, chunked_response, response, serve
from .wire import Request

FIXED_DATE = ("Date", "Tue, 01 Jul 2025 12:00:00 GMT")


def digest(request: Request) -> bytes:
    """A short text that only this method, target and body lead to."""
    what = f"{request.method} {request.target} ".encode("latin-1") + hashlib.sha256(request.body).hexdigest().encode()
    return what + b"\n"


def deterministic(request: Request) -> bytes:
    """An answer that follows from the request alone: its shape from the last word of the path, its body a digest."""
    body = digest(request)
    headers = [FIXED_DATE, ("Content-Type", "text/plain"), ("X-Served-By", "backend")]
    shape = request.target.partition("?")[0].rsplit("/", 1)[-1]
    if request.method == "HEAD":
        return response(body=None, headers=[*headers, ("Content-Length", str(len(body)))])
    if shape == "chunked":
        return chunked_response(body[:7], body[7:], headers=headers)
    if shape == "empty":
        return response(body=b"", headers=headers)
    if shape == "nothing":
        return response("204 No Content", body=None, headers=headers)
    if shape == "missing":
        return response("404 Not Found", body, headers)
    if shape == "broken":
        return response("500 Internal Server Error", body, headers)
    return response("200 OK", body, headers)


class Backend(ScriptedServer):
    """A scripted server around an application: a function from the request received to the bytes of the answer."""

    def __init__(
        self, application: Application = deterministic, *, host: str = "127.0.0.1", port: int = 0, path: str = ""
    ) -> None:
        super().__init__(serve(application), host=host, port=port, path=path)

    def __enter__(self) -> Backend:
        super().__enter__()
        return self

    def bodies(self) -> Counter[tuple[str, str, bytes]]:
        """How often each (method, target, body) came."""
        return Counter((request.method, request.target, request.body) for request in list(self.requests))
