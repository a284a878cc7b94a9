"""One name for each route, where worker processes name it differently.

Each process learns the routes from the paths that it sees. So one may name a route `GET /users/{name}` while another
one still has `GET /users/bob`. What one process does not tell apart, nobody does: `GET /users/bob` is then counted as
`GET /users/{name}`. Beside `{name}` a process keeps frequent names, such as `GET /users/me`. That route stays for as
long as every process that has `GET /users/{name}` has it too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from httptee.compare import NAME

_MOST_KNOWN = 8192
_END = "/"  # no segment


class _Addable(Protocol):
    def __add__(self, other: Any) -> Any: ...


T = TypeVar("T", bound=_Addable)


class Folding:
    """Maps the name of a route to the one under which it is counted. `groups` are the names in use, by process."""

    def __init__(self, groups: Iterable[Collection[str]] = ()) -> None:
        self._groups: list[frozenset[str]] = []
        self._having: dict[str, list[frozenset[str]]] = {}
        self._tree: dict[str, Any] = {}
        self._known: dict[str, str] = {}
        self.learn(groups)

    def learn(self, groups: Iterable[Collection[str]]) -> None:
        """Take the names that are in use now. It costs little where they have not changed."""
        now = [frozenset(group) for group in groups]
        if now == self._groups:
            return
        self._groups, self._having, self._tree, self._known = now, {}, {}, {}
        for group in now:
            for name in group:
                if NAME in (segments := name.split("/")):
                    self._having.setdefault(name, []).append(group)
                    node = self._tree
                    for segment in segments:
                        node = node.setdefault(segment, {})
                    node[_END] = name

    def __call__(self, name: str) -> str:
        """The name under which a route is counted: mostly the same."""
        found = self._known.get(name)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = name
            while (wider := self._wider(found)) is not None:  # each one has more variables
                found = wider
            self._known[name] = found
        return found

    def _wider(self, name: str) -> str | None:
        """A name with more variables, by which some process calls what it could also call `name`."""
        nodes = [self._tree]
        for segment in name.split("/"):
            labels = (segment,) if "{" in segment else (segment, NAME)  # other variables stay what they are
            nodes = [node[label] for node in nodes for label in labels if label in node]
        found = [
            wider
            for node in nodes
            if (wider := node.get(_END)) is not None and any(name not in group for group in self._having[wider])
        ]
        return min(found, key=lambda wider: (-wider.count(NAME), wider), default=None)


def folded(counts: Mapping[str, T], name_of: Callable[[str], str]) -> dict[str, T]:
    """Counts by route, with those of routes that have the same name now added."""
    found: dict[str, T] = {}
    for name, count in counts.items():
        name = name_of(name)
        found[name] = found[name] + count if name in found else count
    return found
