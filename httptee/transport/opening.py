"""Opens a connection to an upstream: name, address and TLS handshake within one deadline.

An address that never answers must not use up the time of the others. The next one is tried when the one before has
failed, or after `ATTEMPT_DELAY`. The first connection that is established is used (RFC 8305 §5).
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import ssl
import struct
from collections.abc import Sequence
from math import inf
from time import monotonic

from httptee.errors import UpstreamReset, UpstreamTimeout, upstream_error
from httptee.http import Cancellation
from httptee.http.peers import write_preamble
from httptee.transport.connection import NO_TIMEOUT, Connection
from httptee.transport.names import Address, LookupTimeout, Name
from httptee.transport.tls import ResumingContext

ATTEMPT_DELAY = 0.25
"""Seconds after which the next address is tried (RFC 8305 §5)."""

_CHECK = 0.25  # seconds between two checks whether the request was canceled

_BEGUN = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK})


class Opener:
    """Opens connections to one endpoint. `tls` is None for plain HTTP; `server_name` is the name that TLS verifies.
    `send_proxy` is the version of the PROXY preamble that each connection begins with, `v1` or `v2`, or empty."""

    def __init__(
        self, name: Name, tls: ssl.SSLContext | None = None, server_name: str = "", send_proxy: str = ""
    ) -> None:
        self._send_proxy = send_proxy
        self.name = name
        self._tls = tls
        self._server_name = server_name.removesuffix(".")

    def open(
        self,
        timeout: float,
        cancellation: Cancellation | None = None,
        client: tuple[str, str] | None = None,
    ) -> Connection:
        """Resolve, connect, and shake hands, all within `timeout` seconds. A preamble names the `client`, if given.

        Raises UpstreamConnectError, UpstreamTimeout or UpstreamTLSError, and UpstreamReset soon after a cancellation.
        """
        if timeout <= 0.0:
            raise UpstreamTimeout("the exchange took longer than its limit")
        wait = _Wait(monotonic() + min(timeout, NO_TIMEOUT), cancellation)
        try:
            addresses = self._addresses(wait)
            sock, address = _connect(addresses, wait)
            self.name.worked(address)
            if self._send_proxy and client is not None:
                _introduce(sock, self._send_proxy, client)
            if self._tls is not None:
                sock = _shake_hands(self._tls, sock, self._server_name, wait)
        except OSError as error:
            raise upstream_error(error) from error
        connection = Connection(sock, address)
        if self._send_proxy and client is not None:
            connection.owner = owner_of(client)
        return connection

    def _addresses(self, wait: _Wait) -> Sequence[Address]:
        while True:
            try:
                return self.name.addresses(wait.next())
            except LookupTimeout:
                if wait.over:
                    raise


def owner_of(client: tuple[str, str]) -> str:
    """Whose connections may carry the requests of a client that a preamble names. It is never empty."""
    return f"of {client[0]} {client[1]}"


class _Wait:
    """The waits of one attempt to open a connection: up to a deadline, and shorter if the request may be canceled."""

    def __init__(self, deadline: float, cancellation: Cancellation | None) -> None:
        self.deadline = deadline
        self._cancellation = cancellation

    @property
    def over(self) -> bool:
        """Whether the deadline has passed."""
        return monotonic() >= self.deadline

    def next(self, until: float = inf) -> float:
        """The seconds of the next wait, 0.0 or more. Raises UpstreamReset if the request was canceled."""
        left = max(0.0, min(self.deadline, until) - monotonic())
        if self._cancellation is None:
            return left
        if self._cancellation.reason is not None:
            raise UpstreamReset("the request was canceled before the connection was open")
        return min(left, _CHECK)


def _connect(addresses: Sequence[Address], wait: _Wait) -> tuple[socket.socket, Address]:
    """The first connection that is established. Raises the error of the first address that failed, or TimeoutError."""
    if addresses[0].family == socket.AF_UNIX:
        return _connect_file(addresses[0], wait), addresses[0]
    waiting = list(addresses)
    attempts: dict[int, tuple[socket.socket, Address]] = {}
    failure: OSError | None = None
    ready = select.poll()
    next_attempt = 0.0
    try:
        while waiting or attempts:
            now = monotonic()
            if now >= wait.deadline:
                raise TimeoutError("no address accepted the connection in time")
            if waiting and (now >= next_attempt or not attempts):
                address = waiting.pop(0)
                next_attempt = now + ATTEMPT_DELAY
                try:
                    sock = _begin(address)
                except OSError as error:
                    failure = failure or error
                    continue
                attempts[sock.fileno()] = (sock, address)
                ready.register(sock, select.POLLOUT)
            for descriptor, _ in ready.poll(wait.next(next_attempt if waiting else inf) * 1e3):
                sock, address = attempts[descriptor]
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                del attempts[descriptor]
                if not code:
                    return sock, address
                ready.unregister(sock)
                sock.close()
                failure = failure or OSError(code, os.strerror(code))
                next_attempt = 0.0
    finally:
        for sock, _ in attempts.values():
            sock.close()
    raise failure or OSError("the name has no address")


def _connect_file(address: Address, wait: _Wait) -> socket.socket:
    """A connection to a Unix socket. While its backlog is full, it waits: the kernel queues no connection beyond it."""
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        while True:
            seconds = max(wait.next(), 1e-6)  # a time of zero would have no limit
            timeval = struct.pack("@ll", *divmod(int(seconds * 1e6), 1_000_000))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)
            with contextlib.suppress(BlockingIOError):
                sock.connect(address.sockaddr)
                sock.setblocking(False)
                return sock
            if wait.over:
                raise TimeoutError("the Unix socket did not accept the connection in time")
    except BaseException:
        sock.close()
        raise


def _begin(address: Address) -> socket.socket:
    """A socket that is connecting. Raises OSError."""
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex(address.sockaddr)
        if code and code not in _BEGUN:
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock


def _introduce(sock: socket.socket, version: str, client: tuple[str, str]) -> None:
    """Send the preamble on a new connection, whose buffer has room for it. A failure closes the connection."""
    try:
        peer = sock.getpeername()
        sock.sendall(write_preamble(version, client, ("", 0) if isinstance(peer, str) else peer[:2]))
    except BaseException:
        sock.close()
        raise


def _shake_hands(context: ssl.SSLContext, sock: socket.socket, server_name: str, wait: _Wait) -> socket.socket:
    """The same connection over TLS, with the whole handshake before the deadline. A failure closes it."""
    tls: ssl.SSLSocket | None = None
    try:
        tls = context.wrap_socket(sock, server_hostname=server_name, do_handshake_on_connect=False)
        ready = select.poll()
        ready.register(tls, 0)
        while True:
            try:
                tls.do_handshake()
                return tls
            except ssl.SSLWantReadError:
                ready.modify(tls, select.POLLIN)
            except ssl.SSLWantWriteError:
                ready.modify(tls, select.POLLOUT)
            ready.poll(wait.next() * 1e3)
            if wait.over:
                raise TimeoutError("the TLS handshake did not end in time")
    except BaseException as error:
        if isinstance(error, ssl.SSLError) and isinstance(context, ResumingContext):
            context.forget()
        (tls or sock).close()
        raise
