"""Secrets that were replaced when a request was recorded: where they stand in a request, and in a difference."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from httptee.compare import Difference
from httptee.http import Headers
from httptee.selection import is_secret

_SEGMENTS = re.compile(r"[.\[\]:]")
_COOKIE = "set-cookie:"


def has_secrets(headers: Headers) -> bool:
    """Whether a request has credentials in its header fields."""
    return any(is_secret(name) for name, _ in headers)


def hidden(names: Iterable[str] = ()) -> Callable[[Difference], bool]:
    """What says of a difference whether A's value is a secret that was replaced: then it says nothing about B.

    `names` are further names of secrets. That a secret is missing at B is a difference all the same.
    """
    more = frozenset(name.lower() for name in names)

    def is_hidden(found: Difference) -> bool:
        part, path, kind = found.key
        if kind != "value" or part not in ("header", "body"):
            return False
        if part == "header" and path.startswith(_COOKIE):
            return ";" not in path  # the attributes of a cookie are no secret
        return any(is_secret(one) or one.lower() in more for one in _SEGMENTS.split(path))

    return is_hidden
