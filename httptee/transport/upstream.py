"""One endpoint, reached through its own Session."""

from __future__ import annotations

from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Any, cast

import requests
from requests.adapters import BaseAdapter

from httptee.http import Cancellation, Endpoint, PassOn, Request, with_host
from httptee.http.uploads import StreamedBody
from httptee.transport.adapter import WireAdapter
from httptee.transport.connection import Connection
from httptee.transport.pending import Pending
from httptee.transport.prepared import WireRequest
from httptee.transport.timeouts import Timeouts
from httptee.transport.tls import Trust

_DEFAULT_TRUST = Trust()
_EXPECT = ("Expect", "100-continue")


class UpstreamSession(requests.Session):
    """A Session that adds nothing of its own: no cookies, redirects, netrc, proxies or environment variables."""

    def __init__(self, adapter: BaseAdapter, trust: Trust) -> None:
        super().__init__()
        self.verify: bool | str = trust.verify
        self.cert = trust.certificate
        self._adapter = adapter
        self.trust_env = False
        # All clients share this Session, so it must never send the cookie of one client for another.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def get_adapter(self, url: str | bytes) -> BaseAdapter:
        """The only adapter, for every URL."""
        return self._adapter

    def send(self, request: requests.PreparedRequest, *, timeout: Any = None, **options: Any) -> requests.Response:
        """Send a request through the adapter; the answer streams. `timeout` is a `Timeouts`.

        requests' own `send` also handles cookies, hooks, proxies from the environment, and redirects, which the tee's
        client follows itself. That costs as much as the adapter.
        """
        return self._adapter.send(
            request, stream=True, timeout=timeout, verify=self.verify, cert=self.cert, proxies=None
        )


class Upstream:
    """Sends requests to one endpoint, with its prefix before the target and Host kept or rewritten.

    `change` makes the request to send from each request. `trust` says how an https endpoint is verified. With `close`,
    each request has `Connection: close`.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        adapter: BaseAdapter,
        *,
        rewrite_host: bool,
        close: bool,
        change: Callable[[Request], Request] | None = None,
        trust: Trust = _DEFAULT_TRUST,
    ) -> None:
        self.endpoint = endpoint
        self._session = UpstreamSession(adapter, trust)
        self._wire = adapter if isinstance(adapter, WireAdapter) else None
        self._trust = trust
        self._change = change
        self._url = f"{endpoint.scheme}://{endpoint.authority}/"
        self._rewrite_host = rewrite_host
        self._close = close
        self._as_it_is = change is None and not rewrite_host and not close and not endpoint.prefix

    def send(
        self,
        request: Request,
        timeouts: Timeouts,
        cancellation: Cancellation | None = None,
        interim: PassOn | None = None,
        keep: int = 0,
        timed: bool = False,
    ) -> requests.Response:
        """Send a request and return its answer, with the header fields read and the body streaming.

        `cancellation` may end the exchange from another thread; it then fails as if the upstream had closed. `interim`
        is called with each interim answer but 100. `keep` is the size in bytes up to which the body of a clone's answer
        is kept. `timed`: the time to the head of the answer is measured. Raises the errors of the adapter;
        `errors.upstream_error` maps them to an `UpstreamError`.
        """
        prepared = self.prepare(request)
        prepared.cancellation = cancellation
        prepared.interim = interim
        prepared.client = (request.client, request.port)
        prepared.keep = keep
        prepared.timed = timed or keep > 0
        return self._session.send(prepared, timeout=timeouts)

    @property
    def has_idle(self) -> bool:
        """Whether there is an idle connection that `begin` may use."""
        wire, trust = self._wire, self._trust
        return wire is not None and wire.has_idle(self._url, trust.verify, trust.certificate)

    def begin(self, request: Request, keep: int = 0) -> Pending | None:
        """Prepare a request that can be sent without waiting, or return None if that is impossible."""
        wire, trust = self._wire, self._trust
        if wire is None or not wire.has_idle(self._url, trust.verify, trust.certificate):
            return None
        prepared = self.prepare(request)
        prepared.client = (request.client, request.port)
        if keep:
            prepared.keep = keep
        return wire.begin(prepared, trust.verify, trust.certificate)

    def prepare(self, request: Request) -> WireRequest:
        """The request in the form in which it is sent to this endpoint."""
        expects = isinstance(request.body, StreamedBody) and request.body.expects
        if self._as_it_is and not expects and request.target[:1] == "/":
            written = request.shared_head
            # A head that is already written needs no fields: a clone in flight holds one form of its head, not two.
            pairs = [] if written else request.headers
            prepared = WireRequest(request.method, self._url, request.target, pairs, request.body, written)
            if request.upgrade:
                prepared.upgrade = request.upgrade
            return prepared
        if self._change is not None:
            request = self._change(request)
        given = headers = request.headers
        if self._rewrite_host:
            headers = with_host(headers, self.endpoint.authority)
        if self._close and not request.upgrade:  # the option of an upgrade is in the only Connection
            headers = [*headers, ("Connection", "close")]
        if expects:
            headers = [*headers, _EXPECT]
        target = self.endpoint.target(request.target)
        shared = request.shared_head if headers is given and target == request.target else None
        prepared = WireRequest(request.method, self._url, target, [] if shared else headers, request.body, shared)
        prepared.upgrade = request.upgrade
        return prepared

    def connect(self, timeout: float) -> Connection:
        """Open a new connection within `timeout` seconds and send nothing. The caller closes it.

        Raises UpstreamError.
        """
        adapter = cast(WireAdapter, self._session.get_adapter(self._url))
        return adapter.connect(self._url, timeout, self._trust.verify, self._trust.certificate)

    def close(self) -> None:
        """Close every idle connection. May be called twice."""
        self._session.close()
