"""One endpoint, reached through one Session of its own."""

from __future__ import annotations

from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import cast

import requests
from requests.adapters import BaseAdapter

from httptee.endpoint import Endpoint
from httptee.headers import with_host
from httptee.message import Request
from httptee.transport.adapter import Timeouts, WireRequest
from httptee.transport.tls import Trust

_BY_DEFAULT = Trust()


class UpstreamSession(requests.Session):
    """A Session that adds nothing of its own: no cookies, redirects, netrc, proxies or environment variables."""

    def __init__(self, adapter: BaseAdapter, trust: Trust) -> None:
        super().__init__()
        self.verify = trust.verify
        self.cert = trust.certificate
        self._adapter = adapter
        self.trust_env = False
        # A Session shared by all clients must never hand one client's Set-Cookie to the next.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def get_adapter(self, url: str | bytes) -> BaseAdapter:
        """The one there is."""
        return self._adapter

    def resolve_redirects(self, *_: object, **__: object) -> Iterator[requests.Response]:
        """A redirect is the client's to follow; so much as looking at its target would read the whole body."""
        return iter(())


class Upstream:
    """Sends requests to one endpoint: target under its prefix, Host kept or rewritten."""

    def __init__(
        self, endpoint: Endpoint, adapter: BaseAdapter, *, rewrite_host: bool, close: bool, trust: Trust = _BY_DEFAULT
    ) -> None:
        self.endpoint = endpoint
        self._session = UpstreamSession(adapter, trust)
        self._url = f"{endpoint.scheme}://{endpoint.authority}/"
        self._rewrite_host = rewrite_host
        self._close = close

    def send(self, request: Request, timeouts: Timeouts) -> requests.Response:
        """Send a request and return its answer, headers read and body streaming.

        Raises what the adapter raises; `errors.upstream_error` names it.
        """
        headers = request.headers
        if self._rewrite_host or not any(name.lower() == "host" for name, _ in headers):
            headers = with_host(headers, self.endpoint.authority)
        if self._close:
            headers = [*headers, ("Connection", "close")]
        prepared = WireRequest(request.method, self._url, self.endpoint.target(request.target), headers, request.body)
        # requests hands a timeout to the adapter as it is; this adapter's have four parts.
        timeout = cast(float, timeouts)
        return self._session.send(prepared, stream=True, timeout=timeout, allow_redirects=False, proxies={})

    def close(self) -> None:
        """Close every idle connection. May be called twice."""
        self._session.close()
