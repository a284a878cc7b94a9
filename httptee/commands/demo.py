"""An echo backend, and a demonstration that needs only this package.

`httptee --demo` runs two echo backends and a tee in front of them, sends a few hundred requests through it, and
compares the answers that the clients got with the requests that A and B got. `python -m httptee.demo -p 9001` runs
one echo backend, for use as A or B of a tee.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from httptee.build import build_ledger, build_tee
from httptee.http import RECEIVED_HEADERS, Endpoint, Listen
from httptee.processes import bind, build_server
from httptee.settings import Backend, Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Seen = tuple[str, str, str]
"""A request for comparison: method, target and a digest of the body."""

_REQUESTS = 600
_CLIENTS = 8
_ANY_PORT = Listen("127.0.0.1", 0)
_PATIENCE = 10.0  # seconds to wait until B has its last clone


class Echo:
    """A backend that answers with the received request as JSON, and counts the requests in `seen`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: Counter[Seen] = Counter()
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        method, target = environ["REQUEST_METHOD"], environ["REQUEST_URI"]
        with self._lock:
            self.seen[_seen(method, target, body)] += 1
        received = {
            "backend": self.name,
            "method": method,
            "target": target,
            "headers": environ[RECEIVED_HEADERS],
            "body": body.decode("utf-8", "replace"),
        }
        answer = json.dumps(received, indent=1).encode() + b"\n"
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
        return _Body(b"" if method == "HEAD" else answer)


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


def run_demo(serve: bool = False) -> int:
    """Run the demonstration; with `serve`, run until Ctrl-C. Returns the exit status."""
    production, test = Echo("A"), Echo("B")
    backends = [Background(echo, Settings(threads=8)) for echo in (production, test)]
    settings = Settings(
        a=Endpoint.parse(backends[0].url), b=(Backend.parse(backends[1].url),), threads=8, forward_client_ip=True
    )
    ledger = build_ledger(settings)
    tee = build_tee(settings, ledger)
    front = Background(tee, settings)
    print(f"A listens at {backends[0].url}, B at {backends[1].url}, httptee at {front.url}")
    try:
        if serve:
            _wait_for_the_user(front.url)
            return 0
        got = _send_all(front.port)
        deadline = time.monotonic() + _PATIENCE
        while ledger.statements()[0].in_flight and time.monotonic() < deadline:
            time.sleep(0.01)
        return _report(got, production.seen, test.seen, str(ledger))
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
    """Send the requests from several clients at once; return how often A's answers report each request."""
    with ThreadPoolExecutor(_CLIENTS) as clients:
        batches = clients.map(lambda number: _send_some(port, number), range(_CLIENTS))
        return sum(batches, Counter[Seen]())


def _send_some(port: int, client: int) -> Counter[Seen]:
    got: Counter[Seen] = Counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    for number in range(client, _REQUESTS, _CLIENTS):
        method, target, body = _request(number)
        connection.request(method, target, body)
        response = connection.getresponse()
        answer = response.read()
        if response.status == 200 and method == "HEAD":
            got[_seen(method, target, body)] += 1
        elif response.status == 200:
            echoed = json.loads(answer)
            if echoed["backend"] == "A":
                got[_seen(echoed["method"], echoed["target"], echoed["body"].encode())] += 1
    connection.close()
    return got


def _request(number: int) -> tuple[str, str, bytes]:
    """One request of the mix: reads and writes, short and long bodies, and targets that many proxies normalize."""
    kind = number % 6
    if kind == 0:
        return "GET", f"/plain/{number}", b""
    if kind == 1:
        return "POST", f"/write?n={number}", f"point value={number}\n".encode() * (number % 50 + 1)
    if kind == 2:
        return "HEAD", f"/head/{number}", b""
    if kind == 3:
        return "GET", f"/a%2Fb//..;/{number}?q=%zz|", b""
    if kind == 4:
        return "PUT", f"/large/{number}", b"x" * 50_000
    return "REPORT", f"/unheard/of/{number}?", b"<x/>"


def _seen(method: str, target: str, body: bytes) -> Seen:
    return method, target, hashlib.sha256(body).hexdigest()


def _report(got: Counter[Seen], at_a: Counter[Seen], at_b: Counter[Seen], ledger: str) -> int:
    sent = Counter(_seen(*_request(number)) for number in range(_REQUESTS))
    agree = got == at_a == at_b == sent
    print(f"{_REQUESTS} requests from {_CLIENTS} clients: " + ", ".join(_by_method(sent)))
    print(f"the clients received {got.total()} answers from A: {_agreement(got == sent)}")
    print(f"A received {at_a.total()} requests: {_agreement(at_a == sent)}")
    print(f"B received {at_b.total()} requests: {_agreement(at_b == sent)}")
    print(ledger)
    print("They agree." if agree else "They DO NOT agree.")
    return 0 if agree else 1


def _by_method(sent: Counter[Seen]) -> list[str]:
    methods = Counter(method for method, _, _ in sent.elements())
    return [f"{count} {method}" for method, count in methods.items()]


def _agreement(same: bool) -> str:
    return "each one as it was sent, byte for byte" if same else "NOT what was sent"


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
