"""Servers that run in a thread of this process, and an echo backend.

`python -m httptee.demo -p 9001` runs one echo backend, for use as A or B of a tee.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from httptee.http import RECEIVED_HEADERS, Headers, Listen
from httptee.processes import build_server
from httptee.server.sockets import bind
from httptee.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Seen = tuple[str, str, tuple[tuple[str, str], ...], str]
"""A message for comparison: method and target (or the status, and ""), header fields, a digest of the body."""

_ANY_PORT = Listen("127.0.0.1", 0)
_ADDED = ("via", "x-forwarded-for", "forwarded")


class Echo:
    """A backend that answers with the received request as JSON. With `keeps`, it counts requests and answers."""

    def __init__(self, name: str, keeps: bool = False) -> None:
        self.name = name
        self.requests: Counter[Seen] = Counter()
        self.answers: Counter[Seen] = Counter()
        self._keeps = keeps
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        method, target, fields = environ["REQUEST_METHOD"], environ["REQUEST_URI"], environ[RECEIVED_HEADERS]
        received = {
            "backend": self.name,
            "method": method,
            "target": target,
            "headers": fields,
            "body": body.decode("utf-8", "replace"),
        }
        answer = json.dumps(received, indent=1).encode() + b"\n"
        # Two fields of one name, in two spellings: both arrive, as they are.
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
        headers += [("Vary", "Accept"), ("vary", "Cookie")]
        answer = b"" if method == "HEAD" else answer
        if self._keeps:
            with self._lock:
                self.requests[seen(method, target, fields, body)] += 1
                self.answers[seen("200 OK", "", headers, answer)] += 1
        start_response("200 OK", headers)
        return Body(answer)


class Body(tuple[bytes, ...]):
    """A response body in one piece, with a `close` (PEP 3333)."""

    __slots__ = ()

    def __new__(cls, body: bytes) -> Body:
        """The body."""
        return super().__new__(cls, (body,))

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


class Background:
    """A server in a thread of this process, on a free port of this machine."""

    def __init__(self, application: WSGIApplication, settings: Settings, listen: Listen = _ANY_PORT) -> None:
        listening = bind(listen)
        self.port: int = listening.getsockname()[1]
        self._server = build_server(application, settings, listening)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Answer the requests in flight, and stop."""
        self._server.stop()
        self._thread.join()
        self._server.drain(1.0)


def seen(first: str, second: str, headers: Headers, body: bytes) -> Seen:
    """The message without the fields that the tee adds."""
    kept = tuple((name, value) for name, value in headers if name.lower() not in _ADDED)
    return first, second, kept, hashlib.sha256(body).hexdigest()


def wait() -> None:
    """Wait until Ctrl-C, in short waits: a signal just before a wait begins does not end that wait."""
    while not threading.Event().wait(0.2):
        pass


def run_echo() -> int:
    """Run one echo backend until Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m httptee.demo", description="An echo backend: answers each request with that request as JSON."
    )
    parser.add_argument(
        "-p", "--port", type=int, default=9001, help="port to listen on, at 127.0.0.1 (default %(default)s)"
    )
    port = parser.parse_args().port
    try:
        backend = Background(Echo(str(port)), Settings(threads=16), Listen("127.0.0.1", port))
    except OSError as error:
        parser.error(f"cannot listen on port {port}: {error.strerror}")
    print(f"Echo backend at {backend.url}", flush=True)
    try:
        wait()
    except KeyboardInterrupt:
        print()
    backend.close()
    return 0
