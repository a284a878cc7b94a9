"""Casts: from the text of an option to its value. Each cast raises ValueError with its rule."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import partial
from math import inf

from httptee.http import Listen

WORKERS_PER_CORE = 16
_MOST_MILLISECONDS = 2**31 - 1
_MOST_BYTES = 2**63 - 1
_MOST_OF_ANYTHING = 1_000_000
# Exactly what Go's strconv.ParseBool accepts.
_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")


def usable_cores() -> int:
    """The number of cores that this process may run on."""
    return len(os.sched_getaffinity(0))


def default_workers() -> int:
    """Shadow threads for each B. They mostly wait, so there are many more of them than cores."""
    return WORKERS_PER_CORE * usable_cores()


def boolean(text: str) -> bool:
    """A boolean as Go's flag package reads it."""
    if text not in _TRUE + _FALSE:
        raise ValueError(f"must be true or false: {text!r}")
    return text in _TRUE


def _whole(text: str, lowest: int, highest: int) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,20}", text) or not lowest <= int(text) <= highest:
        raise ValueError(f"must be a whole number from {lowest} to {highest}: {text!r}")
    return int(text)


count = partial(_whole, lowest=1, highest=_MOST_OF_ANYTHING)
count_or_none = partial(_whole, lowest=0, highest=_MOST_OF_ANYTHING)
size = partial(_whole, lowest=0, highest=_MOST_BYTES)
head_size = partial(_whole, lowest=1024, highest=2**30)


def milliseconds(text: str) -> float:
    """Seconds, from a text in milliseconds."""
    return _whole(text, 1, _MOST_MILLISECONDS) / 1000


def milliseconds_or_off(text: str) -> float:
    """Seconds, from a text in milliseconds. 0 means off."""
    return _whole(text, 0, _MOST_MILLISECONDS) / 1000


def milliseconds_or_no_limit(text: str) -> float:
    """Seconds, from a text in milliseconds. `off` means no limit: infinity."""
    return inf if text == "off" else milliseconds(text)


def or_auto(text: str, automatic: Callable[[], int]) -> int:
    """A count, or the result of `automatic` for `auto` and 0."""
    return (0 if text == "auto" else count_or_none(text)) or automatic()


def count_or_auto(text: str) -> int | None:
    """A count, which may be 0. None for `auto`."""
    return None if text == "auto" else count_or_none(text)


def percent(text: str) -> float:
    """A percentage from 0 to 100. Fractions are allowed."""
    if not re.fullmatch(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", text) or not 0 <= float(text) <= 100:
        raise ValueError(f"must be a number from 0 to 100: {text!r}")
    return float(text)


def one_of(text: str, words: tuple[str, ...]) -> str:
    """One of these words."""
    if text not in words:
        raise ValueError(f"must be {' or '.join(words)}: {text!r}")
    return text


def field_name(text: str) -> str:
    """The name of a header field (RFC 9110 §5.1), or the empty text."""
    if not re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]*", text):
        raise ValueError(f"must be the name of a header field: {text!r}")
    return text


def path_or_none(text: str) -> str:
    """A request target in origin-form (RFC 9112 §3.2.1), or the empty text."""
    if text and not re.fullmatch(r"/[!-~]*", text):
        raise ValueError(f"must be a path that starts with a slash, in visible ASCII: {text!r}")
    return text


def listen_or_none(text: str) -> Listen | None:
    """An address to listen on, or None for the empty text."""
    return Listen.parse(text) if text else None
