"""The words of `httptee judge`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from httptee.errors import ConfigError
from httptee.journal.engines import is_engine_address, parse_address
from httptee.settings import BY_NAME

USAGE = """\
usage: httptee judge [--from ADDRESS] [--evidence DIR] [--name NAME] [options]
       httptee judge --forget INSTANCE --from ADDRESS

ADDRESS is where the tees publish with -verdict: redis://HOST/TOPIC. Any number of judges may run: they share the work,
and each says the whole verdict. The options are those of the tees, mostly their own file: -config FILE. Of these, the
judge uses A and the Bs with their rules, those that begin with -verdict., and -admin for its page. Without --from, the
-verdict of the file says where the tees publish.

  --evidence DIR     keep examples of the pairs that differ in this directory; by default until the judge ends
  --name NAME        the name of this judge; by default that of the host, and the process
  --forget INSTANCE  all counts of this tee count no more, for one that will never come back

The exit status is 0 at the end by a signal, 2 for a mistake in the command, 4 if the engine cannot be used.
"""

_WITH_VALUE = ("from", "evidence", "name", "forget")
_NAME = re.compile(r"[A-Za-z0-9._:\[\]-]{1,128}")


@dataclass
class Asked:
    """The words of the command. `options` are those of the tee."""

    values: dict[str, str] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)

    def address(self, default: str = "") -> str:
        """Where the tees publish. Raises ConfigError."""
        found = self.values.get("from", default)
        if not found:
            raise ConfigError("--from is missing, and no -verdict says where the tees publish: redis://HOST/TOPIC")
        if not is_engine_address(found):
            raise ConfigError(f"--from: expected redis://HOST/TOPIC, and not {found!r}")
        try:
            parse_address(found)
        except ValueError as error:
            raise ConfigError(f"--from: {error}") from None
        return found


def read_words(argv: Sequence[str]) -> Asked:
    """The words of the command. Raises ConfigError."""
    asked, words = Asked(), list(argv)
    while words:
        word = words.pop(0)
        name, equals, value = word.lstrip("-").partition("=")
        option = BY_NAME.get(name)
        if not word.startswith("-") or not name:
            raise ConfigError(f"{word!r} is not expected here")
        if option is not None and option.boolean:
            asked.options.append(word)
        elif name in _WITH_VALUE or option is not None or name == "config":
            if not equals and not words:
                raise ConfigError(f"{word}: needs a value")
            value = value if equals else words.pop(0)
            if name in _WITH_VALUE:
                asked.values[name] = value
            else:
                asked.options.append(f"--{name}={value}")
        else:
            raise ConfigError(f"unknown option {word.split('=')[0]!r}")
    for name in ("name", "forget"):
        if name in asked.values and not _NAME.fullmatch(asked.values[name]):
            raise ConfigError(f"--{name}: must have 1 to 128 letters, digits, dots, colons, dashes and underscores")
    return asked
