"""The words of `httptee verdict`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from httptee.errors import ConfigError
from httptee.settings import BY_NAME

_WITH_VALUE = ("b", "html", "to")
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass
class Asked:
    """The words of the command. `wait` is in seconds; None: not at all. `options` are those of the tee."""

    words: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    wait: float | None = None
    options: list[str] = field(default_factory=list)


def read_words(argv: Sequence[str], flags: Sequence[str]) -> Asked:
    """The words of the command. Raises ConfigError."""
    asked = Asked()
    words = list(argv)
    while words:
        word = words.pop(0)
        name, equals, value = word.lstrip("-").partition("=")
        if not word.startswith("-") or word == "-":
            asked.words.append(word)
        elif name in flags:
            asked.flags.add(name)
        elif name == "wait":
            if not equals and words and re.fullmatch(r"[0-9.]+[smh]?", words[0]):
                value = words.pop(0)
            asked.wait = _seconds(value)
        elif name in _WITH_VALUE or name in BY_NAME or name == "config":
            if not equals and not words:
                raise ConfigError(f"{word}: needs a value")
            value = value if equals else words.pop(0)
            if name in _WITH_VALUE:
                asked.values[name] = value
            else:
                asked.options.append(f"--{name}={value}")
        else:
            raise ConfigError(f"unknown option {word.split('=')[0]!r}")
    return asked


def _seconds(text: str) -> float:
    if not text:
        return math.inf
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]*)?)([smh]?)", text)
    if not found:
        raise ConfigError(f"--wait: must be a number of seconds, or have a unit, such as 5m: {text!r}")
    return float(found[1]) * _UNITS[found[2]]
