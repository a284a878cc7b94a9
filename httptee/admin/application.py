"""The WSGI application of the admin listener: its read-only pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from time import time
from typing import TYPE_CHECKING

from httptee.admin.check import Check
from httptee.admin.history import History
from httptee.admin.hour import Hour
from httptee.admin.judged import Judged, Watched, judged
from httptee.admin.metrics import CONTENT_TYPE, LedgerCollector, exposition
from httptee.admin.processes import Mounting
from httptee.admin.status import status
from httptee.http import RECEIVED_HEADERS, Headers
from httptee.journal.engines import parse_address
from httptee.ledger import Ledger
from httptee.page import MISDIRECTED, Curve, Page, Served, View, is_loopback, is_own_name, respond, text
from httptee.settings import Settings
from httptee.verdict.evidence import Unreadable, read_verdict

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_JSON = "application/json"


class Admin:
    """Answers GET and HEAD for its pages. `started` is the start of the tee, in seconds since the epoch.

    `watched` says where the judge writes and what it reads; None if there is no judge. `hour` has the points of the
    last hour; without one, it begins now. With `mounting`, the tee runs under another server. On loopback, it answers
    only for names that nobody else can own.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        check: Check,
        started: float | None = None,
        hour: Hour | None = None,
        watched: Watched | None = None,
        mounting: Mounting | None = None,
    ) -> None:
        self.history = History(ledger, recording=ledger.recording.directory or settings.record)
        self._hour = hour or Hour.of(ledger)
        self.check = check
        self._settings = settings
        self._watched = watched
        self._mounting = mounting
        self._ledger = ledger
        self._started = time() if started is None else started
        self._elsewhere = parse_address(settings.verdict_engine).label if settings.verdict_engine else ""
        self._judged = partial(_judged, watched, self._elsewhere) if watched is not None else None
        self._collector = LedgerCollector(ledger, self._started, self._judged, settings, mounting)
        self._any_name = not is_loopback(settings.admin)
        self._page = Page(self._view, self._curves)
        self._pages: dict[str, Callable[[], Served]] = {
            "/healthz": self._health,
            "/readyz": self._readiness,
            "/status": self._status,
            "/metrics": self._metrics,
            "/verdict": self._verdict,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        headers: Headers = environ.get(RECEIVED_HEADERS, [])
        path = environ["REQUEST_URI"].partition("?")[0]
        return respond(self._answer(environ["REQUEST_METHOD"], path, headers), environ, start_response)

    def second(self) -> None:
        """Remember the counts of this moment. Called about once a second."""
        self._hour.add(self.history.take())

    def _answer(self, method: str, path: str, headers: Headers) -> Served:
        if not self._any_name and not is_own_name(headers):
            return text("421 Misdirected Request", MISDIRECTED)
        made = self._pages.get(path) or self._page.at(path)
        if made is None:
            return text("404 Not Found", f"the pages are /, {', '.join(self._pages)}")
        if method not in ("GET", "HEAD"):
            return replace(text("405 Method Not Allowed", "read-only"), allow="GET, HEAD")
        return made()

    def _view(self) -> View:
        """What the page shows."""
        judged = self._judged() if self._judged is not None else None
        found = status(self._settings, self._ledger, self.history, self.check, self._started, judged, self._mounting)
        if judged is None or self._watched is None:
            return View(found)
        return View(found, list(judged.reports.values()), judged.document.get("at"), self._watched.place)

    def _curves(self) -> list[Curve]:
        """The last hour of A and of every B."""
        hour = self._hour
        return [
            Curve(name, [(point.at, point.rate, point.p50, point.p99) for point in hour.line(number)])
            for number, name in enumerate(hour.names)
        ]

    def _health(self) -> Served:
        """Whether a worker process is alive, even if it drains."""
        if self._ledger.workers():
            return text("200 OK", "ok")
        return _unavailable("no worker is alive")

    def _readiness(self) -> Served:
        """Whether new connections should go to this tee."""
        workers = self._ledger.workers()
        if not workers:
            return _unavailable("no worker is alive")
        if all(worker.draining for worker in workers):
            return _unavailable("draining")
        self.check.wait()
        if not self.check.passes:
            return _unavailable(f"A fails its check: {self.check.said}")
        return text("200 OK", "ready")

    def _status(self) -> Served:
        return Served(_JSON, json.dumps(self._view().status, indent=2).encode() + b"\n")

    def _metrics(self) -> Served:
        return Served(CONTENT_TYPE, exposition(self._collector))

    def _verdict(self) -> Served:
        """The latest reports on all Bs."""
        if self._watched is None:
            return text("404 Not Found", "no answers are compared: see the option -verdict")
        if self._elsewhere:
            return _unavailable(f"other judges judge the pairs of this tee: httptee verdict {self._elsewhere}")
        if not self._watched.place:
            return _unavailable("no pair of answers has been compared yet")
        try:
            found = read_verdict(self._watched.place)
        except Unreadable as error:
            return _unavailable(str(error))
        return Served(_JSON, json.dumps(found, indent=2).encode() + b"\n")


def _judged(watched: Watched, elsewhere: str) -> Judged:
    return judged("" if elsewhere else watched.place, watched.tallies, elsewhere)


def _unavailable(why: str) -> Served:
    return text("503 Service Unavailable", why)
