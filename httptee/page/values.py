"""The values of /status in a template. Each is marked with its place, and none is left out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from httptee.page.figures import figure

_MARKED = Markup('<data value="{}" data-key="{}">{}</data>')


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
        value = self.at(place)
        self._shown.add(place)
        said = value if isinstance(value, str) else "" if value is None else json.dumps(value)
        return _MARKED.format(said, place, figure(value, kind))

    def rest(self, place: str, kind: str = "count") -> list[tuple[str, Markup]]:
        """What is at a place or below it and was not shown yet: names and values."""
        left = [each for each in _leaves(self.at(place), place) if each not in self._shown]
        return [(each[len(place) :].strip("/").replace("/", " "), self(each, kind)) for each in left]

    def others(self, known: set[str]) -> list[str]:
        """The keys of /status that are not known: a section for each is better than none."""
        return [name for name, value in self._status.items() if name not in known and value is not None]


def _leaves(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _leaves(each, f"{place}/{name}")
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from _leaves(each, f"{place}/{number}")
    else:
        yield place
