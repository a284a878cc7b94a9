"""The operator's rules for one B: which differences to ignore, which to accept, and templates of routes.

    ignore='GET /users/{id} body $.took_ms # a clock'    accept='header Server'    route=/users/{id}

`ignore`: the difference says nothing. `accept`: B differs on purpose. Both name a method and a route (optional, else
every route), a part of the answer, a path in it (optional, else all of the part) and a kind (optional, else every one).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from httptee.compare import Key

PARTS = ("outcome", "status", "header", "body")
KINDS = ("value", "type", "missing", "extra", "length", "order", "undecodable")
_PLACE = re.compile(r"\{[^/{}]*\}")
_REASON = re.compile(r"\s(?:#|--)\s+")
_METHOD = re.compile(r"[A-Z][A-Z-]*\Z")
_FORM = "must be [METHOD] [/route] outcome|status|header|body [path] [kind] [# reason]"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule about differences. Empty texts match everything; `reason` is the operator's own words.

    A route is a path without its query. `{name}` in it stands for a variable segment, `*` for any one, and `**` at its
    end for any number of them. A path covers what lies below it. A path in a header is the name of a field.
    """

    text: str
    method: str
    route: str
    part: str
    path: str
    kind: str
    reason: str

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read a rule. Raises ValueError with what it must look like."""
        stated, *reasons = _REASON.split(text.strip(), maxsplit=1)
        words = stated.split()
        method = words.pop(0) if words and _METHOD.match(words[0]) else ""
        route = words.pop(0) if words and words[0].startswith("/") else ""
        if not words or words[0] not in PARTS or (method and not route):
            raise ValueError(f"{text!r} {_FORM}")
        part = words.pop(0)
        kind = words.pop() if words and words[-1] in KINDS else ""
        path = " ".join(words)
        if path and part not in ("header", "body"):
            raise ValueError(f"{text!r}: {part} has no path; {_FORM}")
        return cls(text, method, route, part, path.lower() if part == "header" else path, kind, "".join(reasons))

    def covers(self, route: str, key: Key) -> bool:
        """Whether the rule is about this difference in this route, which is like `GET /users/{int}`."""
        method, _, path = route.partition(" ")
        return (
            self.part == key.part
            and self.kind in ("", key.kind)
            and self.method in ("", method)
            and (not self.path or is_below(key.path.lower() if self.part == "header" else key.path, self.path))
            and (not self.route or _same_route(self.route, path))
        )


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one B. `templates` are routes as the operator names them, for `compare.Routes`."""

    ignored: tuple[Rule, ...] = ()
    accepted: tuple[Rule, ...] = ()
    templates: tuple[str, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Rules:
        """Read texts like `ignore=body $.took_ms`, `accept=header Server` and `route=/users/{id}`.

        Raises ValueError with what is wrong.
        """
        found: dict[str, list[str]] = {"ignore": [], "accept": [], "route": []}
        for text in texts:
            name, equals, value = text.partition("=")
            if name.strip() not in found or not equals:
                raise ValueError(f"{text!r} must be ignore=…, accept=… or route=…")
            found[name.strip()].append(value.strip())
        ignored, accepted = (tuple(map(Rule.parse, found[name])) for name in ("ignore", "accept"))
        return cls(ignored, accepted, tuple(map(route_template, found["route"])))

    def about(self, route: str, key: Key) -> tuple[str, Rule] | None:
        """`ignored` or `accepted` with the first rule that covers the difference, or None."""
        for label, rules in (("ignored", self.ignored), ("accepted", self.accepted)):
            for rule in rules:
                if rule.covers(route, key):
                    return label, rule
        return None


def route_template(text: str) -> str:
    """The template of a route, as it is. Raises ValueError if it is no path."""
    if not text.startswith("/") or re.search(r"\s", text):
        raise ValueError(f"must be a path such as /users/{{id}}: {text!r}")
    return text


NO_RULES = Rules()


def line(name: str, route: str, key: Key) -> str:
    """What to paste into B's line to `ignore` or `accept` a difference. An empty route stands for all of them."""
    words = [route, key.part, key.path]
    # A path that ends like a kind would be read as one. So would a rule without a path.
    if not key.path or key.path.split()[-1] in KINDS or key.kind in ("missing", "extra"):
        words.append(key.kind)
    return f"{name}={shlex.quote(' '.join(word for word in words if word))}"


def is_below(path: str, above: str) -> bool:
    """Whether a path is another one or lies below it: `$.items[].price` below `$.items`, `set-cookie:sid;path` below
    `set-cookie`.
    """
    return path == above or (path.startswith(above) and path[len(above)] in ".[/:;")


def _same_route(pattern: str, path: str) -> bool:
    wanted, found = pattern.split("/"), path.split("/")
    if wanted[-1] == "**":
        wanted.pop()
        found = found[: len(wanted)]
    return len(wanted) == len(found) and all(
        one == "*" or one == other or bool(_PLACE.fullmatch(one) and _PLACE.fullmatch(other))
        for one, other in zip(wanted, found, strict=True)
    )
