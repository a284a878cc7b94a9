"""`python -m tests.support.generate` writes what is made from the code: `GENERATED`, and the README's room map."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from httptee.settings.option_texts import ini_text
from tests.support.command_line import completions
from tests.support.house import README, ROOT, room_map
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
    text = README.read_text()
    README.write_text(re.sub(r"(<!-- rooms -->\n).*(\n<!-- /rooms -->)", rf"\g<1>{room_map()}\g<2>", text, flags=re.S))
    for name, made in GENERATED.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made(), encoding="utf-8")


if __name__ == "__main__":
    main()
