"""JSON spread over lines. Strings and numbers stay as they were written, and keys in their order, also twice."""

from __future__ import annotations

import re

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_DEEPEST = 40


def indented(text: str) -> str:
    """The text with a line for each member. It need not be valid: what follows an error is spread as well as it can
    be."""
    parts: list[str] = []
    depth = 0
    empty = False  # right after an opening bracket
    for token in _TOKEN.findall(text):
        if token in "}]":
            depth = max(0, depth - 1)
            parts.append(token if empty else _line(depth) + token)
        else:
            parts.append((_line(depth) if empty else "") + token)
        empty = token in "{["
        depth += empty
        if token == ",":
            parts.append(_line(depth))
        elif token == ":":
            parts.append(" ")
        elif depth == 0 and token in "}]":
            parts.append("\n")  # another document may follow: lines of JSON
    return "".join(parts).rstrip("\n")


def _line(depth: int) -> str:
    return "\n" + "  " * min(depth, _DEEPEST)
