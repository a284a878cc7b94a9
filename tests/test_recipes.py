"""The recipes of docs/selecting.md, run as they stand there."""

from __future__ import annotations

import re
import shlex
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from httptee.commands.cli import main
from httptee.commands.explain import explain, read_command_line
from httptee.settings.backend import FIELDS
from httptee.settings.config import load
from tests.support.backend import Backend
from tests.support.client import ask
from tests.support.tee import Tee

PAGE = (Path(__file__).parent.parent / "docs" / "selecting.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Recipe:
    """A file, and commands with what they print."""

    title: str
    ini: str
    session: str

    def commands(self) -> list[tuple[str, str]]:
        """Each command with its output."""
        return re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", self.session, re.MULTILINE)


def recipes() -> list[Recipe]:
    chapter = PAGE[PAGE.index("## Recipes") : PAGE.index("## Fields")]
    found = re.findall(r"^### (.*?)\n.*?```ini\n(.*?)```\n.*?```console\n(.*?)```", chapter, re.DOTALL | re.MULTILINE)
    return [Recipe(*parts) for parts in found]


def same_identity(text: str) -> str:
    """The text with the same digits in each Via of a tee."""
    found = re.compile(r"(1\.1 httptee) \([0-9a-f]{8}\)")
    assert "> " not in text or found.search(text)  # whoever gets the request gets the Via
    return found.sub(r"\1 (…)", text)


def test_there_are_the_five_recipes() -> None:
    assert [recipe.title for recipe in recipes()] == [
        "One percent of the users",
        "GETs only",
        "Two canaries",
        "Mirror one tenant",
        "Strip credentials",
    ]


@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.title)
def test_a_recipe_prints_what_the_page_says(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "httptee.ini").write_text(recipe.ini, encoding="utf-8")
    assert recipe.commands()
    for command, expected in recipe.commands():
        program, *words = shlex.split(command)
        assert program == "httptee"
        assert main(words) == 0
        assert same_identity(capsys.readouterr().out) == same_identity(expected)


@pytest.mark.integration
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


def test_the_page_lists_every_field() -> None:
    assert set(re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE)) == set(FIELDS)
