"""The recipes of docs/selecting.md, run as they stand there, with servers of this machine."""

from __future__ import annotations

import re
import shlex
from contextlib import ExitStack
from pathlib import Path

import pytest

from httptee.commands.explain import explain, read_command_line
from httptee.settings.config import load
from tests.support.backend import Backend
from tests.support.client import ask
from tests.support.recipes import Recipe, recipes, same_identity
from tests.support.tee import Tee

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.title)
def test_a_recipe_does_what_it_says(recipe: Recipe, tmp_path: Path) -> None:
    """The same file, with servers of this machine in the place of those it names."""
    named = re.findall(r"^[ab] = (http://\S+)", recipe.ini, re.MULTILINE)
    with ExitStack() as stack:
        servers = [stack.enter_context(Backend()) for _ in named]
        ini = recipe.ini
        for name, server in zip(named, servers, strict=True):
            ini = ini.replace(name, server.url)
        (tmp_path / "httptee.ini").write_text(ini, encoding="utf-8")
        options = ["--config", str(tmp_path / "httptee.ini")]
        expected: list[list[bytes]] = [[] for _ in servers]
        tee = stack.enter_context(Tee(*options))
        for seen, (command, _) in enumerate(recipe.commands(), start=1):
            asked = read_command_line(shlex.split(command)[2:])
            asked.client = "127.0.0.1"
            headers = asked.headers + ([("Content-Length", str(len(asked.body)))] if asked.body else [])
            assert ask(tee.port, asked.method, asked.target, headers, asked.body or None).status == 200
            tee.settled(seen)
            for at, fate in zip(expected, explain(load(options, {}), asked), strict=True):
                at += [fate.data] if fate.sent is not False else []
        tee.stop()
        got = [[same_identity(request.raw.decode()) for request in server.requests] for server in servers]
        assert got == [[same_identity(data.decode()) for data in requests] for requests in expected]
