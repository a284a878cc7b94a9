"""An echo backend, and a demonstration that needs only this package.

`httptee --demo` runs two echo backends and a tee in front of them, and sends a few hundred requests through it. It
compares the requests that A and B got with those that the clients sent, and the answers that the clients got with those
of A. `python -m httptee.demo -p 9001` runs one echo backend, for use as A or B of a tee.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from httptee.build import build_ledger, build_tee
from httptee.http import RECEIVED_HEADERS, Endpoint, Headers, Listen, without_userinfo
from httptee.processes import bind, build_server
from httptee.settings import Backend, Settings, help_text

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Seen = tuple[str, str, tuple[tuple[str, str], ...], str]
"""A message for comparison: method and target (or the status, and ""), header fields, a digest of the body."""

_REQUESTS = 600
_CLIENTS = 8
_ANY_PORT = Listen("127.0.0.1", 0)
_PATIENCE = 10.0  # seconds to wait until B has its last clone
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
                self.requests[_seen(method, target, fields, body)] += 1
                self.answers[_seen("200 OK", "", headers, answer)] += 1
        start_response("200 OK", headers)
        return _Body(answer)


class _Body(tuple[bytes, ...]):
    """A response body with a `close` (PEP 3333)."""

    __slots__ = ()

    def __new__(cls, body: bytes) -> _Body:
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


def run_demo_command(words: Sequence[str]) -> int:
    """Run `--demo`, `--demo serve` or `--demo=serve`; return the exit status."""
    rest = [*words[0].split("=", 1)[1:], *words[1:]]
    if rest and rest[0] in ("-h", "-help", "--help"):
        print(help_text(), end="")
        return 0
    unexpected = rest[1:] if rest[:1] == ["serve"] else rest
    if unexpected:
        said = f"unexpected argument {without_userinfo(unexpected[0])!r}"
        print(f"httptee: --demo: {said}; write --demo, or --demo serve to keep it running", file=sys.stderr)
        return 2
    return run_demo(serve=bool(rest))


def run_demo(serve: bool = False) -> int:
    """Run the demonstration; with `serve`, run until Ctrl-C. Returns the exit status."""
    production, test = Echo("A", keeps=not serve), Echo("B", keeps=not serve)
    backends = [Background(echo, Settings(threads=8)) for echo in (production, test)]
    settings = Settings(
        a=Endpoint.parse(backends[0].url), b=(Backend.parse(backends[1].url),), threads=8, forward_client_ip=True
    )
    ledger = build_ledger(settings)
    tee = build_tee(settings, ledger)
    front = Background(tee, settings)
    try:
        print(f"A listens at {backends[0].url}, B at {backends[1].url}, httptee at {front.url}")
        if serve:
            _wait_for_the_user(front.url)
            return 0
        got = _send_all(front.port)
        deadline = time.monotonic() + _PATIENCE
        while ledger.statements()[0].in_flight and time.monotonic() < deadline:
            time.sleep(0.01)
        sent = Counter(_seen(*_request(number, front.port)) for number in range(_REQUESTS))
        return _report(sent, got, production, test, str(ledger))
    finally:
        front.close()
        tee.close()
        for backend in backends:
            backend.close()


def _wait() -> None:
    """Wait until Ctrl-C, in short waits: a signal just before a wait begins does not end that wait."""
    while not threading.Event().wait(0.2):
        pass


def _wait_for_the_user(url: str) -> None:
    print(f"Try: curl -i -d hello '{url}/any/path?x=1'", flush=True)
    print("Press Ctrl-C to stop.", flush=True)
    try:
        _wait()
    except KeyboardInterrupt:
        print()


def _send_all(port: int) -> Counter[Seen]:
    """Send the requests from several clients at once; return the answers that they got."""
    with ThreadPoolExecutor(_CLIENTS) as clients:
        batches = clients.map(lambda number: _send_some(port, number), range(_CLIENTS))
        return sum(batches, Counter[Seen]())


def _send_some(port: int, client: int) -> Counter[Seen]:
    got: Counter[Seen] = Counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    for number in range(client, _REQUESTS, _CLIENTS):
        method, target, headers, body = _request(number, port)
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        fields = response.getheaders()
        got[_seen(f"{response.status} {response.reason}", "", fields, response.read())] += 1
    connection.close()
    return got


def _request(number: int, port: int) -> tuple[str, str, Headers, bytes]:
    """One request of the mix: reads and writes, short and long bodies, and targets and header fields that many proxies
    normalize."""
    method, target, body = (
        ("GET", f"/plain/{number}", b""),
        ("POST", f"/write?n={number}", f"point value={number}\n".encode() * (number % 50 + 1)),
        ("HEAD", f"/head/{number}", b""),
        ("GET", f"/a%2Fb//..;/{number}?q=%zz|", b""),
        ("PUT", f"/large/{number}", b"x" * 50_000),
        ("REPORT", f"/unheard/of/{number}?", b"<x/>"),
    )[number % 6]
    headers = [("Host", f"127.0.0.1:{port}"), ("user-AGENT", "httptee demo"), ("X-Twice", "b"), ("x-twice", "a")]
    return method, target, headers + ([("Content-Length", str(len(body)))] if body else []), body


def _seen(first: str, second: str, headers: Headers, body: bytes) -> Seen:
    """The message without the fields that the tee adds."""
    kept = tuple((name, value) for name, value in headers if name.lower() not in _ADDED)
    return first, second, kept, hashlib.sha256(body).hexdigest()


def _report(sent: Counter[Seen], got: Counter[Seen], production: Echo, test: Echo, ledger: str) -> int:
    at_a, at_b = production.requests, test.requests
    agree = sent == at_a == at_b and got == production.answers
    methods = Counter(method for method, *_ in sent.elements())
    mix = ", ".join(f"{count} {method}" for method, count in methods.items())
    print(f"{sent.total()} requests from {_CLIENTS} clients: {mix}")
    print(f"A received {at_a.total()} requests: {_agreement(at_a == sent, 'sent by the client')}")
    print(f"B received {at_b.total()} requests: {_agreement(at_b == sent, 'sent by the client')}")
    print(f"the clients received {got.total()} answers: {_agreement(got == production.answers, 'sent by A')}")
    print("compared: method, target, status, header fields in order, body; added: Via, X-Forwarded-For, Forwarded")
    print(ledger)
    print("They agree." if agree else "They DO NOT agree.")
    return 0 if agree else 1


def _agreement(same: bool, by: str) -> str:
    return f"each one as {by}" if same else f"NOT as {by}"


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
        _wait()
    except KeyboardInterrupt:
        print()
    backend.close()
    return 0
