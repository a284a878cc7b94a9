"""The requests transport adapter that sends a request to an upstream byte for byte, and returns the answer unchanged.

requests normalizes the target, folds header fields into a dictionary and decodes the body. A proxy must not do this,
and it costs ten times as much as the exchange itself. So only the interface of requests is used: a Session, adapters
mounted on it, prepared requests in, responses out.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from httptee.errors import UpstreamError, UpstreamReset
from httptee.http.uploads import StreamedBody
from httptee.transport.connection import MAX_JOINED, SHORTEST, Connection
from httptee.transport.names import Name
from httptee.transport.opening import Opener, owner_of
from httptee.transport.pending import Pending, Unread
from httptee.transport.pool import Pool
from httptee.transport.prepared import WireRequest, WireResponse
from httptee.transport.pressure import Arrival, Pressure, Reading, unread_for
from httptee.transport.stream import WireStream
from httptee.transport.timeouts import DEFAULT_TIMEOUTS, FOR_CLIENTS, Limits, Timeouts
from httptee.transport.tls import tls_context
from httptee.transport.wire import Answer

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Methods that may be repeated (RFC 9110 §9.2.2)."""


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """What bounds the connections to an endpoint.

    At most `max_idle` are kept, each for at most `keep_alive` seconds without use. Addresses are looked up again after
    `dns_ttl` seconds.
    """

    max_idle: int = 32
    keep_alive: float = 30.0
    dns_ttl: float = 30.0


DEFAULT_LIMITS = PoolLimits()


class _Route:
    """The destination of a URL: how to open a connection to it, and the pool of idle ones."""

    __slots__ = ("encrypted", "open", "pool")

    def __init__(
        self, url: str, tls: ssl.SSLContext | None, server_name: str, limits: PoolLimits, path: str, send_proxy: str
    ) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        name = Name(path or host, parts.port or (443 if tls else 80), limits.dns_ttl)
        self.encrypted = tls is not None
        self.open = Opener(name, tls, server_name or host, send_proxy).open
        self.pool = Pool(url, name, max_idle=limits.max_idle, keep_alive=limits.keep_alive)


class WireAdapter(BaseAdapter):
    """Sends `WireRequest`s for any number of threads. Keeps idle connections for each endpoint's URL within `limits`.

    `server_name` is the name that TLS requests and verifies at https upstreams, if it is not the URL's host. `path` is
    that of the Unix socket to connect to, whatever the URL says, or empty. With `send_proxy`, `v1` or `v2`, each
    connection begins with a PROXY preamble, and carries the requests of only the client that it names.
    `pressure` records how long answers lay unread in the kernel. `most` limits what an answer may cost. With `reading`,
    bodies of answers are discarded, and the limits are those of clones.
    """

    def __init__(
        self,
        limits: PoolLimits = DEFAULT_LIMITS,
        *,
        server_name: str = "",
        path: str = "",
        send_proxy: str = "",
        pressure: Pressure | None = None,
        reading: Reading | None = None,
        most: Limits = FOR_CLIENTS,
    ) -> None:
        super().__init__()
        self._unread = Unread(reading) if reading else None
        self._most = most
        self._pressure = pressure
        self._server_name = server_name
        self._path = path
        self._send_proxy = send_proxy
        self._limits = limits
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
        connection = route.pool.acquire(self._owner(request))
        sent = 0
        if connection is not None:
            received = connection.received
            try:
                return self._exchange(request, head, connection, route.pool, limits, deadline)
            except UpstreamReset:
                sent = connection.sent
                if connection.received != received or not _repeatable(request, sent):
                    raise
        try:
            connection = route.open(min(limits.connect, deadline - monotonic()), request.cancellation, request.client)
        except UpstreamError as error:
            error.unsent = not sent
            raise
        return self._exchange(request, head, connection, route.pool, limits, deadline)

    def has_idle(self, url: str, verify: bool | str = True, cert: Any = None) -> bool:
        """Whether a plain connection to an endpoint is idle."""
        route = self._routes.get((url, verify, cert))
        return route is not None and not route.encrypted and bool(route.pool.idle)

    def begin(self, request: WireRequest, verify: bool | str = True, cert: Any = None) -> Pending | None:
        """Prepare a request to be sent without waiting: on an idle plain connection whose buffer takes all of it.

        Returns None if that is impossible. Nothing is sent until the `Pending` is started.
        """
        route = self._routes.get((request.url, verify, cert))
        body = request.body
        if route is None or route.encrypted or len(body) > MAX_JOINED or not isinstance(body, bytes):
            return None
        data = request.head() + body
        connection = route.pool.acquire(self._owner(request))
        if connection is None:
            return None
        if not connection.has_room(len(data)):
            route.pool.release(connection)
            return None
        connection.arrival = Arrival(connection.sock) if request.keep else None
        return Pending(self._answer(request), data, connection, route.pool)

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
        answer = self._answer(request)
        answer.on_interim = request.interim
        connection.arrival = Arrival(connection.sock) if request.timed else None
        cancellation = request.cancellation
        try:
            if cancellation is not None:
                cancellation.attach(connection.shut_down)
            sent_all = connection.exchange(head, request.body, answer, limits, deadline)
        except BaseException:
            if cancellation is not None:
                cancellation.detach()
            if isinstance(request.body, StreamedBody):
                _cut(connection)
            connection.close()
            raise
        if connection.arrival is not None and isinstance(request.body, StreamedBody):
            answer.head_seconds = max(
                connection.arrival.at - request.body.read_at, SHORTEST
            )  # without the client's time
        if self._pressure is not None and self._pressure.sample():
            self._pressure.record(unread_for(connection.sock))
        raw = WireStream(answer, connection, pool, sent_all, limits.idle, deadline, cancellation)
        return WireResponse(request, raw, self)

    def _owner(self, request: WireRequest) -> str:
        """Whose connections may carry a request; empty if all may."""
        return owner_of(request.client) if self._send_proxy else ""

    def _answer(self, request: WireRequest) -> Answer:
        unread, method = self._unread, request.method
        answer = Answer(method, self._most) if unread is None else unread.answer(method, request.keep)
        if request.upgrade:
            answer.upgrade = request.upgrade
        return answer

    def _add_route(self, url: str, verify: bool | str, cert: Any) -> _Route:
        key = (url, verify, cert)
        with self._lock:
            if key not in self._routes:
                parts = urlsplit(url)
                if parts.scheme not in ("http", "https") or not parts.hostname:
                    raise ValueError(f"not the URL of an http or https endpoint: {url!r}")
                tls = tls_context(verify, cert) if parts.scheme == "https" else None
                self._routes[key] = _Route(url, tls, self._server_name, self._limits, self._path, self._send_proxy)
            return self._routes[key]


def _cut(connection: Connection) -> None:
    """Make the close of a connection a reset: the upstream must not take a part of a body for the whole."""
    with contextlib.suppress(OSError):
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _repeatable(request: WireRequest, sent: int) -> bool:
    """Whether a request may be sent again after `sent` bytes of it were sent."""
    body = request.body
    if sent and request.method not in IDEMPOTENT:
        return False
    if isinstance(body, StreamedBody):
        return body.rewind()
    return isinstance(body, bytes) or bool(body.file.seekable())
