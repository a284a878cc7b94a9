"""The page of a central judge: the verdict over all tees, their ledgers and the sum, and the judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import time
from typing import Any

from httptee.page.page import Page
from httptee.page.served import HTML, Served
from httptee.page.templating import rendered
from httptee.page.verdict import verdict_of
from httptee.page.view import View
from httptee.verdict.court import Report

_EMPTY: Mapping[str, Any] = {"tees": [], "ledger": [], "judges": [], "lost": {"count": 0, "first": 0.0, "last": 0.0}}


@dataclass(frozen=True, slots=True)
class FleetView:
    """`topic` is where the tees publish. `fleet` is what the judge says of them, and `reports` are the latest, made
    `at` a time in seconds since the epoch, or None. `directory` is where this judge's evidence is. `error` says why
    there is nothing to show, or is empty."""

    topic: str
    fleet: Mapping[str, Any]
    reports: Sequence[Report] = ()
    at: float | None = None
    directory: str = ""
    error: str = ""


class FleetPage:
    """Answers the paths of the page from what `view` gives."""

    def __init__(self, view: Callable[[], FleetView]) -> None:
        self._view = view
        self._others = Page(self._plain, lambda: ())

    def at(self, path: str) -> Callable[[], Served] | None:
        """What makes the answer at a path; None if there is nothing."""
        if path == "/":
            return self._whole
        if path.startswith("/page/") and path.rpartition(".")[2] not in ("css", "svg"):
            return None
        return self._others.at(path)

    def _plain(self) -> View:
        view = self._view()
        return View({}, view.reports, view.at, view.directory)

    def _whole(self) -> Served:
        view = self._view()
        made = partial(rendered, "fleet.html", view=view, fleet={**_EMPTY, **view.fleet})
        shown = [verdict_of(report) for report in view.reports]
        text = made(verdicts=shown, now=time(), judge={"error": view.error, "alone": None, "elsewhere": None})
        return Served(HTML, text.encode("utf-8", "replace"))
