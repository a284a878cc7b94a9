"""The prepared request and the response of requests' interface, without the parts that a tee does not use.

A `WireRequest` needs no preparation. A `WireResponse` builds an attribute of requests' responses when it is first read.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from types import MappingProxyType
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict

from httptee.http import Body, Cancellation, Headers, PassOn
from httptee.transport.stream import WireStream


def request_head(method: str, target: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """The head of a request (RFC 9112 §3): fields in the given order, and the empty line at the end.

    Raises ValueError for CR, LF or NUL anywhere, for a method or target that is empty or contains a space, and for
    characters outside latin-1.
    """
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    text = f"{method} {target} HTTP/1.1\r\n{''.join(lines)}\r\n"
    ends = len(lines) + 2
    if text.count("\r") != ends or text.count("\n") != ends or "\0" in text:
        raise ValueError("CR, LF or NUL in a request head")
    if " " in target or " " in method or not target or not method:
        raise ValueError("a method and a request target must be one word each")
    return text.encode("latin-1")


class WireRequest(requests.PreparedRequest):
    """A request that needs no preparation: it is sent as it is.

    `url` is the endpoint's URL and selects the adapter and the connection. `target` is the request target. `pairs` are
    the final header fields in order, Host and Content-Length included. `shared_head` is a list that holds the head once
    it is built, so that other upstreams can send the same bytes; then `pairs` may be empty. `cancellation` may end the
    exchange. `interim` gets the interim answers. `keep` is the size in bytes up to which the body of a clone's answer
    is kept, or 0. `client` is the address and the port of the client, for a PROXY preamble. `timed`: the answer gets
    its `head_seconds`. `upgrade` has the protocols that it asks to switch to.
    """

    method: str
    url: str
    hooks: Any = MappingProxyType({})
    _cookies = None
    cancellation: Cancellation | None = None
    interim: PassOn | None = None
    keep = 0
    client = ("", "")
    timed = False
    upgrade: tuple[str, ...] = ()

    def __init__(
        self,
        method: str,
        url: str,
        target: str,
        pairs: Headers,
        body: Body = b"",
        shared_head: list[bytes] | None = None,
    ) -> None:
        self.method = method
        self.url = url
        self.target = target
        self.pairs = pairs
        self.body: Any = body
        self._shared_head = shared_head

    def head(self) -> bytes:
        """The request's head as bytes. Raises ValueError if the request is not valid HTTP/1."""
        if self._shared_head:
            return self._shared_head[0]
        head = request_head(self.method, self.target, self.pairs)
        if self._shared_head is not None:
            self._shared_head.append(head)
        return head

    @property
    def headers(self) -> CaseInsensitiveDict[str]:  # type: ignore[override]
        """The fields as a dictionary, for requests only: `pairs` is what is sent."""
        return _combined(self.pairs)


class WireResponse(requests.Response):
    """An answer. `raw` is its `WireStream`. `headers` and `cookies` are built when they are first read."""

    _content: Any = False
    _content_consumed = False
    _next = None
    encoding = None

    def __init__(self, request: WireRequest, raw: WireStream, adapter: BaseAdapter) -> None:
        self.request = request
        self.url = request.url
        self.status_code = raw.status
        self.reason = raw.reason
        self.raw: Any = raw
        self.connection: Any = adapter
        self.history = []

    @cached_property
    def headers(self) -> CaseInsensitiveDict[str]:  # type: ignore[override]
        """The fields as a dictionary, duplicates joined (RFC 9110 §5.3). `raw.pairs` has them as received."""
        return _combined(self.raw.pairs)

    @cached_property
    def cookies(self) -> RequestsCookieJar:  # type: ignore[override]
        """Always empty: cookies concern only the client and the upstream."""
        return RequestsCookieJar()


def _combined(pairs: Headers) -> CaseInsensitiveDict[str]:
    combined: CaseInsensitiveDict[str] = CaseInsensitiveDict()
    for name, value in pairs:
        combined[name] = f"{combined[name]}, {value}" if name in combined else value
    return combined
