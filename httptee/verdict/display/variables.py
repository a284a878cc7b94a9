"""Credentials in a request that is to be sent again: each placeholder becomes a shell variable, such as
`$AUTHORIZATION`."""

from __future__ import annotations

import re
from collections.abc import Mapping

Pieces = list[tuple[str, bool]]
"""Parts of a text, and whether each one is the name of a variable."""


class CannotSend(Exception):
    """The request is not kept as a whole. The message is one line."""


def variables(names: Mapping[str, str]) -> dict[str, str]:
    """For each placeholder the name of its variable. Two credentials under one name get two variables."""
    found: dict[str, str] = {}
    for placeholder, name in names.items():
        plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").upper()[:40] or "SECRET"
        plain = f"_{plain}" if plain[0].isdigit() else plain
        used = sum(other == plain or other.startswith(f"{plain}_") for other in found.values())
        while f"{plain}_{used + 1}" in found.values():
            used += 1
        found[placeholder] = f"{plain}_{used + 1}" if used else plain
    return found


def pieces(text: str, known: Mapping[str, str]) -> Pieces:
    """The text in parts: what stays, and the variables in place of the placeholders."""
    found: Pieces = []
    for index, part in enumerate(re.split(r"(\*\*\*\d+)", text)):
        if index % 2 and part in known:
            found.append((known[part], True))
        elif part:
            found.append((part, False))
    return found


def filled(text: str, known: Mapping[str, str]) -> str:
    """The text with `$NAME` for each placeholder."""
    return "".join(f"${part}" if variable else part for part, variable in pieces(text, known))
