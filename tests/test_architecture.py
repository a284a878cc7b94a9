"""The house as DESIGN lays it out: imports go downward only, and no room is too full to be read."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "httptee"

TIERS = {
    "httptee.errors": 0,
    "httptee.http.headers": 0,
    "httptee.http.message": 0,
    "httptee.http.endpoint": 0,
    "httptee.logs.program_log": 0,
    "httptee.settings.casts": 1,
    "httptee.selection.rules": 1,
    "httptee.selection.sampling": 1,
    "httptee.selection.rate": 1,
    "httptee.selection.changes": 1,
    "httptee.settings.backend": 1,
    "httptee.settings.shadow_settings": 1,
    "httptee.settings.option": 1,
    "httptee.settings.options": 1,
    "httptee.settings.option_texts": 1,
    "httptee.settings.settings": 1,
    "httptee.settings.checks": 1,
    "httptee.settings.config": 1,
    "httptee.http.inbound": 1,
    "httptee.ledger.columns": 1,
    "httptee.ledger.accounts": 1,
    "httptee.ledger.statements": 1,
    "httptee.ledger.ledger": 1,
    "httptee.logs.line_writer": 0,
    "httptee.logs.access_log": 2,
    "httptee.logs.formats": 2,
    "httptee.transport": 1,
    "httptee.settings.trust": 2,
    "httptee.ledger.shared": 0,
    "httptee.transport.pressure": 0,
    "httptee.shadow.budget": 2,
    "httptee.shadow.breaker": 2,
    "httptee.shadow.cutoff": 2,
    "httptee.primary": 2,
    "httptee.selection.selection": 2,
    "httptee.shadow.workers": 2,
    "httptee.shadow.collector": 2,
    "httptee.shadow.shadow": 3,
    "httptee.app": 4,
    "httptee.admin": 6,
    "httptee.build": 5,
    "httptee.wsgi": 6,
    "httptee.server": 6,
    "httptee.processes": 6,
    "httptee.commands.explain": 6,
    "httptee.commands.check": 6,
    "httptee.commands.demo": 7,
    "httptee.commands.cli": 7,
    "httptee.demo": 7,
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
