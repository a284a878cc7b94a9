"""Lines on standard output: in color on a terminal, if rich is installed, and plain elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

_COLORS = {
    "title": "bold",
    "start": "bold green",
    "good": "green",
    "field": "cyan",
    "note": "dim",
    "error": "bold red",
    "head": "bold",
}

Print = Callable[[str, str], None]
"""Prints a line of a kind."""


def printer() -> Print:
    """What prints lines. It is plain where NO_COLOR is set, and where TERM is `dumb`: rich sees to that."""
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):  # rich would keep bold
        try:
            return _colored()
        except ImportError:
            pass
    return _plain


def _plain(kind: str, line: str) -> None:
    encoding = sys.stdout.encoding or "ascii"
    print(line.encode(encoding, "replace").decode(encoding))


def _colored() -> Print:
    """Raises ImportError."""
    from rich.console import Console
    from rich.highlighter import JSONHighlighter
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False)
    highlighter = JSONHighlighter()

    def show(kind: str, line: str) -> None:
        text = Text(line, style="" if kind == "field" else _COLORS.get(kind, ""))
        if kind == "body":
            highlighter.highlight(text)
        elif kind == "field":
            text.stylize(_COLORS[kind], 0, line.partition(":")[0].__len__())
        console.print(text, soft_wrap=True)

    return show
