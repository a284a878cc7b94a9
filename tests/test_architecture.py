"""The house as DESIGN lays it out: imports go downward only, and no room is too full to be read."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "httptee"

TIERS = {
    "httptee.errors": 0,
    "httptee.phrases": 0,
    "httptee.headers": 0,
    "httptee.message": 0,
    "httptee.endpoint": 0,
    "httptee.logs": 0,
    "httptee.casts": 1,
    "httptee.rules": 1,
    "httptee.sampling": 1,
    "httptee.rate": 1,
    "httptee.changes": 1,
    "httptee.backend": 1,
    "httptee.shadow_settings": 1,
    "httptee.option": 1,
    "httptee.options": 1,
    "httptee.option_texts": 1,
    "httptee.settings": 1,
    "httptee.checks": 1,
    "httptee.config": 1,
    "httptee.inbound": 1,
    "httptee.columns": 1,
    "httptee.accounts": 1,
    "httptee.statements": 1,
    "httptee.ledger": 1,
    "httptee.line_writer": 0,
    "httptee.access_log": 2,
    "httptee.log_formats": 2,
    "httptee.transport": 1,
    "httptee.trust": 2,
    "httptee.shared": 0,
    "httptee.pressure": 0,
    "httptee.budget": 2,
    "httptee.breaker": 2,
    "httptee.cutoff": 2,
    "httptee.primary": 2,
    "httptee.selection": 2,
    "httptee.workers": 2,
    "httptee.collector": 2,
    "httptee.shadow": 3,
    "httptee.app": 4,
    "httptee.admin": 4,
    "httptee.build": 5,
    "httptee.wsgi": 6,
    "httptee.server": 6,
    "httptee.explain": 6,
    "httptee.check": 6,
    "httptee.demo": 7,
    "httptee.cli": 7,
    "httptee.__main__": 7,
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def tier(module):
    while module not in TIERS:
        module = module.rpartition(".")[0]
    return TIERS[module]


def name_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


# The package itself hands out the factory, which it imports when it is called.
@pytest.mark.parametrize("path", [path for path in MODULES if name_of(path) != "httptee"], ids=name_of)
def test_imports_go_downward(path):
    name = name_of(path)
    for module in imported(ast.parse(path.read_text())):
        if module.startswith("httptee."):
            assert tier(module) <= tier(name), f"{name} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_file_is_over_250_lines(path):
    assert len(path.read_text().splitlines()) <= 250
