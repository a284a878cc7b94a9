"""What was counted since a B's chapter began, over several runs of the tee.

The counters of the worker processes begin with the tee and end with it, and they know no chapters. So what was counted
in earlier runs is added to them, and what they had counted before the chapter began is subtracted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, replace
from itertools import zip_longest
from typing import Any, TypeVar

from httptee.verdict.court import RouteSums

Line = dict[str, Any]
"""Counts by name; a value is a number, or a list of numbers for a histogram."""

T = TypeVar("T")  # a dataclass of counts


class Totals:
    """The counts of one B. `run` names this start of the tee, and `saved` is the `state` of an earlier judge.

    `sums` and `counts` are the counters at this moment: the ones by route, the others for the whole B.
    """

    def __init__(
        self, run: str, chapter: int, saved: Mapping[str, Any] | None, sums: Mapping[str, RouteSums], counts: Any
    ) -> None:
        self._run = run
        self._chapter = chapter
        self._sums: dict[str, Line] = {}
        self._counts: Line = {}
        saved = saved or {}
        same_run = saved.get("run") == run
        if saved.get("chapter") == chapter:
            self._take(saved.get("before"))
            if not same_run:
                self._take(saved.get("now"))
        elif same_run:  # the counters hold an earlier chapter
            self._sums = {route: _added({}, _line(one), -1) for route, one in sums.items()}
            self._counts = _added({}, _line(counts), -1)

    @property
    def routes(self) -> Collection[str]:
        """The routes of earlier runs, and of what was counted before the chapter."""
        return self._sums.keys()

    def fold(self, name_of: Callable[[str], str]) -> None:
        """Add the counts of routes that are one by now. `name_of` gives the name of each route."""
        for route in list(self._sums):
            if (name := name_of(route)) != route:
                self._sums[name] = _added(self._sums.get(name, {}), self._sums.pop(route), 1)

    def sums(self, now: Mapping[str, RouteSums]) -> Mapping[str, RouteSums]:
        """The counts of the chapter by route."""
        if not self._sums:
            return now
        found: dict[str, RouteSums] = {}
        for route in {**self._sums, **now}:
            found[route] = _with(now.get(route, RouteSums()), self._sums.get(route, {}))
        return found

    def counts(self, now: T) -> T:
        """The counts of the chapter for the whole B."""
        return _with(now, self._counts)

    def state(self, sums: Mapping[str, RouteSums], counts: Any) -> dict[str, Any]:
        """What the next judge needs, as values of JSON."""
        return {
            "run": self._run,
            "chapter": self._chapter,
            "before": {"sums": self._sums, "counts": self._counts},
            "now": {"sums": {route: _line(one) for route, one in sums.items()}, "counts": _line(counts)},
        }

    def _take(self, saved: Any) -> None:
        """Add what was saved. The file may be damaged: what is no count is left out."""
        if not isinstance(saved, Mapping):
            return
        self._counts = _added(self._counts, _counts(saved.get("counts")), 1)
        sums = saved.get("sums")
        for route, line in sums.items() if isinstance(sums, Mapping) else ():
            self._sums[route] = _added(self._sums.get(route, {}), _counts(line), 1)


def _line(counts: Any) -> Line:
    return {one.name: getattr(counts, one.name) for one in fields(counts)}


def _added(line: Line, other: Line, sign: int) -> Line:
    return {**line, **{name: _sum(line.get(name), value, sign) for name, value in other.items()}}


def _sum(one: Any, other: Any, sign: int) -> Any:
    if isinstance(other, int):
        return (one or 0) + sign * other
    return [left + sign * right for left, right in zip_longest(one or (), other, fillvalue=0)]


def _with(now: T, before: Line) -> T:
    """The counts with those of before. None is below 0: two routes may have become one in between."""
    known = _line(now)
    return replace(  # type: ignore[type-var]
        now, **{name: _at_least_0(_sum(value, known[name], 1)) for name, value in before.items() if name in known}
    )


def _at_least_0(value: Any) -> Any:
    return max(0, value) if isinstance(value, int) else tuple(max(0, each) for each in value)


def _counts(saved: Any) -> Line:
    return {name: value for name, value in saved.items() if _is_count(value)} if isinstance(saved, Mapping) else {}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, list) and all(isinstance(each, int) for each in value))
