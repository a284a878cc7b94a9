"""Sending a request through an adapter to a scripted server."""

from __future__ import annotations

from httptee.transport.prepared import WireRequest
from httptee.transport.timeouts import Timeouts

PATIENT = Timeouts(connect=10.0, headers=10.0, idle=10.0)
HASTY = Timeouts(connect=0.1, headers=0.1, idle=0.1)


def send(adapter, server, method="GET", target="/", headers=(), body=b"", timeouts=PATIENT, **options):
    pairs = [("Host", "a.test"), *headers]
    if len(body):
        pairs.append(("Content-Length", str(len(body))))
    request = WireRequest(method, f"{server.url}/", target, pairs, body)
    return adapter.send(request, stream=True, timeout=timeouts, **options)


def fetch(*arguments, **options):
    """The body of an answer, and nothing left open."""
    response = send(*arguments, **options)
    try:
        return response.raw.read()
    finally:
        response.raw.close()
