"""The rooms of the bench: imports go one way, and no room, module or function is too large."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "bench"
FLOORS = {"errors": 0, "programs": 1, "torture": 2, "reports": 2, "scenarios": 3, "__main__": 4}
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path): path for path in MODULES}


def imported(path: Path) -> set[str]:
    """The modules of the bench that a module imports, `TYPE_CHECKING` ones included."""
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) + 1 - node.level]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            found |= {name if (name := f"{module}.{alias.name}") in NAMES else module for alias in node.names}
    return found & NAMES.keys()


def room(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_to_the_same_room_or_down(path: Path) -> None:
    here = room(name_of(path))
    for name in imported(path):
        assert room(name) == here or FLOORS[room(name)] < FLOORS[here], f"{name_of(path)} imports {name}"


def test_imports_make_no_circle() -> None:
    left = {name: imported(path) - {name} for name, path in NAMES.items()}
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    assert left == {}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_is_over_250_lines_and_every_function_is_under_40(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno + 1 < 40, node.name


def test_no_room_has_over_16_modules() -> None:
    rooms = {path.parent for path in MODULES}
    assert {each.name: len(list(each.glob("*.py"))) for each in rooms if len(list(each.glob("*.py"))) > 16} == {}


@pytest.mark.parametrize(
    "name", ["odd_backend", "plain_tee", "clients.strict_load", "clients.slow_clients", "clients.hostile_clients"]
)
def test_a_program_that_is_started_by_its_path_imports_nothing_of_the_bench(name: str) -> None:
    assert imported(NAMES[f"bench.programs.{name}"]) == set()
