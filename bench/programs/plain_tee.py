"""The plain tee: the first version that a developer writes with waitress, requests and an executor.

It is the bench's lower bound. Its pools are as large as its thread counts. It has no limits and no ledger.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import requests
import waitress
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

THREADS = 8
HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-authenticate"}


def session() -> requests.Session:
    """A session with one pooled connection for each thread."""
    made = requests.Session()
    made.mount("http://", HTTPAdapter(pool_maxsize=THREADS))
    return made


class PlainTee:
    """A WSGI application: every request goes to A, and its clone to B in the background."""

    def __init__(self, a: str, b: str | None) -> None:
        self.a, self.b = a, b
        self.session_a, self.session_b = session(), session()
        self.executor = ThreadPoolExecutor(THREADS)

    def send_to_b(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        """Send the clone and discard the answer."""
        assert self.b is not None
        self.session_b.request(method, self.b + path, headers=headers, data=body, allow_redirects=False, timeout=60)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Return A's answer."""
        method = environ["REQUEST_METHOD"]
        path = environ["PATH_INFO"]
        if environ.get("QUERY_STRING"):
            path += "?" + environ["QUERY_STRING"]
        headers = {
            name[5:].replace("_", "-").title(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") and name[5:].replace("_", "-").lower() not in HOP_BY_HOP
        }
        if environ.get("CONTENT_TYPE"):
            headers["Content-Type"] = environ["CONTENT_TYPE"]
        body = environ["wsgi.input"].read()
        if self.b:
            self.executor.submit(self.send_to_b, method, path, headers, body)
        answer = self.session_a.request(
            method, self.a + path, headers=headers, data=body, allow_redirects=False, timeout=60
        )
        start_response(
            f"{answer.status_code} {answer.reason}",
            [(name, value) for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP],
        )
        return [answer.content]


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", required=True)
    parser.add_argument("-a", required=True)
    parser.add_argument("-b")
    options = parser.parse_args()
    waitress.serve(
        PlainTee(options.a, options.b),
        listen=options.listen,
        threads=THREADS,
        connection_limit=4096,
        asyncore_use_poll=True,
        max_request_body_size=1 << 40,
    )


if __name__ == "__main__":
    main()
