"""Texts with placeholders: {client}, {request-id}, {scheme} and {host}."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable

from httptee.http import Request, values

Render = Callable[[Request], str]

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|([{}])|[^{}]+")
_DOUBLED = {"{{": "{", "}}": "}"}
# Makes the ids different from those of other tees, and of this tee's earlier runs.
_RUN = secrets.token_hex(4)


def renderer(template: str) -> Render:
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
