"""A request whose header fields are read from the environ when they are first needed.

Most clones that are dropped are dropped without a look at them: B is down, or its share is small. To read them takes
half of the time that a request costs here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from httptee.http import (
    Additions,
    Headers,
    Request,
    check_hosts,
    client_of,
    read_target,
    request_of,
    target_of,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_LONGEST_NAME = 255  # characters of a Host that is remembered
_PLAIN = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"})


@lru_cache(maxsize=256)
def _check_host(host: str) -> None:
    """Raise BadRequest for a malformed Host. A service has few names, so one that is well-formed is remembered."""
    check_hosts(host.split(","), required=False)


class LateRequest(Request):
    """A request that is surely to be forwarded. `build` makes it with its header fields, once."""

    __slots__ = ("_build", "_fields")

    def __init__(
        self, method: str, target: str, body: bytes, environ: WSGIEnvironment, build: Callable[[], Request]
    ) -> None:
        port = environ.get("REMOTE_PORT", "")
        super().__init__(method, target, [], body, client_of(environ), environ["wsgi.url_scheme"], port=port)
        self._build: Callable[[], Request] | None = build

    @property
    def headers(self) -> Headers:
        """The fields to forward."""
        if self._build is not None:
            self._fields, self._build = self._build().headers, None
        return self._fields

    @headers.setter
    def headers(self, fields: Headers) -> None:
        self._fields = fields


def request_now(environ: WSGIEnvironment, additions: Additions, body: bytes | None) -> Request:
    """The request of an environ with its body, if it has one, and its header fields. Raises a Refusal."""
    return request_of(environ, additions, lambda: body)


def request_late(environ: WSGIEnvironment, additions: Additions, body: bytes | None) -> Request:
    """The request of an environ, which must not change any more, with its body if it has one. Raises a Refusal."""

    def build() -> Request:
        return request_now(environ, additions, body)

    method = environ["REQUEST_METHOD"]
    raw = environ.get("REQUEST_URI") or target_of(environ)
    if method not in _PLAIN or raw[:1] != "/":
        return build()
    if additions.id_header or additions.loops is not None or additions.proxies is not None:
        return build()
    host = environ.get("HTTP_HOST")
    if host is None or "HTTP_VIA" in environ or "HTTP_EXPECT" in environ or "HTTP_MAX_FORWARDS" in environ:
        return build()
    target, _ = read_target(method, raw)
    if len(host) <= _LONGEST_NAME:
        _check_host(host)
    else:
        check_hosts(host.split(","), required=False)
    return LateRequest(method, target, body or b"", environ, build)
