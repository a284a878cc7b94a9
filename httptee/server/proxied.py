"""The PROXY protocol on the listening side: a server that reads a preamble first, from connections of trusted proxies.

The main thread waits for it and reads exactly its bytes, before TLS and before any serving thread. A preamble mostly
arrives with its connection. A connection without a valid one is closed, after the time of a TLS handshake at the
latest; it is counted, and gets no answer: the proxy may not speak HTTP. Connections from other addresses are served as
they are.
"""

from __future__ import annotations

import logging
import select
import socket
from collections.abc import Callable
from time import monotonic
from typing import Any

from httptee.http.peers import MOST, Proxies, read_preamble
from httptee.server.channel import Channel
from httptee.server.listener import Server
from httptee.server.tls import TlsChannel, TlsServer

logger = logging.getLogger(__name__)

_LAST_WAIT = 0.2  # seconds in which a server that stops accepting waits for the preambles of the last connections
_QUIET = 60.0  # seconds between two lines in the log


class _Introduction:
    """A connection whose preamble is awaited, and the part of it that has arrived."""

    __slots__ = ("channel", "descriptor", "raw", "received")

    def __init__(self, channel: Channel, raw: socket.socket) -> None:
        self.channel = channel
        self.descriptor = raw.fileno()
        self.raw = raw
        self.received = b""

    def read(self) -> tuple[str, str] | bool | None:
        """Read what has arrived: True while more is to come, False if the connection ended before its first byte, else
        the client's address and port, or None. Raises ValueError for what is no preamble, and OSError."""
        try:
            data = self.raw.recv(MOST, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        if not data:
            if self.received:
                raise ValueError("it breaks off")
            return False
        found = read_preamble(self.received + data)
        size = len(data) if found is None else found.size - len(self.received)
        self.received += self.raw.recv(size)
        return True if found is None else found.client


class ProxiedServer(Server):
    """The server with preambles from the addresses of `proxies`. `on_unintroduced` is called for each connection that
    is closed without a valid one. `preamble_timeout` is in seconds."""

    def __init__(self, *arguments: Any, proxies: Proxies, preamble_timeout: float, **options: Any) -> None:
        self.on_unintroduced: Callable[[], object] = lambda: None
        self._proxies = proxies
        self._preamble_timeout = preamble_timeout
        self._awaited: dict[int, _Introduction] = {}
        self._say_at = 0.0
        super().__init__(*arguments, **options)

    def stop_accepting(self) -> None:
        """Stop accepting. Connections that were accepted get a last moment for their preambles."""
        super().stop_accepting()
        until = monotonic() + _LAST_WAIT
        waiting = select.poll()
        for descriptor in self._awaited:
            waiting.register(descriptor, select.POLLIN)
        while self._awaited and (left := until - monotonic()) > 0:
            for descriptor, _ in waiting.poll(left * 1000):
                introduction = self._awaited.get(descriptor)
                if introduction is not None:
                    self._hear(introduction)
                if descriptor not in self._awaited:
                    waiting.unregister(descriptor)
        for introduction in list(self._awaited.values()):
            self._dismiss(introduction, "")

    def maintenance(self, now: float) -> None:
        """Also end connections whose preamble does not come in time."""
        super().maintenance(now)
        for introduction in list(self._awaited.values()):
            if introduction.channel.creation_time < now - self._preamble_timeout:
                self._dismiss(introduction, "it did not come in time")

    def _welcome(self, channel: Channel) -> None:
        """Wait for the preamble of a trusted proxy, in the main thread."""
        if not self._proxies.trusts(channel.addr[0]):
            super()._welcome(channel)
            return
        introduction = _Introduction(channel, _plain(channel.socket))
        self._awaited[introduction.descriptor] = introduction
        self._listening.register(introduction.descriptor, select.EPOLLIN | select.EPOLLRDHUP)

    def _greet(self, channel: Channel) -> None:
        introduction = self._awaited.get(channel._fileno)
        if introduction is None:
            super()._greet(channel)
        else:
            self._hear(introduction)

    def _hear(self, introduction: _Introduction) -> None:
        """Read what has arrived of a preamble, and serve the connection or close it."""
        try:
            found = introduction.read()
        except (ValueError, OSError) as error:
            self._dismiss(introduction, str(error))
            return
        if found is False:
            self._dismiss(introduction, "")  # a connection that only asks whether the port is open
        elif found is not True:
            self._introduce(introduction, found)

    def _introduce(self, introduction: _Introduction, client: tuple[str, str] | None) -> None:
        del self._awaited[introduction.descriptor]
        self._listening.unregister(introduction.descriptor)
        if client is not None:
            introduction.channel.addr = client
        super()._welcome(introduction.channel)

    def _dismiss(self, introduction: _Introduction, reason: str) -> None:
        """Close a connection. With a reason, it is counted, and now and then logged."""
        channel = introduction.channel
        del self._awaited[introduction.descriptor]
        address = channel.addr[0]
        if channel._fileno is not None:
            channel.handle_close()
        if reason:
            self.on_unintroduced()
            now = monotonic()
            if now >= self._say_at:
                self._say_at = now + _QUIET
                logger.warning("closed a connection from %s without a PROXY preamble: %s", address or "unix", reason)


class ProxiedTlsServer(ProxiedServer, TlsServer):
    """The same with TLS after the preamble."""

    def stop_accepting(self) -> None:
        """Stop accepting. The handshakes of the last connections go on in the serving threads."""
        super().stop_accepting()
        for channel in list(self.active_channels.values()):
            if isinstance(channel, TlsChannel) and channel.newcomer:
                self._pass_on(channel)

    def _pass_on(self, channel: TlsChannel) -> None:
        if channel._fileno not in self._awaited:
            super()._pass_on(channel)


def _plain(stream: Any) -> socket.socket:
    """The socket of the kernel below TLS and below a Unix socket's wrapper."""
    while not isinstance(stream, socket.socket):
        stream = stream.raw
    return stream
