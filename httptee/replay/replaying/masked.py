"""Secrets that were replaced when a request was recorded: where they stand in a request, and in a difference."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from httptee.compare import Difference, Scalar
from httptee.http import Headers
from httptee.selection import is_secret
from httptee.selection.secrets import Names, in_words, replaced_at

_SEGMENTS = re.compile(r"[.\[\]:]")
_COOKIE = "set-cookie:"


def has_secrets(headers: Headers) -> bool:
    """Whether a request has credentials in its header fields."""
    return any(is_secret(name) for name, _ in headers)


def hidden(names: Iterable[str] = ()) -> Callable[[Difference], bool]:
    """What says of a difference whether A's value is a secret that was replaced: then it says nothing about B.

    `names` are further names of secrets. That a secret is missing at B is a difference all the same.
    """
    known = Names(names)

    def is_hidden(found: Difference) -> bool:
        part, path, kind = found.key
        if kind != "value":
            return False
        if part == "body":
            return path.startswith("$") and _replaced(found.a) and any(map(known.name, _SEGMENTS.split(path)))
        if path.startswith(_COOKIE):
            return ";" not in path  # the attributes of a cookie are no secret
        return part == "header" and (known.name(path) or _rest(found.a, known) == _rest(found.b, known))

    return is_hidden


def _replaced(value: Scalar) -> bool:
    """Whether a value of JSON is one that is replaced: `true`, `false`, `null` and an empty text stay."""
    return not isinstance(value, bool) and value is not None and value != ""


def _rest(value: Scalar, names: Names) -> str:
    """The value of a header field without the secrets in its URLs."""
    text = str(value)
    return replaced_at(in_words(text, names), text, lambda secret, number: "")
