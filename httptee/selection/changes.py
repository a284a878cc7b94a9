"""What is changed in a clone for one B. The request itself never changes: a new one is made from it.

The order: fields are removed, set and added, the mark is set, Host is replaced, the path is rewritten.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from httptee.http import HOP_BY_HOP, Request, origin_form, with_added, with_field, without
from httptee.selection.expressions import replacement
from httptee.selection.hosts import Host
from httptee.selection.templates import Render, renderer

MARK = "X-Shadow"
"""The field that `mark` sets, to `1`."""

_UNTOUCHABLE = HOP_BY_HOP | {"content-length", "expect", "host"}
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t -~\x80-\xff]*")


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
        return cls(_changeable(name), value, renderer(value))


def names_to_remove(text: str) -> frozenset[str]:
    """The names in a text such as `Authorization,Cookie`, in lower case. Raises ValueError."""
    return frozenset(_changeable(name).lower() for name in text.split(","))


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
        expression, new = replacement(text)
        return cls(text, expression, new)

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
    host: Host | None = None
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
        if self.host is not None:
            headers = self.host(request, headers)
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
            port=request.port,
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
