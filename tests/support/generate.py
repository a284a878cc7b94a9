"""`python -m tests.support.generate` writes what is made from the code: `GENERATED`, the README's room map, and the
diagram of docs/architecture.md."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from httptee.settings.option_texts import ini_text
from tests.support.command_line import completions
from tests.support.house import README, ROOT, diagram, room_map
from tests.support.man_page import man_page

GENERATED: dict[str, Callable[[], str]] = {
    "etc/httptee.ini": ini_text,
    "etc/man/httptee.1": man_page,
    "etc/completions/bash/httptee": partial(completions, "bash"),
    "etc/completions/zsh/_httptee": partial(completions, "zsh"),
    "etc/completions/fish/httptee.fish": partial(completions, "fish"),
}
"""The files that are written whole, and what they contain."""


def main() -> None:
    """Write everything. Tests compare what stands in the tree with what this would write."""
    _between(README, "rooms", room_map())
    _between(ROOT / "docs" / "architecture.md", "diagram", f"```mermaid\n{diagram()}\n```")
    for name, made in GENERATED.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made(), encoding="utf-8")


def _between(page: Path, name: str, text: str) -> None:
    """Write a text between the two marks of a page."""
    whole = page.read_text(encoding="utf-8")
    before, after = whole.split(f"<!-- {name} -->\n")[0], whole.split(f"\n<!-- /{name} -->")[1]
    page.write_text(f"{before}<!-- {name} -->\n{text}\n<!-- /{name} -->{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
