"""The parts of the page, each as a piece of HTML, made once for all readers.

What changes at every moment is made anew at most once a second: the state, A and the Bs, the worker processes. The
plots change with each point, the verdict with each report, the configuration with a reload. The script asks for those
only when their version has changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from hashlib import blake2s
from threading import Lock
from time import monotonic, time
from typing import Any

from httptee.page.plots import MOST, Curve, plots
from httptee.page.templating import rendered
from httptee.page.values import Values
from httptee.page.verdict import verdict_of
from httptee.page.view import View

LIVE = ("head", "upstreams", "tee")
SLOW = ("plots", "verdict", "configuration")
_LIVE_FOR = 1.0  # seconds
_VERDICT_FOR = 5.0  # seconds; a busy judge reports every second
_PLAIN = {"version", "python", "native", "host", "started", "uptime", "workers", "a", "b", "verdict"}
_PLAIN |= {"share", "share_changes"}
_PLAIN |= {"log_dropped", "unobserved", "settings", "control", "reload", "certificate", "processes"}


class Parts:
    """Makes the parts. Any thread may ask; one at a time makes them."""

    def __init__(self, view: Callable[[], View], curves: Callable[[], Sequence[Curve]]) -> None:
        self._take = view
        self._curves = curves
        self._lock = Lock()
        self._at = -_LIVE_FOR
        self._live: dict[str, str] = {}
        self._slow: dict[str, str] = {}
        self._versions: dict[str, str] = {}
        self._judged_at = -_VERDICT_FOR
        self._configured: tuple[Any, ...] = ()
        self._host = ""

    def whole(self) -> str:
        """The whole page."""
        with self._lock:
            self._refresh()
            return rendered("page.html", live=self._live, slow=self._slow, versions=self._versions, host=self._host)

    def part(self, name: str) -> bytes:
        """One part as JSON: `sections` by name. With `live`, also the versions of the others. Raises KeyError."""
        with self._lock:
            self._refresh()
            if name == "live":
                return json.dumps({"sections": self._live, "versions": self._versions}).encode()
            return json.dumps({"sections": {name: self._slow[name]}}).encode()

    def _refresh(self) -> None:
        now = monotonic()
        if now - self._at < _LIVE_FOR:
            return
        view = self._take()
        values = Values(view.status)
        shared = {"v": values, "status": view.status, "at": time()}
        self._live = {name: rendered(f"{name}.html", **shared, others=values.others(_PLAIN)) for name in LIVE}
        self._make_plots()
        self._make_verdict(view, now)
        self._make_configuration(view, shared)
        self._host = view.status["host"]
        self._at = now

    def _make_configuration(self, view: View, shared: dict[str, Any]) -> None:
        shown = (view.status["settings"], [b["line"] for b in view.status["b"]])
        if shown != self._configured:
            self._configured = shown
            # Not a number: the next admin process may have another configuration, and the script knows this one's.
            version = blake2s(repr(shown).encode()).hexdigest()[:16]
            self._make("configuration", version, lambda: rendered("configuration.html", **shared))

    def _make_plots(self) -> None:
        curves = self._curves()
        last = max((curve.points[-1][0] for curve in curves if curve.points), default=0.0)

        def made() -> str:
            return rendered("plots.html", plots=plots(curves), more=max(0, len(curves) - 1 - MOST))

        self._make("plots", f"{last:.0f}", made)

    def _make_verdict(self, view: View, now: float) -> None:
        if "verdict" in self._versions and now - self._judged_at < _VERDICT_FOR:
            return
        self._judged_at = now
        shown = [verdict_of(report) for report in view.reports]
        judge = view.status["verdict"]

        def made() -> str:
            return rendered("verdict.html", verdicts=shown, at=view.at, judge=judge)

        self._make("verdict", f"{view.at} {judge and (judge['error'], judge.get('alone'))}", made)

    def _make(self, name: str, version: str, made: Callable[[], str]) -> None:
        if self._versions.get(name) != version:
            self._slow[name] = made()
            self._versions[name] = version
