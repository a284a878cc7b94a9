"""The paths of the page: the whole of it, its parts for the script, a difference, a pair, and its files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import unquote

from httptee.compare import Key
from httptee.page.evidence import evidence_of, har_of
from httptee.page.parts import SLOW, Parts
from httptee.page.plots import Curve
from httptee.page.served import HTML, JSON, Served, tagged
from httptee.page.templating import HERE, rendered
from httptee.page.verdict import finding_of
from httptee.page.view import View
from httptee.verdict.display import CannotSend
from httptee.verdict.evidence import StoredPair, Unreadable, read_pair

_FILES = {
    "/page/style.css": ("style.css", "text/css; charset=utf-8"),
    "/page/script.js": ("script.js", "text/javascript; charset=utf-8"),
    "/page/icon.svg": ("icon.svg", "image/svg+xml"),
}
_PARTS = {f"/page/{name}": name for name in ("live", *SLOW)}
_DIFFERENCE = re.compile(r"/difference/([^/]+)/([^/]+)")
_PAIR = re.compile(r"/evidence/(\d{1,18})(/har)?", re.ASCII)


class Page:
    """Answers the paths of the page from what `view` gives. `curves` are the points of the last hour."""

    def __init__(self, view: Callable[[], View], curves: Callable[[], Sequence[Curve]]) -> None:
        self._view = view
        self._parts = Parts(view, curves)
        self._files: dict[str, Served] = {}

    def at(self, path: str) -> Callable[[], Served] | None:
        """What makes the answer at a path; None if there is nothing."""
        if path == "/":
            return self._whole
        if path in _FILES:
            return partial(self._file, path)
        if path in _PARTS:
            return partial(self._part, _PARTS[path])
        if found := _DIFFERENCE.fullmatch(path):
            return partial(self._difference, unquote(found[1]), unquote(found[2]))
        if found := _PAIR.fullmatch(path):
            return partial(self._pair, int(found[1]), bool(found[2]))
        return None

    def _whole(self) -> Served:
        return _html(self._parts.whole())

    def _part(self, name: str) -> Served:
        return tagged(JSON, self._parts.part(name))

    def _file(self, path: str) -> Served:
        if path not in self._files:
            name, kind = _FILES[path]
            self._files[path] = tagged(kind, (HERE / name).read_bytes())
        return self._files[path]

    def _difference(self, backend: str, number: str) -> Served:
        view = self._view()
        finding = finding_of(view.reports, backend, number)
        if finding is None:
            return _missing("This difference is in no report any more.")
        kept = (_kept(view, example) for example in finding.examples)
        pair = next((pair for pair in kept if pair is not None), None)
        key = Key(finding.part, finding.path, finding.kind)
        shown = evidence_of(pair, key) if pair is not None else None
        return _html(rendered("difference.html", backend=backend, finding=finding, evidence=shown))

    def _pair(self, number: int, as_har: bool) -> Served:
        pair = _kept(self._view(), number)
        if pair is None:
            return _missing(f"Pair {number} is not kept, or not any more.")
        if not as_har:
            return _html(rendered("evidence.html", evidence=evidence_of(pair)))
        try:
            return Served(JSON, har_of(pair), file=f"pair-{number}.har")
        except CannotSend as error:
            return _missing(str(error))


def _kept(view: View, number: int) -> StoredPair | None:
    """A pair, if it can be read."""
    if not view.directory:
        return None
    try:
        return read_pair(view.directory, number)
    except Unreadable:
        return None


def _html(text: str) -> Served:
    return Served(HTML, text.encode("utf-8", "replace"))


def _missing(why: str) -> Served:
    return Served(HTML, rendered("missing.html", why=why).encode("utf-8", "replace"), "404 Not Found")
