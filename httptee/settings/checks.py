"""Checks that are the same for every source of options."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from httptee.errors import ConfigError
from httptee.http import without_userinfo
from httptee.settings.option import Option, environment_name
from httptee.settings.options import BY_NAME

CONFIG_ENVIRONMENT = "HTTPTEE_CONFIG"
"""The environment variable that names the file."""

# For services whose names begin with httptee, Kubernetes sets these in every container (and Docker with links).
_OF_A_SERVICE = re.compile(r"HTTPTEE_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_[0-9]+_[A-Z]+(_(PROTO|PORT|ADDR))?)")
_PORT_OF_A_SERVICE = re.compile(r"HTTPTEE_(\w+_)?PORT")


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """One line for each variable `HTTPTEE_…` that sets no option, with the known name that is closest to it."""
    known = {option.environment for option in BY_NAME.values()} | {CONFIG_ENVIRONMENT}
    # The names that one may think of, aliases included, and the variable of each.
    meant = {environment_name(name): option.environment for name, option in BY_NAME.items()} | {
        CONFIG_ENVIRONMENT: CONFIG_ENVIRONMENT
    }
    lines = []
    for name in sorted(environ):
        of_a_service = _OF_A_SERVICE.fullmatch(name) or (_PORT_OF_A_SERVICE.fullmatch(name) and "://" in environ[name])
        if name.startswith("HTTPTEE_") and name not in known and not of_a_service:
            close = difflib.get_close_matches(name, meant, n=1)
            hint = f"; did you mean {meant[close[0]]}?" if close else ""
            lines.append(f"the environment variable {name!r} is no option and has no effect{hint}")
    return lines


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
