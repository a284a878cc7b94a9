"""Filters: which requests a B may get at all, by method, path and header. A filter is made from a text.

All that does not depend on the request is computed when the text is read, so a filter costs a function call and a
comparison. A header field is searched by the length of its name first. This costs a third of `lower` on every name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from httptee.http import Request, path_of
from httptee.selection.expressions import pattern

Test = Callable[[Request], bool]

_METHOD = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Z]+")
_HEADER = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)(?:(?P<how>[=~])(?P<what>.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter: `text` is the field as in a B's line, `holds` returns whether a request passes."""

    text: str
    holds: Test = field(compare=False, repr=False)


def methods_filter(text: str) -> Filter:
    """`GET,HEAD`: one of these methods; `!GET,HEAD`: any other method. Raises ValueError."""
    methods = frozenset(_unnegated(text).split(","))
    if not all(map(_METHOD.fullmatch, methods)):
        raise ValueError(f"must be methods in upper case with commas between, such as GET,HEAD or !POST: {text!r}")
    return _filter("methods", text, lambda request: request.method in methods)


def methods_search(regex: re.Pattern[str]) -> Filter:
    """A filter for methods in which the expression is found (`-b.methods`), as in the Go tees."""
    return Filter(f"b.methods={regex.pattern}", lambda request: regex.search(request.method) is not None)


def path_filter(text: str) -> Filter:
    """A glob that matches the whole path, or `re:` and an expression that is found in it. Raises ValueError.

    The path is what the client sent, without the query and not decoded. In a glob, `*` stands for any number of any
    characters, slashes included, and `?` for any one character.
    """
    said = _unnegated(text)
    if said.startswith("re:"):
        found = _expression(said[3:]).search
    elif said[:1] in ("/", "*"):
        glob = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in said)
        found = re.compile(glob, re.DOTALL).fullmatch
    else:
        raise ValueError(f"must be a glob such as /api/*, or re: and a regular expression: {text!r}")
    return _filter("path", text, lambda request: found(path_of(request.target)) is not None)


def header_filter(text: str) -> Filter:
    """`Name`: the field is there; `Name=value`: a value of it is this one; `Name~expression`: found in a value of it.

    Raises ValueError. The message never contains the value: it may be a credential.
    """
    parts = _HEADER.fullmatch(_unnegated(text))
    if parts is None:
        raise ValueError("must be Name, Name=value or Name~expression; a ! in front negates it")
    name, how, what = parts["name"].lower(), parts["how"], parts["what"]
    if how is None:
        return _filter("header", text, _present(name))
    if how == "=":
        return _filter("header", text, _equal(name, what))
    try:
        return _filter("header", text, _matching(name, _expression(what).search))
    except ValueError:
        raise ValueError(f"the text after {parts['name']}~ must be a regular expression") from None


def _present(name: str) -> Test:
    size = len(name)

    def holds(request: Request) -> bool:
        for field_name, _ in request.headers:  # noqa: SIM110 - a generator would cost more than the loop
            if len(field_name) == size and field_name.lower() == name:
                return True
        return False

    return holds


def _equal(name: str, wanted: str) -> Test:
    size = len(name)

    def holds(request: Request) -> bool:
        for field_name, value in request.headers:
            if len(field_name) == size and value == wanted and field_name.lower() == name:
                return True
        return False

    return holds


def _matching(name: str, found: Callable[[str], object]) -> Test:
    size = len(name)

    def holds(request: Request) -> bool:
        for field_name, value in request.headers:
            if len(field_name) == size and field_name.lower() == name and found(value) is not None:
                return True
        return False

    return holds


def _filter(name: str, text: str, holds: Test) -> Filter:
    if text.startswith("!"):
        return Filter(f"{name}={text}", lambda request: not holds(request))
    return Filter(f"{name}={text}", holds)


def _unnegated(text: str) -> str:
    return text.removeprefix("!")


def _expression(text: str) -> re.Pattern[str]:
    found = pattern(text)
    if found is None:
        raise ValueError("must be a regular expression, but is empty")
    return found
