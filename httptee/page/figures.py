"""Figures as people read them. What is unknown is a dash."""

from __future__ import annotations

import time
from typing import Any

from httptee.verdict.display import harmless, percent, seconds

UNKNOWN = "-"
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEPS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def figure(value: Any, kind: str) -> str:
    """A value of /status. A time of 0 seconds stands for none.

    `kind` is `text`, `count`, `seconds`, `rate`, `share`, `bytes`, `stamp` or `duration`.
    """
    if value is None or value == "" or (kind == "seconds" and value == 0):
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return shown(str(value), 4000)
    return _FIGURES.get(kind, str)(value)


def shown(text: str, most: int = 200) -> str:
    """Text of a server: control characters are escaped, and what is too long is cut."""
    text = harmless(text[: most + 1])
    return text if len(text) <= most else text[: most - 1] + "…"


def count(value: float) -> str:
    """A number with separators, without zeros behind the point."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def rate(value: float) -> str:
    """A rate: two digits that mean something are enough."""
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def size(value: float) -> str:
    """Bytes."""
    for unit in _UNITS[:-1]:
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.3g} {unit}"
        value /= 1024
    return f"{value:,.1f} {_UNITS[-1]}"


def duration(value: float) -> str:
    """A time of seconds to days, in its two largest units."""
    if 0 < value < 1:
        return seconds(value)
    words: list[str] = []
    left = int(value)
    for step, unit in _STEPS:
        number, left = divmod(left, step)
        if number or words:
            words.append(f"{number} {unit}")
    return " ".join(words[:2]) or "0 s"


def stamp(value: float) -> str:
    """A moment, in seconds since the epoch, in the time zone of the tee."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(value))


def zone(at: float) -> str:
    """The time zone of the tee at a moment: its distance from UTC, and its name unless that is only another number."""
    local = time.localtime(at)
    distance, name = time.strftime("UTC%z", local), local.tm_zone
    distance = "UTC" if distance == "UTC+0000" else f"{distance[:-2]}:{distance[-2:]}"
    return f"{distance} ({name})" if name.isalpha() and name != distance else distance


_FIGURES = {
    "count": count,
    "seconds": seconds,
    "rate": rate,
    "share": percent,
    "bytes": size,
    "stamp": stamp,
    "duration": duration,
}
