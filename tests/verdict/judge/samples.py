"""Pairs for tests of what is done with them."""

from __future__ import annotations

from httptee.compare import Outcome
from httptee.http import Request
from httptee.verdict.court import Pair


def outcome(body: bytes | None = b"{}", status: int = 200, failure: str = "") -> Outcome:
    """An answer of JSON."""
    length = 0 if body is None else len(body)
    return Outcome(status, [("Content-Type", "application/json"), ("Set-Cookie", "ü=1")], body, length, b"", failure)


def pair(
    a: Outcome | None = None,
    b: Outcome | None = None,
    *,
    method: str = "GET",
    target: str = "/users/12",
    body: bytes = b"",
    backend: str = "canary",
    headers: tuple[tuple[str, str], ...] = (("Host", "example.org"), ("X-Empty", "")),
) -> Pair:
    """A pair of `GET /users/{int}` that came at 1000 s."""
    request = Request(method, target, list(headers), body, "192.0.2.1", "http")
    return Pair(
        0, backend, f"{method} /users/{{int}}", request, a or outcome(), b or outcome(b"[]"), 1000.0, 1000.1, 0.01, 0.02
    )
