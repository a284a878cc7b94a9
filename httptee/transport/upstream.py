"""One endpoint, reached through one Session of its own."""

from __future__ import annotations

from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Any, cast

import requests
from requests.adapters import BaseAdapter

from httptee.http import Endpoint, Request, has_host, with_host
from httptee.transport.adapter import WireAdapter
from httptee.transport.connection import Connection
from httptee.transport.pending import Pending
from httptee.transport.prepared import WireRequest
from httptee.transport.timeouts import Timeouts
from httptee.transport.tls import Trust

_BY_DEFAULT = Trust()


class UpstreamSession(requests.Session):
    """A Session that adds nothing of its own: no cookies, redirects, netrc, proxies or environment variables."""

    def __init__(self, adapter: BaseAdapter, trust: Trust) -> None:
        super().__init__()
        self.verify: bool | str = trust.verify
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

    def send(self, request: requests.PreparedRequest, *, timeout: Any = None, **options: Any) -> requests.Response:
        """Let the adapter send a request, its answer streaming; `timeout` is the adapter's, whose have four parts.

        What a Session does before and after costs as much as the adapter, and is all for clients: cookies, hooks, the
        environment's proxies, and redirects, which are the client's to follow.
        """
        return self._adapter.send(
            request, stream=True, timeout=timeout, verify=self.verify, cert=self.cert, proxies=None
        )

    def has_idle(self, url: str) -> bool:
        """Whether the adapter has an idle connection that `begin` may use."""
        adapter = self._adapter
        return isinstance(adapter, WireAdapter) and adapter.has_idle(url, self.verify, self.cert)

    def begin(self, request: WireRequest) -> Pending | None:
        """What the adapter can send without waiting."""
        adapter = self._adapter
        return adapter.begin(request, self.verify, self.cert) if isinstance(adapter, WireAdapter) else None


class Upstream:
    """Sends requests to one endpoint: target under its prefix, Host kept or rewritten.

    `change` makes from each request the one to send; `trust` says how an https endpoint is verified.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        adapter: BaseAdapter,
        *,
        rewrite_host: bool,
        close: bool,
        change: Callable[[Request], Request] | None = None,
        trust: Trust = _BY_DEFAULT,
    ) -> None:
        self.endpoint = endpoint
        self._session = UpstreamSession(adapter, trust)
        self._trust = trust
        self._change = change
        self._url = f"{endpoint.scheme}://{endpoint.authority}/"
        self._rewrite_host = rewrite_host
        self._close = close

    def send(self, request: Request, timeouts: Timeouts) -> requests.Response:
        """Send a request and return its answer, headers read and body streaming.

        Raises what the adapter raises; `errors.upstream_error` names it.
        """
        return self._session.send(self.prepare(request), timeout=timeouts)

    @property
    def has_idle(self) -> bool:
        """Whether a connection is idle that `begin` may use."""
        return self._session.has_idle(self._url)

    def begin(self, request: Request) -> Pending | None:
        """A request that can be sent without waiting for anything, or None where that cannot be done."""
        return self._session.begin(self.prepare(request)) if self.has_idle else None

    def prepare(self, request: Request) -> WireRequest:
        """What is sent for a request."""
        if self._change is not None:
            request = self._change(request)
        headers = request.headers
        if self._rewrite_host or not has_host(headers):
            headers = with_host(headers, self.endpoint.authority)
        if self._close:
            headers = [*headers, ("Connection", "close")]
        target = self.endpoint.target(request.target)
        shared = request.written if headers is request.headers and target == request.target else None
        return WireRequest(request.method, self._url, target, headers, request.body, shared)

    def connect(self, timeout: float) -> Connection:
        """A new connection that sends nothing, within `timeout` seconds; it is the caller's to close.

        Raises UpstreamError.
        """
        adapter = cast(WireAdapter, self._session.get_adapter(self._url))
        return adapter.connect(self._url, timeout, self._trust.verify, self._trust.certificate)

    def close(self) -> None:
        """Close every idle connection. May be called twice."""
        self._session.close()
