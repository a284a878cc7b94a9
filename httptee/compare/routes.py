"""The route of a request: a method and a path in which what is data has a placeholder, like `GET /users/{int}`.

The number of routes is bounded, and so are the memory and the time for each path, whatever clients ask for.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from threading import Lock
from urllib.parse import quote

from httptee.compare.segments import NAME, REST, placeholder
from httptee.compare.trie import Node, collapse
from httptee.http import path_of

OTHER = "other"
"""The route of everything beyond the limit, and of unknown methods."""

MAX_ROUTES = 500
DEPTH = 12
_CACHED, _MAX_CACHED_PATH = 4096, 256
_MAX_MERGED = 10_000
_VARIABLE = re.compile(r"\{[^{}/]*\}")
_SAFE = "!$&()*+,;=:@%~{}[]|^"

METHODS = frozenset(
    (
        "GET",
        "HEAD",
        "POST",
        "PUT",
        "PATCH",
        "DELETE",
        "OPTIONS",
        "TRACE",
        "CONNECT",
        "QUERY",
        "SEARCH",
        "REPORT",
        "PURGE",
        "PROPFIND",
        "PROPPATCH",
        "MKCOL",
        "COPY",
        "MOVE",
        "LOCK",
        "UNLOCK",
    )
)
"""The methods that make routes of their own."""


class Routes:
    """Names routes, and learns from the paths it sees. Threads may share it.

    The operator's `templates`, such as `/users/{id}/posts`, come first: `{…}` stands for one segment or a part of one,
    `*` at the end for the rest of the path. Raises ValueError for a template that does not start with `/`, or that has
    two variables in one segment: to match those can take very long.
    """

    def __init__(self, templates: Iterable[str] = ()) -> None:
        self._templates = _Templates(templates)
        self._root = Node("")
        self._asterisk = Node("*")
        self._names: set[str] = set()
        self.renamed: deque[tuple[str, str]] = deque(maxlen=_MAX_MERGED)
        """What `merged` will return: mostly nothing, and to look costs less than a call."""
        self._nodes: dict[str, Node] = {}
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"<Routes {len(self._names)} of {MAX_ROUTES}>"

    def route(self, method: str, target: str) -> str:
        """The route of a request target in any form. The query is not part of it. Never raises."""
        path = target.partition("?")[0]
        node = self._nodes.get(path)
        if node is not None:
            route = node.routes.get(method)
            if route is not None:
                node.hits += 1
                return route
        return self._learn(method, path)

    def merged(self) -> Sequence[tuple[str, str]]:
        """The routes that have got another name since the last call: (old, new), to be applied in this order."""
        if not self.renamed:
            return ()
        with self._lock:
            merged = list(self.renamed)
            self.renamed.clear()
        return merged

    def _learn(self, method: str, target: str) -> str:
        if method not in METHODS:
            return OTHER
        path = target if target[:1] == "/" else path_of(target)
        node = self._templates.node(path) if self._templates else None
        with self._lock:
            if node is None:
                node = self._asterisk if path == "*" else self._place(path)
            if node is None:
                return OTHER
            route = node.routes.get(method)
            if route is None:
                if len(self._names) >= MAX_ROUTES:
                    return OTHER
                route = node.routes[method] = f"{method} {node.path}"
                self._names.add(route)
            node.hits += 1
            if len(target) <= _MAX_CACHED_PATH:
                if len(self._nodes) >= _CACHED:
                    self._nodes.clear()
                self._nodes[target] = node
        return route

    def _place(self, path: str) -> Node | None:
        """The node of a path, or None if it would make one route too many."""
        segments = path.partition("#")[0].split("/", DEPTH + 1)
        if not segments[0] and len(segments) > 1:
            del segments[0]
        if len(segments) > DEPTH:
            segments[DEPTH:] = [REST]
        node = self._root
        for depth, segment in enumerate(segments):
            children = node.children
            child = children.get(segment)
            if child is None:
                child = children.get("{int}" if segment.isdecimal() else _label(node, segment))
                if child is None:
                    return self._grow(node, segments[depth:])
            node = child
        return node

    def _grow(self, node: Node, segments: list[str]) -> Node | None:
        if len(self._names) >= MAX_ROUTES:
            return None
        new = node
        for segment in segments:
            new = new.grow(_label(new, segment))
        if not node.is_crowded():
            return new
        for old, name in collapse(node):
            self._names.discard(old)
            self._names.add(name)
            self.renamed.append((old, name))
        self._nodes.clear()
        for segment in segments:
            node = node.children.get(segment) or node.grow(_label(node, segment))
        return node


def _label(node: Node, segment: str) -> str:
    """What stands for a segment that is not a child by its own name."""
    return placeholder(segment) or (NAME if node.many else quote(segment, _SAFE, "latin-1", "replace"))


class _Templates:
    """The operator's templates. Where two match, the one whose first variable comes later has precedence."""

    def __init__(self, templates: Iterable[str]) -> None:
        chosen = sorted(dict.fromkeys(templates), key=_fixed, reverse=True)
        for template in chosen:
            if not template.startswith("/"):
                raise ValueError(f"a route starts with '/': {template!r}")
            if any(len(_VARIABLE.findall(segment)) > 1 for segment in template.split("/")):
                raise ValueError(f"a route has one variable in a segment: {template!r}")
        self._nodes = [Node(template) for template in chosen]
        self._pattern = re.compile("|".join(f"({_pattern(template)})" for template in chosen), re.DOTALL)

    def __len__(self) -> int:
        return len(self._nodes)

    def node(self, path: str) -> Node | None:
        """The node of the template that a path matches."""
        found = self._pattern.fullmatch(path)
        return self._nodes[found.lastindex - 1] if found and found.lastindex else None


def _fixed(template: str) -> int:
    """How many characters there are before the first variable."""
    found = _VARIABLE.search(template)
    return found.start() if found else len(template)


def _pattern(template: str) -> str:
    rest = ""
    if template.endswith("*"):
        template, rest = template[:-1], ".*"
    return "[^/]+".join(re.escape(fixed) for fixed in _VARIABLE.split(template)) + rest
