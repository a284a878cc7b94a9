"""Plain WSGI: a digest of what was asked, or what the path says."""

import hashlib
import logging
import os

import httptee

logging.basicConfig(level=logging.INFO)


def answer(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/raises":
        raise ZeroDivisionError("a bug of the application")
    if path == "/ledger":
        return _text(start_response, "\n".join(application.ledger.lines()))
    if path == "/metrics":
        return _text(start_response, _metrics())
    if path == "/pid":
        return _text(start_response, str(os.getpid()))
    if path == "/unread":
        return _text(start_response, "no", "403 No")
    if path == "/file":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return environ["wsgi.file_wrapper"](open(__file__, "rb"))
    if path == "/stream":
        return _stream(start_response)
    body = _body(environ)
    said = f"{environ['REQUEST_METHOD']} {hashlib.sha256(body).hexdigest()}"
    return _text(start_response, said)


def _body(environ):
    if environ.get("HTTP_TRANSFER_ENCODING") == "chunked":
        return environ["wsgi.input"].read()
    return environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def _stream(start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield from (b"one ", b"two ", b"three")


def _text(start_response, text, status="200 OK"):
    body = text.encode()
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def _metrics():
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    registry.register(application.metrics())
    return generate_latest(registry).decode()


application = httptee.Shadowed(answer)
