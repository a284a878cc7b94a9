"""Checks that are the same for every source of options."""

from __future__ import annotations

import difflib

from httptee.errors import ConfigError
from httptee.http import without_userinfo
from httptee.settings.option import Option
from httptee.settings.options import BY_NAME


def check(option: Option, texts: list[str], place: str) -> None:
    """Raise ConfigError, with the place, if the option does not accept one of the texts."""
    if "--" in texts:
        # Before Python 3.13, argparse removes it from any list of arguments.
        raise ConfigError(f"{place}: -- is not a value")
    try:
        for text in texts:
            option.cast(text)
    except ValueError as error:
        raise ConfigError(f"{place}: {error}") from None


def unknown(name: str, dash: str = "") -> str:
    """The name in quotes, with the known name that is closest to it as a hint."""
    lower = {known.lower(): known for known in BY_NAME}
    close = difflib.get_close_matches(name.lower(), lower, n=1)
    hint = f"; did you mean {dash}{lower[close[0]]}?" if close else ""
    return f"{dash + without_userinfo(name)!r}{hint}"
