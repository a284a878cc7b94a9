"""The first act: two echo backends, a tee in front of them, and a few hundred requests through it.

The requests that A and B got are compared with those that the clients sent, and the answers that the clients got with
those of A.
"""

from __future__ import annotations

import http.client
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from httptee.build import build_ledger, build_tee
from httptee.commands.demo.servers import Background, Echo, Seen, seen, wait
from httptee.http import Endpoint, Headers
from httptee.settings import Backend, Settings

_REQUESTS = 600
_CLIENTS = 8
_PATIENCE = 10.0  # seconds to wait until B has its last clone


def run_first_act(serve: bool = False) -> int:
    """Run it; with `serve`, run its servers until Ctrl-C. Returns the exit status."""
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
        # A client may have its answer before its clone is offered.
        while ((b := ledger.statements()[0]).seen < _REQUESTS or b.in_flight) and time.monotonic() < deadline:
            time.sleep(0.01)
        sent = Counter(seen(*_request(number, front.port)) for number in range(_REQUESTS))
        return _report(sent, got, production, test, str(ledger))
    finally:
        front.close()
        tee.close()
        for backend in backends:
            backend.close()


def _wait_for_the_user(url: str) -> None:
    print(f"Try: curl -i -d hello '{url}/any/path?x=1'", flush=True)
    print("Press Ctrl-C to stop.", flush=True)
    try:
        wait()
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
        got[seen(f"{response.status} {response.reason}", "", fields, response.read())] += 1
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
