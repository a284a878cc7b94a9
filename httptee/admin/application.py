"""The WSGI application of the admin listener: its read-only pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from time import time
from typing import TYPE_CHECKING

from httptee.admin.check import Check
from httptee.admin.history import History
from httptee.admin.judged import judged
from httptee.admin.metrics import CONTENT_TYPE, LedgerCollector, exposition
from httptee.admin.status import status
from httptee.ledger import Ledger
from httptee.settings import Settings
from httptee.verdict.evidence import Unreadable, read_verdict
from httptee.verdict.pairs import Tallies

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Page = tuple[str, str, bytes]
"""Status line, content type, body."""

_TEXT = "text/plain; charset=utf-8"
_INDEX = b"""httptee: the pages of the admin listener

/healthz   200 while a worker process is alive
/readyz    200 while requests are accepted and A passes its check
/status    counts, rates, times and the settings in force, as JSON
/metrics   the counts for Prometheus
/verdict   whether each B can replace A, as JSON; `httptee verdict URL` prints it
"""


class Admin:
    """Answers GET and HEAD for its pages. `started` is the start of the tee, in seconds since the epoch.

    `evidence` is the directory that the judge writes to, or empty if there is no judge. `tallies` is what it reads.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        check: Check,
        started: float | None = None,
        evidence: str = "",
        tallies: Tallies | None = None,
    ) -> None:
        self.history = History(ledger)
        self.check = check
        self._settings = settings
        self._evidence = evidence
        self._ledger = ledger
        self._started = time() if started is None else started
        self._judged = partial(judged, evidence, tallies) if evidence else None
        self._collector = LedgerCollector(ledger, self._started, self._judged, settings)
        self._pages: dict[str, Callable[[], Page]] = {
            "/": self._index,
            "/healthz": self._health,
            "/readyz": self._readiness,
            "/status": self._status,
            "/metrics": self._metrics,
            "/verdict": self._verdict,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        extra: list[tuple[str, str]] = []
        page = self._pages.get(environ["REQUEST_URI"].partition("?")[0])
        if page is None:
            line, kind, body = "404 Not Found", _TEXT, f"the pages are {', '.join(self._pages)}\n".encode()
        elif environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            line, kind, body = "405 Method Not Allowed", _TEXT, b"read-only\n"
            extra = [("Allow", "GET, HEAD")]
        else:
            line, kind, body = page()
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"), *extra]
        start_response(line, headers)
        return Answer((body,))

    def _index(self) -> Page:
        """The list of the pages."""
        return "200 OK", _TEXT, _INDEX

    def _health(self) -> Page:
        """Whether a worker process is alive, even if it drains."""
        if self._ledger.workers():
            return "200 OK", _TEXT, b"ok\n"
        return _unavailable("no worker is alive")

    def _readiness(self) -> Page:
        """Whether new connections should go to this tee."""
        workers = self._ledger.workers()
        if not workers:
            return _unavailable("no worker is alive")
        if all(worker.draining for worker in workers):
            return _unavailable("draining")
        self.check.wait()
        if not self.check.passes:
            return _unavailable(f"A fails its check: {self.check.said}")
        return "200 OK", _TEXT, b"ready\n"

    def _status(self) -> Page:
        judged = self._judged() if self._judged is not None else None
        found = status(self._settings, self._ledger, self.history, self.check, self._started, judged)
        return "200 OK", "application/json", json.dumps(found, indent=2).encode() + b"\n"

    def _metrics(self) -> Page:
        return "200 OK", CONTENT_TYPE, exposition(self._collector)

    def _verdict(self) -> Page:
        """The latest reports on all Bs."""
        if not self._evidence:
            return "404 Not Found", _TEXT, b"no answers are compared: see the option -verdict\n"
        try:
            found = read_verdict(self._evidence)
        except Unreadable as error:
            return _unavailable(str(error))
        return "200 OK", "application/json", json.dumps(found, indent=2).encode() + b"\n"


class Answer(tuple[bytes, ...]):
    """A body with a `close` method, which the tee's own server calls."""

    __slots__ = ()

    def close(self) -> None:
        """Do nothing: there is nothing to free."""


def _unavailable(why: str) -> Page:
    return "503 Service Unavailable", _TEXT, f"{why}\n".encode()
