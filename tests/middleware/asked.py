"""A server around the middleware, in the test's process: it asks as PEP 3333 says."""

import sys
from io import BytesIO
from types import SimpleNamespace


class Stream:
    """An input that can be read once, as of a socket. `reads` counts the calls."""

    def __init__(self, content):
        self._content = BytesIO(content)
        self.reads = 0

    def read(self, *size):
        self.reads += 1
        return self._content.read(*size)

    def readline(self, *size):
        return self._content.readline(*size)

    def readlines(self, *hint):
        return self._content.readlines(*hint)

    def __iter__(self):
        return iter(self._content)


def environ(method="GET", target="/", body=None, **changes):
    path, _, query = target.partition("?")
    made = {
        "REQUEST_METHOD": method,
        "REQUEST_URI": target,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "app",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "192.0.2.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "app.test",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": Stream(b"" if body is None else body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if body is not None:
        made["CONTENT_LENGTH"] = str(len(body))
    return made | changes


def ask(application, method="GET", target="/", body=None, **changes):
    """What the client gets: `status`, `headers`, `body` and `written`, and the `result` of the application."""
    got = SimpleNamespace(status="", headers=[], written=[], exc_info=None)

    def start_response(status, headers, exc_info=None):
        got.status, got.headers, got.exc_info = status, headers, exc_info
        return got.written.append

    result = got.result = application(environ(method, target, body, **changes), start_response)
    try:
        got.body = b"".join(result)
    finally:
        if hasattr(result, "close"):
            result.close()
    return got
