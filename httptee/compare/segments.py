"""Text that is data and not a name: the segments of a path and the members of an object that hold an id."""

from __future__ import annotations

import re

MAX_NAME = 64
"""Characters. A longer name is data."""

_MIN_ID = 16
_ID = re.compile(
    r"(?P<int>-?[0-9]+)"
    r"|(?P<uuid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
    r"|(?P<hex>[0-9a-fA-F]{16,})"
    r"|(?P<token>(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_.~=%-]{16,64})",
    re.DOTALL,
)

NAME = "{name}"
"""The segment that stands for all others at its place, since there are too many."""

REST = "{rest}"
"""Stands for all segments of a path that is too deep."""

PLACEHOLDERS = frozenset({"{int}", "{uuid}", "{hex}", "{token}", "{long}", NAME, REST})


def placeholder(text: str) -> str:
    """`{int}`, `{uuid}`, `{hex}` (16 digits or more), `{token}` (16 or more, letters and digits) or `{long}` (over 64).

    Empty for a text that may be a name. A text that is a placeholder already stays what it is.
    """
    length = len(text)
    if length < _MIN_ID:
        if text.isdecimal() or (text[:1] == "-" and text[1:].isdecimal()):
            return "{int}"
        return text if text in PLACEHOLDERS else ""
    # The longest hash is 128 digits of hex. Of a longer text only the length counts, so that no target is expensive.
    found = _ID.fullmatch(text) if length <= 2 * MAX_NAME else None
    if found is not None:
        return f"{{{found.lastgroup}}}"
    return "{long}" if length > MAX_NAME else ""
