"""What is changed in a clone for one B. The request itself never changes: a new one is made from it.

The order: fields are removed, set and added, the mark is set, Host is replaced, the path is rewritten.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from httptee.http import HOP_BY_HOP, Request, origin_form, values, with_added, with_field, with_host, without
from httptee.selection.expressions import pattern

MARK = "X-Shadow"
"""The field that `mark` sets, to `1`."""

Render = Callable[[Request], str]

_UNTOUCHABLE = HOP_BY_HOP | {"content-length", "expect", "host"}
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t -~\x80-\xff]*")
_VISIBLE = re.compile(r"[!-~]+")
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|([{}])|[^{}]+")
_DOUBLED = {"{{": "{", "}}": "}"}
_TEMPLATE = re.compile(r"(?:[!-\[\]-~\x80-\xff]|\\[1-9](?![0-9])|\\g<\w+>)*", re.ASCII)
# Makes the ids different from those of other tees, and of this tee's earlier runs.
_RUN = secrets.token_hex(4)


def _request_id(request: Request) -> str:
    """The client's own X-Request-Id, or a new one that is the same for every B."""
    given = values(request.headers, "x-request-id")
    return given[0] if given else f"{_RUN}-{os.getpid():x}-{request.number:x}"


_PLACEHOLDERS: dict[str, Render] = {
    "client": lambda request: request.client,
    "request-id": _request_id,
    "scheme": lambda request: request.scheme,
    "host": lambda request: (values(request.headers, "host") or [""])[0],
}


@dataclass(frozen=True, slots=True)
class HeaderLine:
    """A field to set or to add; `render` makes its value for a request."""

    name: str
    template: str
    render: Render = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> HeaderLine:
        """Read `Name: value`, which may contain {client}, {request-id}, {scheme} and {host}. Raises ValueError.

        The message never contains the value: it may be a credential.
        """
        name, colon, value = text.partition(":")
        value = value.strip(" \t")
        if not colon or not _VALUE.fullmatch(value):
            raise ValueError("must be Name: value, with characters that a header field may have")
        return cls(_changeable(name), value, _renderer(value))


def names_to_remove(text: str) -> frozenset[str]:
    """The names in a text such as `Authorization,Cookie`, in lower case. Raises ValueError."""
    return frozenset(_changeable(name).lower() for name in text.split(","))


def literal_host(text: str) -> str:
    """A value for Host, or one of the words preserve and target. Raises ValueError."""
    if not _VISIBLE.fullmatch(text):
        raise ValueError(f"must be preserve, target, or a host in visible ASCII: {text!r}")
    return text


@dataclass(frozen=True, slots=True)
class PathRewrite:
    """Replaces the first match of an expression in the path."""

    text: str
    expression: re.Pattern[str]
    replacement: str

    @classmethod
    def parse(cls, text: str) -> PathRewrite:
        r"""Read `expression -> replacement`, or the same with →. Raises ValueError.

        In the replacement, `\1` and `\g<name>` stand for groups.
        """
        parts = re.fullmatch(r"(.*?)\s*(?:->|→)\s*(.*?)", text, re.DOTALL)
        expression = pattern(parts[1]) if parts else None
        if parts is None or expression is None:
            raise ValueError(f"must be a regular expression, -> and the replacement: {text!r}")
        if not _TEMPLATE.fullmatch(parts[2]):
            raise ValueError(f"a replacement may have visible characters, \\1 to \\9 and \\g<name>: {parts[2]!r}")
        try:
            expression.sub(parts[2], "")
        except (re.error, IndexError) as error:
            raise ValueError(f"the replacement does not fit the expression ({error}): {text!r}") from None
        return cls(text, expression, parts[2])

    def __call__(self, target: str) -> str:
        """The target with its path rewritten. A missing slash at the start is added; the query is unchanged."""
        if target == "*":
            return target
        path, mark, query = origin_form(target).partition("?")
        path = self.expression.sub(self.replacement, path, count=1)
        return f"{path if path.startswith('/') else '/' + path}{mark}{query}"


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes for one B. False if there are none. Called with a request, it returns the request that B gets."""

    removed: frozenset[str] = frozenset()
    set: tuple[HeaderLine, ...] = ()
    added: tuple[HeaderLine, ...] = ()
    mark: bool = False
    host: str = ""
    rewrites: tuple[PathRewrite, ...] = ()

    def __bool__(self) -> bool:
        return self != NO_CHANGES

    def __call__(self, request: Request) -> Request:
        """The changed request. The given request and its list of headers stay as they are."""
        headers = without(request.headers, self.removed)
        for line in self.set:
            headers = with_field(headers, line.name, line.render(request))
        for line in self.added:
            headers = with_added(headers, line.name, line.render(request))
        if self.mark:
            headers = with_field(headers, MARK, "1")
        if self.host:
            headers = with_host(headers, self.host)
        target = request.target
        for rewrite in self.rewrites:
            target = rewrite(target)
        return Request(
            request.method,
            target,
            headers,
            request.body,
            request.client,
            request.scheme,
            request.number,
            request.upgrade,
        )


NO_CHANGES = Changes()
"""The clone is sent as the request came."""


def _changeable(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"must be the name of a header field: {name!r}")
    if name.lower() == "host":
        raise ValueError("set Host with host=preserve, host=target or host=NAME")
    if name.lower() in _UNTOUCHABLE:
        raise ValueError(f"{name} cannot be changed: it belongs to the tee's own connection")
    return name


def _renderer(template: str) -> Render:
    """The function that fills in a template, where {{ and }} are literal braces. Raises ValueError."""
    pieces: list[str | Render] = []
    for piece in _PIECE.finditer(template):
        if piece[2]:
            raise ValueError("write a literal brace twice: {{ or }}")
        if piece[1] is not None and piece[1] not in _PLACEHOLDERS:
            known = ", ".join(f"{{{name}}}" for name in _PLACEHOLDERS)
            raise ValueError(f"unknown placeholder {{{piece[1]}}}: the placeholders are {known}")
        pieces.append(_PLACEHOLDERS[piece[1]] if piece[1] is not None else _DOUBLED.get(piece[0], piece[0]))
    if all(isinstance(piece, str) for piece in pieces):
        constant = "".join(map(str, pieces))
        return lambda request: constant
    return lambda request: "".join([piece if isinstance(piece, str) else piece(request) for piece in pieces])
