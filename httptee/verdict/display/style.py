"""Colors on a terminal, and text that cannot change the state of one."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TextIO

_CODES = {"red": "31", "green": "32", "yellow": "33", "dim": "2", "bold": "1", "reverse": "7"}


@dataclass(frozen=True, slots=True)
class Style:
    """Colors text if `colored`, and else leaves it as it is. `width`: the columns of the terminal."""

    colored: bool = False
    width: int = 100

    @classmethod
    def of(cls, stream: TextIO, width: int, environ: dict[str, str]) -> Style:
        """Colors only on a terminal, and not where NO_COLOR is set or the terminal is a dumb one."""
        dumb = environ.get("TERM", "") == "dumb" or bool(environ.get("NO_COLOR"))
        return cls(stream.isatty() and not dumb, max(width, 40))

    def __call__(self, text: str, *names: str) -> str:
        """The text with these colors."""
        if not self.colored or not text:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"


def harmless(text: str) -> str:
    """The text with control characters escaped: what a server has answered must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\u00ad" else _escaped(one) for one in text)


def columns(text: str) -> int:
    """How many columns a terminal uses for a text without colors."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )


def cut(text: str, width: int) -> str:
    """The text within so many columns; `…` shows that it was cut."""
    if columns(text) <= width:
        return text
    while columns(text) > width - 1:
        text = text[: max(0, min(len(text) - 1, width - 1))]
    return text + "…"


def padded(text: str, width: int) -> str:
    """The text cut or filled to so many columns."""
    text = cut(text, width)
    return text + " " * (width - columns(text))


def seconds(value: float | None) -> str:
    """A time for a person: `1.2 ms`, `3.40 s`, `-` for an unknown one."""
    if value is None:
        return "-"
    if value < 0.001:
        return f"{value * 1e6:.0f} µs"
    return f"{value * 1000:.3g} ms" if value < 0.9995 else f"{value:.2f} s"


def percent(share: float) -> str:
    """A share, 0 to 1, for a person: two or three digits that mean something."""
    value = 100 * share
    if value == 0 or value >= 99.95:
        return f"{value:.0f} %"
    return f"{value:.3g} %" if value >= 10 else f"{value:.2g} %" if value >= 0.01 else "< 0.01 %"


def _escaped(one: str) -> str:
    return one.encode("unicode_escape", "backslashreplace").decode("ascii")
