"""The recipes of docs/selecting.md: a file each, and commands with what they print."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .house import ROOT

PAGE = (ROOT / "docs" / "selecting.md").read_text(encoding="utf-8")


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
    """All recipes of the page."""
    chapter = PAGE[PAGE.index("## Recipes") : PAGE.index("## Fields")]
    found = re.findall(r"^### (.*?)\n.*?```ini\n(.*?)```\n.*?```console\n(.*?)```", chapter, re.DOTALL | re.MULTILINE)
    return [Recipe(*parts) for parts in found]


def same_identity(text: str) -> str:
    """The text with the same digits in each Via of a tee."""
    found = re.compile(r"(1\.1 httptee) \([0-9a-f]{8}\)")
    assert "> " not in text or found.search(text)  # whoever gets the request gets the Via
    return found.sub(r"\1 (…)", text)
