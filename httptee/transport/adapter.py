"""The requests transport adapter that sends a request to an upstream byte for byte, and returns the answer unchanged.

requests normalizes the target, folds header fields into a dictionary and decodes the body. A proxy must not do this,
and it costs ten times as much as the exchange itself. So only the interface of requests is used: a Session, adapters
mounted on it, prepared requests in, responses out.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from math import inf
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from httptee.errors import UpstreamReset
from httptee.transport.connection import MAX_JOINED, Connection
from httptee.transport.opening import open_connection
from httptee.transport.pending import Pending
from httptee.transport.pool import Pool
from httptee.transport.prepared import WireRequest, WireResponse
from httptee.transport.pressure import Pressure
from httptee.transport.stream import WireStream
from httptee.transport.timeouts import DEFAULT_TIMEOUTS, Timeouts
from httptee.transport.tls import tls_context
from httptee.transport.wire import Answer

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Methods that may be repeated (RFC 9110 §9.2.2)."""


class _Route:
    """The destination of a URL: how to open a connection to it, and the pool of idle ones."""

    __slots__ = ("_host", "_port", "_scheme", "_server_name", "_tls", "encrypted", "pool")

    def __init__(
        self, url: str, verify: bool | str, cert: str | tuple[str, str] | None, server_name: str, pool: Pool
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not the URL of an http or https endpoint: {url!r}")
        self._scheme = parts.scheme
        self._host = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._server_name = server_name
        self._tls = tls_context(verify, cert) if parts.scheme == "https" else None
        self.encrypted = self._tls is not None
        self.pool = pool

    def open(self, timeout: float) -> Connection:
        return open_connection(self._scheme, self._host, self._port, timeout, self._tls, self._server_name)


class WireAdapter(BaseAdapter):
    """Sends `WireRequest`s for any number of threads. Keeps up to `max_idle` idle connections for each endpoint's URL.

    `server_name` is the name that TLS requests and verifies at https upstreams, if it is not the URL's host.
    `idle_limit` and `max_age` are in seconds: a connection that was idle or open for longer is not used again.
    `pressure` records how long answers lay unread in the kernel.
    """

    def __init__(
        self,
        *,
        max_idle: int = 32,
        idle_limit: float = 30.0,
        max_age: float = 300.0,
        server_name: str = "",
        pressure: Pressure | None = None,
    ) -> None:
        super().__init__()
        self._pressure = pressure
        self._server_name = server_name
        self._max_idle = max_idle
        self._idle_limit = idle_limit
        self._max_age = max_age
        self._routes: dict[tuple[Any, ...], _Route] = {}
        self._lock = threading.Lock()  # held while a route is added

    def __repr__(self) -> str:
        """Show the pools."""
        return f"<WireAdapter {[route.pool for route in self._routes.values()]}>"

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> WireResponse:
        """Send a `WireRequest` and return its answer, with its head and the part of the body that came with the head.

        `timeout` is a `Timeouts`. If a connection from the pool is reset before any byte of an answer, the request is
        sent once more on a new connection, if that is safe: the method is idempotent, or no byte of the request was
        sent. Raises UpstreamError, ValueError for a request that is not valid HTTP/1, and TypeError for any other class
        of request.
        """
        if not isinstance(request, WireRequest):
            raise TypeError("a WireAdapter sends WireRequests")
        limits: Timeouts = timeout or DEFAULT_TIMEOUTS
        deadline = inf if limits.whole is None else monotonic() + limits.whole
        head = request.head()
        route = self._routes.get((request.url, verify, cert)) or self._add_route(request.url, verify, cert)
        connection = route.pool.acquire()
        if connection is not None:
            received = connection.received
            try:
                return self._exchange(request, head, connection, route.pool, limits, deadline)
            except UpstreamReset:
                if connection.received != received or not _repeatable(request, connection.sent):
                    raise
        connection = route.open(min(limits.connect, deadline - monotonic()))
        return self._exchange(request, head, connection, route.pool, limits, deadline)

    def has_idle(self, url: str, verify: bool | str = True, cert: Any = None) -> bool:
        """Whether a plain connection to an endpoint is idle."""
        route = self._routes.get((url, verify, cert))
        return route is not None and not route.encrypted and not route.pool.empty

    def begin(self, request: WireRequest, verify: bool | str = True, cert: Any = None) -> Pending | None:
        """Prepare a request to be sent without waiting: on an idle plain connection whose buffer takes all of it.

        Returns None if that is impossible. Nothing is sent until the `Pending` is started.
        """
        route = self._routes.get((request.url, verify, cert))
        body = request.body
        if route is None or route.encrypted or len(body) > MAX_JOINED or not isinstance(body, bytes):
            return None
        data = request.head() + body
        connection = route.pool.acquire()
        if connection is None:
            return None
        if not connection.has_room(len(data)):
            route.pool.release(connection)
            return None
        return Pending(request.method, data, connection, route.pool)

    def connect(self, url: str, timeout: float, verify: bool | str = True, cert: Any = None) -> Connection:
        """Open a new connection to an endpoint and send nothing. The caller closes it. Raises UpstreamError."""
        route = self._routes.get((url, verify, cert)) or self._add_route(url, verify, cert)
        return route.open(timeout)

    def close(self) -> None:
        """Close every idle connection, and each one in use when it is released. May be called twice."""
        for route in list(self._routes.values()):
            route.pool.close()

    def _exchange(
        self, request: WireRequest, head: bytes, connection: Connection, pool: Pool, limits: Timeouts, deadline: float
    ) -> WireResponse:
        answer = Answer(request.method)
        try:
            sent_all = connection.exchange(head, request.body, answer, limits, deadline)
        except BaseException:
            connection.close()
            raise
        if self._pressure is not None and self._pressure.asks:
            self._pressure.notice(connection.unread_for())
        raw = WireStream(answer, connection, pool, sent_all, limits.idle, deadline)
        return WireResponse(request, raw, self)

    def _add_route(self, url: str, verify: bool | str, cert: Any) -> _Route:
        key = (url, verify, cert)
        with self._lock:
            if key not in self._routes:
                pool = Pool(url, max_idle=self._max_idle, idle_limit=self._idle_limit, max_age=self._max_age)
                self._routes[key] = _Route(url, verify, cert, self._server_name, pool)
            return self._routes[key]


def _repeatable(request: WireRequest, sent: int) -> bool:
    """Whether a request may be sent again after `sent` bytes of it were sent."""
    body = request.body
    return (request.method in IDEMPOTENT or not sent) and (isinstance(body, bytes) or body.file.seekable())
