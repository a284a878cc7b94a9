"""The WSGI application of a central judge's listener: its read-only pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from httptee.admin import CONTENT_TYPE, exposition
from httptee.admin.fleet.metrics import FleetCollector
from httptee.http import RECEIVED_HEADERS, Headers, Listen
from httptee.page import MISDIRECTED, FleetPage, FleetView, Served, is_loopback, is_own_name, respond, text
from httptee.verdict.evidence import Unreadable, read_verdict, report_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_JSON = "application/json"


class _NoCheck:
    """A judge has no A of its own whose health it could tell."""

    def start(self) -> None:
        """Nothing is checked."""

    def stop(self) -> None:
        """Nothing is checked."""


class FleetAdmin:
    """Answers GET and HEAD. `topic` is where the tees publish, and `directory` where this judge's evidence is. On
    loopback, it answers only for names that nobody else can own."""

    def __init__(self, topic: str, directory: str, listen: Listen | None) -> None:
        self.check = _NoCheck()
        self._topic = topic
        self._directory = directory
        self._any_name = not is_loopback(listen)
        self._collector = FleetCollector(directory)
        self._page = FleetPage(self._view)
        self._pages: dict[str, Callable[[], Served]] = {
            "/healthz": self._health,
            "/metrics": self._metrics,
            "/verdict": self._verdict,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        headers: Headers = environ.get(RECEIVED_HEADERS, [])
        path = environ["REQUEST_URI"].partition("?")[0]
        return respond(self._answer(environ["REQUEST_METHOD"], path, headers), environ, start_response)

    def second(self) -> None:
        """Nothing is due."""

    def _answer(self, method: str, path: str, headers: Headers) -> Served:
        if not self._any_name and not is_own_name(headers):
            return text("421 Misdirected Request", MISDIRECTED)
        made = self._pages.get(path) or self._page.at(path)
        if made is None:
            return text("404 Not Found", f"the pages are /, {', '.join(self._pages)}")
        if method not in ("GET", "HEAD"):
            return replace(text("405 Method Not Allowed", "read-only"), allow="GET, HEAD")
        return made()

    def _view(self) -> FleetView:
        try:
            found = self._read()
            reports = [report_of(report) for report in found["reports"]]
        except (Unreadable, ValueError) as error:
            return FleetView(self._topic, {}, error=str(error))
        return FleetView(self._topic, found.get("fleet") or {}, reports, found.get("at"), self._directory)

    def _verdict(self) -> Served:
        try:
            return Served(_JSON, json.dumps(self._read(), indent=2).encode() + b"\n")
        except Unreadable as error:
            return text("503 Service Unavailable", str(error))

    def _metrics(self) -> Served:
        return Served(CONTENT_TYPE, exposition(self._collector))

    def _read(self) -> dict[str, Any]:
        """The document with the reports. Raises Unreadable."""
        return read_verdict(self._directory)

    def _health(self) -> Served:
        return text("200 OK", "ok")
