"""The parts of a mock service: its routes, what a handler knows, and an answer before it is encoded."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from httptee.http import Headers, Request
from tests.worlds.times import USUAL, Pace

if TYPE_CHECKING:
    from tests.worlds.switches import Switch
    from tests.worlds.traffic import Client

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_HEX = re.compile(r"[0-9a-f]{16,64}\Z")
_VARIABLE = {"{int}": re.compile(r"\d+\Z"), "{uuid}": _UUID, "{hex}": _HEX}


@dataclass(slots=True)
class Draft:
    """An answer before it is encoded. `kind` is json, lines, html, xml, form, text or bytes."""

    status: int
    content: Any = None
    kind: str = "json"
    headers: Headers = field(default_factory=list)


@dataclass(slots=True)
class Moment:
    """What a handler and an edit know: the request, who is asked and when, and what this server remembers.

    `random` is this server's own, `memory` its state. `fact` makes data of a name once, the same for both
    servers; it must not be changed. `count` raises a counter that both servers share and returns it.
    """

    side: str
    at: float
    request: Request
    arguments: list[str]
    random: Random
    memory: dict[str, Any]
    fact: Callable[[str, Callable[[Random], Any]], Any]
    count: Callable[[], int]

    @property
    def query(self) -> dict[str, str]:
        """The parameters in the target."""
        return dict(parse_qsl(self.request.target.partition("?")[2]))

    def header(self, name: str) -> str:
        """The value of a request field, or an empty text."""
        return next((value for field, value in self.request.headers if field.lower() == name), "")


Handler = Callable[[Moment], Draft]


@dataclass(frozen=True, slots=True)
class Route:
    """One route, by the name that the verdict has for it, with its usual time in seconds.

    `once`: a request to it must never be sent a second time.
    """

    name: str
    handler: Handler
    seconds: float
    once: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """A mock service: its routes and its two tables. `weights` are the shares of the routes in its traffic.

    `next_request` makes a request of a client for a route. `reads` names the route that reads what another one has
    written. `rules` are those that an operator gives for what is constant, and for what a write has no second answer to
    learn it from. `rate` is in requests per second. `pace` says how its times vary.
    """

    name: str
    routes: Mapping[str, Route]
    defects: Mapping[str, Switch]
    noises: Mapping[str, Switch]
    weights: Mapping[str, float]
    next_request: Callable[[Client, str, Random], Request]
    reads: Mapping[str, str]
    rules: tuple[str, ...]
    rate: float
    pace: Pace = USUAL

    def find(self, method: str, target: str) -> tuple[Route | None, list[str]]:
        """The route of a request, and the variable parts of its path."""
        arguments: list[str] = []
        parts = []
        for part in target.partition("?")[0].split("/")[1:]:
            kind = next((kind for kind, form in _VARIABLE.items() if form.match(part)), "")
            if kind:
                arguments.append(part)
            parts.append(kind or part)
        return self.routes.get(f"{method} /{'/'.join(parts)}"), arguments
