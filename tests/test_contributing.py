"""CONTRIBUTING.md: the files and names in its tables are there."""

import re

import pytest

from tests.support.house import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TABLES = PAGE[PAGE.index("## Where is it?") : PAGE.index("## How the code reads")]
ROWS = [line for line in TABLES.splitlines() if line.startswith("| ") and "`" in line]


def files(row):
    """The text of every file that a row names, by its path or, without a folder, by its name."""
    found = {}
    for name in re.findall(r"`([\w/]+\.(?:py|md|ini))`", row):
        paths = (
            [ROOT / name]
            if "/" in name
            else [*ROOT.glob(name), *ROOT.glob(f"httptee/**/{name}"), *ROOT.glob(f"tests/**/{name}")]
        )
        found[name] = "".join(path.read_text(encoding="utf-8") for path in paths if path.is_file())
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_each_file_of_a_row_is_there_and_has_the_names_of_the_row(row):
    texts = files(row)
    assert texts
    assert all(texts.values()), [name for name, text in texts.items() if not text]
    for name in re.findall(r"`(?:\w+\.)?(?!__all__)(\w+)`", re.sub(r"`[\w/]+\.(?:py|md|ini)`", "", row)):
        assert any(re.search(rf"\b{name}\b", text) for text in texts.values()), name


def test_each_folder_of_the_tables_is_there():
    folders = set(re.findall(r"`([\w/]+/)`", TABLES)) - {"steady/"}
    assert folders
    assert all((ROOT / folder).is_dir() for folder in folders)
