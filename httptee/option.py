"""What a row of the option table is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from httptee.casts import boolean
from httptee.endpoint import split_endpoints


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its name as the Go tees spell it, and `cast` from text to value (ValueError states the rule).

    `field` names the attribute of `Settings` where the name does not say it; `aliases` are further names.
    """

    name: str
    cast: Callable[[str], object]
    default: str
    help: str
    metavar: str = ""
    field: str = ""
    aliases: tuple[str, ...] = ()
    repeatable: bool = False
    boolean: bool = False

    @property
    def setting(self) -> str:
        """The attribute of `Settings` that holds the value."""
        return self.field or re.sub("[.-]", "_", self.name)

    @property
    def environment(self) -> str:
        """The environment variable that sets this option."""
        return "HTTPTEE_" + re.sub("[.-]", "_", self.name).upper()

    def value(self, texts: list[str]) -> object:
        """The value for what was given, in order: all of it if repeatable, or else the last. Raises ValueError."""
        values = tuple(self.cast(text) for text in texts)
        return values if self.repeatable else values[-1]

    def texts(self, text: str) -> list[str]:
        """What one environment variable or one line of the file says: several texts if repeatable."""
        return split_endpoints(text) if self.repeatable else [text]


def flag(name: str, text: str) -> Option:
    """A boolean, false unless given; `no-via` is kept the other way round, as `via`."""
    if name.startswith("no-"):
        return Option(name, lambda text: not boolean(text), "false", text, field=name[3:], boolean=True)
    return Option(name, boolean, "false", text, boolean=True)
