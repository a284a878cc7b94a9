"""One option: a row of the option table."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from httptee.journal.engines import is_engine_address, open_engine
from httptee.settings.backend import split_backends
from httptee.settings.casts import boolean


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its name as in the Go tees, and `cast` from text to value, which raises ValueError with the rule.

    `field` is the attribute of `Settings`, if it differs from the name. `aliases` are further names.
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
        return environment_name(self.name)

    def value(self, texts: list[str]) -> object:
        """The value of the given texts: all of them if repeatable, otherwise the last one. Raises ValueError."""
        values = tuple(self.cast(text) for text in texts)
        return values if self.repeatable else values[-1]

    def texts(self, text: str) -> list[str]:
        """The texts in one environment variable or in one line of the file: several if repeatable."""
        return split_backends(text) if self.repeatable else [text]


def environment_name(name: str) -> str:
    """The environment variable for the name of an option."""
    return "HTTPTEE_" + re.sub("[.-]", "_", name).upper()


def directory_or_engine(text: str) -> str:
    """A directory, or the address of a topic, which is checked: it connects to nobody. Raises ValueError."""
    if is_engine_address(text):
        open_engine(text).close()
    return text


def flag(name: str, text: str) -> Option:
    """A boolean option, false by default. `no-via` is stored inverted, as `via`."""
    if name.startswith("no-"):
        return Option(name, lambda text: not boolean(text), "false", text, field=name[3:], boolean=True)
    return Option(name, boolean, "false", text, boolean=True)


def upstream_tls(name: str, whose: str) -> tuple[Option, ...]:
    """The options for TLS to an upstream: how it is verified, and the tee's own certificate."""
    return (
        Option(f"{name}.ca", str, "", f"Verify {whose} with these authorities (PEM), instead of the system's.", "FILE"),
        Option(f"{name}.cert", str, "", f"The client certificate for {whose} (PEM).", "FILE"),
        Option(f"{name}.key", str, "", "Its private key (PEM), if it is not in the same file.", "FILE"),
        flag(
            f"{name}.insecure",
            f"Accept any certificate from {whose}. Anyone on the network path can read and change the traffic.",
        ),
        Option(
            f"{name}.server-name", str, "", f"The name for SNI and to verify {whose}, if not the endpoint's.", "NAME"
        ),
    )
