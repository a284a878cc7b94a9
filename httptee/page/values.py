"""The values of /status in a template. Each is marked with its place, and none is left out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from markupsafe import Markup

from httptee.page.figures import figure

_STAMPS = 1e9  # seconds since the epoch: less is no time of this program


class Values:
    """Looks values up by their place, such as `b/0/ledger/seen`, and remembers which were shown."""

    def __init__(self, status: Mapping[str, Any]) -> None:
        self._status = status
        self._shown: set[str] = set()

    def at(self, place: str) -> Any:
        """The value itself; None where there is none."""
        found: Any = self._status
        for name in place.split("/"):
            if isinstance(found, Mapping):
                found = found.get(name, found.get(int(name)) if name.isdigit() else None)
            elif isinstance(found, list) and name.isdigit() and int(name) < len(found):
                found = found[int(name)]
            else:
                return None
        return found

    def __call__(self, place: str, kind: str = "count") -> Markup:
        """The value as people read it, marked with its place and with what /status says."""
        return self._marked(place, self.at(place), kind)

    def rest(self, place: str, kind: str = "") -> list[tuple[str, Markup]]:
        """What is at a place or below it and was not shown yet: names and values. Without a `kind`, the name of each
        value says what it is."""
        left = [(each, value) for each, value in _leaves(self.at(place), place) if each not in self._shown]
        return [
            (each[len(place) :].strip("/").replace("/", " "), self._marked(each, value, kind or _kind_of(each, value)))
            for each, value in left
        ]

    def table(self, place: str) -> tuple[list[str], list[list[Markup]]]:
        """The columns and rows of a list of objects; empty for anything else."""
        found = self.at(place)
        if not isinstance(found, list) or not found or not all(isinstance(row, Mapping) for row in found):
            return [], []
        names = list(dict.fromkeys(name for row in found for name, value in row.items() if not _is_nested(value)))
        return names, [
            [self._marked(f"{place}/{number}/{name}", row.get(name), _kind_of(name, row.get(name))) for name in names]
            for number, row in enumerate(found)
        ]

    def _marked(self, place: str, value: Any, kind: str) -> Markup:
        self._shown.add(place)
        said = value if isinstance(value, str) else "" if value is None else json.dumps(value)
        # Put together, not formatted by Markup, which takes several times as long: a page has hundreds of values.
        return Markup(f'<data value="{escape(said)}" data-key="{escape(place)}">{escape(figure(value, kind))}</data>')

    def others(self, known: set[str]) -> list[str]:
        """The keys of /status that are not known: a section for each is better than none."""
        return [name for name, value in self._status.items() if name not in known and value is not None]


def _kind_of(place: str, value: Any) -> str:
    """What a value is, by its name: most sections of /status are read without knowing them."""
    name = place.rpartition("/")[2]
    if name in ("pid", "core", "port", "row"):
        return "text"
    if (
        name in ("at", "ends", "since", "began", "started", "oldest", "newest")
        and isinstance(value, int | float)
        and value > _STAMPS
    ):
        return "stamp"
    if name == "memory" or name.endswith("bytes"):
        return "bytes"
    if name in ("age", "oldest", "eta", "span", "seconds") or name.endswith("_seconds"):
        return "duration"
    return "share" if name in ("share", "fill") else "count"


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping | list)


def _leaves(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """The values at a place and below it that contain no others, with their places."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _leaves(each, f"{place}/{name}")
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from _leaves(each, f"{place}/{number}")
    else:
        yield place, value
