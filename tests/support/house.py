"""The house: which rooms the package has, and in which order they stand. Read off the tree by `ast`.

`tests.support.generate` writes the room map into the README.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "httptee"
README = ROOT / "README.md"

# The floors from the top. A room imports rooms that stand below it, or to its right on the same floor.
FLOORS: dict[str, tuple[str, ...]] = {
    "9": ("httptee",),  # `python -m httptee`, `python -m httptee.demo`, `httptee.create_app`, `httptee.asgi`
    "8": tuple(
        f"commands.{room}"
        for room in (
            *(
                "cli",
                "run",
                "check",
                "explain",
                "demo",
                "replay",
                "verdict",
                "judge",
                "ctl",
                "recording",
                "spool",
                "files",
                "paper",
            ),
        )
    ),
    "7": ("processes", "processes.limits", "processes.rates", "processes.publishing"),
    "6": (
        "wsgi",
        "middleware",
        "admin.fleet",
        "admin",
        "server",
        "server.uploads",
        "page",
        "server.sockets",
        "server.memory",
    ),
    "5": ("build",),
    "4": ("app", "primary", *(f"replay.{room}" for room in ("sharing", "replaying", "figures", "sending"))),
    "3": (
        "tunnel",
        "recording.engine",
        "recording.formats",
        "recording",
        "spool.engine",
        "spool.draining",
        "spool",
        "spool.outcome",
        "shadow",
        "logs",
        "settings",
        *(f"verdict.{room}" for room in ("fleet", "judge", "display", "evidence", "pairs", "court")),
    ),
    "2": ("selection", "selection.secrets", "compare", "transport", "journal.shipping", "journal.engines", "journal"),
    "1": ("ledger", "ledger.boards"),
    "0": ("http", "http.uploads", "http.peers", "errors", "quick", "version"),
}
ROOMS = [room for rooms in FLOORS.values() for room in rooms]
HOUSES = {room.partition(".")[0] for room in ROOMS if "." in room} - set(ROOMS)
"""Packages that only hold rooms. A room may also have a room of its own in it: `recording.formats`."""
_FRONT_DOORS = {
    "httptee",
    "httptee.__main__",
    "httptee.asgi",
    "httptee.demo",
    *(f"httptee.{house}" for house in HOUSES),
}


def module_name(path: Path) -> str:
    """`httptee.http.message` for its file; a package's `__init__.py` has the package's name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}


def room_of(module: str) -> str:
    """The room that a module belongs to: two names in a house such as `verdict`, and for a room within a room."""
    parts = module.split(".")
    inner = ".".join(parts[1:3])
    return "httptee" if module in _FRONT_DOORS else inner if inner in ROOMS or parts[1] in HOUSES else parts[1]


def imports(module: str) -> Iterator[tuple[str, str]]:
    """Every import of the package's own names, wherever it stands: (module, name)."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "httptee":
            for alias in node.names:
                yield node.module or "", alias.name
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "httptee":
                    yield alias.name, ""


def imported_modules(module: str) -> set[str]:
    """The modules that a module imports from; `from package import module` counts as the module."""
    found = {f"{source}.{name}" if f"{source}.{name}" in MODULES else source for source, name in imports(module)}
    return found - {module}


def room_graph() -> dict[str, set[str]]:
    """Which rooms each room imports."""
    graph: dict[str, set[str]] = {room: set() for room in ROOMS}
    for module in MODULES:
        graph[room_of(module)] |= {room_of(other) for other in imported_modules(module)} - {room_of(module)}
    return graph


def longest_chain(graph: Mapping[str, set[str]]) -> list[str]:
    """The longest chain of imports. Raises ValueError, with the chain, where it is a circle."""
    done: dict[str, list[str]] = {}

    def chain(node: str, above: list[str]) -> list[str]:
        if node in above:
            raise ValueError(" > ".join([*above[above.index(node) :], node]))
        if node not in done:
            below = [chain(other, [*above, node]) for other in sorted(graph[node])]
            done[node] = [node, *max(below, key=len, default=[])]
        return done[node]

    return max((chain(node, []) for node in graph), key=len)


def diagram() -> str:
    """The rooms and their imports as a mermaid diagram. An import that others imply is left out."""
    graph = room_graph()
    below = {room: {far for near in graph[room] for far in _reached(graph, near)} for room in graph}
    lines = ["flowchart TD"]
    for floor, rooms in FLOORS.items():
        lines += [
            f'    subgraph floor{floor}["floor {floor}"]',
            *(f"        {_node(room)}" for room in rooms),
            "    end",
        ]
    for room in ROOMS:
        for other in sorted(graph[room] - below[room], key=ROOMS.index):
            lines.append(f"    {_name(room)} --> {_name(other)}")
    return "\n".join(lines)


def _reached(graph: Mapping[str, set[str]], room: str) -> set[str]:
    """The rooms that a room imports, itself or by others."""
    return graph[room] | {far for near in graph[room] for far in _reached(graph, near)}


def _name(room: str) -> str:
    """The name of a room in the diagram: a dot and some words have a meaning there."""
    return room.replace(".", "_") + "_"


def _node(room: str) -> str:
    return f'{_name(room)}["{room}"]'


def purpose(room: str) -> str:
    """The first paragraph of a room's docstring, in one line."""
    docstring = ast.get_docstring(TREES["httptee" if room == "httptee" else f"httptee.{room}"]) or ""
    return " ".join(docstring.split("\n\n")[0].split())


def room_map() -> str:
    """The table of rooms for the README, from the docstrings."""
    rows = [f"| {floor} | {_shown(room)} | {purpose(room)} |" for floor, rooms in FLOORS.items() for room in rooms]
    return "\n".join(["| floor | room | what lives there |", "|---|---|---|", *rows])


def _shown(room: str) -> str:
    if room == "httptee":
        return "`__init__.py`, `__main__.py`, `asgi.py`, `demo.py`"
    path = room.replace(".", "/")
    return f"`{path}/`" if (PACKAGE / path).is_dir() else f"`{path}.py`"
