"""The recipes of docs/selecting.md print what the page says. That they do it: tests/integration/test_recipes.py."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from httptee.commands.cli import main
from httptee.settings.fields import FIELDS
from tests.support.recipes import PAGE, Recipe, recipes, same_identity


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


def test_the_page_lists_every_field() -> None:
    assert set(re.findall(r"^\| `([a-z.-]+)` \|", PAGE, re.MULTILINE)) == set(FIELDS)
