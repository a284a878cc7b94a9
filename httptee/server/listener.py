"""The listening side of one process: accepts connections and lets a crew of threads serve them.

The main thread accepts, looks after idle connections and the size of the crew, and is where signals arrive. It never
touches what a client sends or gets.
"""

from __future__ import annotations

import errno
import logging
import select
import socket
from collections.abc import Callable
from time import monotonic, sleep, time
from typing import TYPE_CHECKING, Any

from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from httptee.message import Response
from httptee.server.channel import READY, Channel
from httptee.server.crew import Crew

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

logger = logging.getLogger(__name__)

_TICK = 1.0  # seconds between looks at idle connections
_SHORT_TICK = 0.005  # seconds between looks at the crew while it is short of threads
_NO_DESCRIPTOR_PAUSE = 0.1  # seconds without accepting when the process is out of descriptors


class Server(TcpWSGIServer):
    """waitress's server with its loop and its dispatcher replaced by one epoll set that the crew waits in."""

    channel_class = Channel

    def __init__(
        self,
        application: Any,
        listening: socket.socket,
        adj: Adjustments,
        *,
        threads: int,
        client_timeout: float,
        close_connections: bool,
    ) -> None:
        self._crew = Crew(threads, self._serve, self._wake)
        self._listening = select.epoll()
        self._stopping = False
        self.closes_connections = close_connections
        self.client_timeout = client_timeout
        self.on_refusal: Callable[[WSGIEnvironment, Response], object] = lambda environ, answer: None
        super().__init__(
            application,
            map={},
            _start=False,
            _sock=listening,
            dispatcher=_NO_DISPATCHER,
            adj=adj,
            sockinfo=(listening.family, listening.type, listening.proto, listening.getsockname()),
            bind_socket=False,
        )
        self.port = str(self.effective_port)
        self._listening.register(listening, select.EPOLLIN | select.EPOLLEXCLUSIVE)
        self._listening.register(self.trigger.socket, select.EPOLLIN)
        self.accepting = True
        self.in_connection_overflow = False

    def run(self, wanted: Callable[[], bool] = lambda: True) -> None:
        """Accept and serve until `stop`, or until `wanted`, asked once a second, says no."""
        self._crew.start()
        next_tick = monotonic() + _TICK
        short_of_threads = False
        while not self._stopping:
            for descriptor, _ in self._listening.poll(_SHORT_TICK if short_of_threads else _TICK):
                if descriptor == self._fileno:
                    self.handle_accept()
                else:
                    self.trigger.handle_read()
            short_of_threads = self._crew.reinforce()
            if monotonic() >= next_tick:
                next_tick = monotonic() + _TICK
                self.maintenance(time())
                self._stopping = self._stopping or not wanted()

    def stop(self) -> None:
        """Make `run` return; safe in a signal handler."""
        self._stopping = True
        self._wake()

    def drain(self, timeout: float) -> None:
        """Accept nothing more, answer what has arrived, close every connection; up to `timeout` seconds."""
        deadline = monotonic() + timeout
        self.closes_connections = True
        self._listening.unregister(self._fileno)
        self.socket.close()
        while self.active_channels and monotonic() < deadline:
            for channel in list(self.active_channels.values()):
                if channel.idle:
                    channel.hang_up()
            self._crew.reinforce()
            sleep(_SHORT_TICK)
        if self._crew.stop(max(0.0, deadline - monotonic())):
            self._close_descriptors()

    def arm(self, descriptor: int, events: int) -> None:
        """Choose what a connection is handed to the crew for."""
        self._crew.ready.modify(descriptor, events)

    def handle_accept(self) -> None:
        """Take one connection from the backlog; the other processes' main threads get theirs."""
        try:
            connection, address = self.socket.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                logger.warning("out of file descriptors: connections wait in the kernel's backlog")
                sleep(_NO_DESCRIPTOR_PAUSE)
            return
        over = len(self.active_channels) >= self.adj.connection_limit
        if over != self.in_connection_overflow:
            self.in_connection_overflow = over
            logger.warning("%s the limit of %d connections", "over" if over else "below", self.adj.connection_limit)
        if over:
            connection.close()
            return
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            channel = self.channel_class(self, connection, address, self.adj, self._map)
            self._crew.ready.register(channel.socket, READY)
        except OSError:
            connection.close()

    def maintenance(self, now: float) -> None:
        """Hang up on clients that have been silent for `channel_timeout` seconds."""
        cutoff = now - self.adj.channel_timeout
        for channel in list(self.active_channels.values()):
            if not channel.requests and channel.last_activity < cutoff:
                channel.hang_up()

    def add_task(self, task: Channel) -> None:
        """Whoever reads a request serves it; there is no queue to put it in."""

    def pull_trigger(self) -> None:
        """Connections wake their own threads; nothing of theirs is for the main thread to do."""

    def _wake(self) -> None:
        super().pull_trigger()

    def _close_descriptors(self) -> None:
        for channel in list(self.active_channels.values()):
            channel.cut_off()
        self._crew.close()
        self._listening.close()
        self.trigger.close()

    def _serve(self, descriptor: int, events: int) -> None:
        """Let a thread of the crew do what a ready connection is ready for."""
        channel = self._map.get(descriptor)
        if channel is None:
            return
        try:
            channel.step(events)
        except Exception:
            channel.cut_off()
            raise


class _NoDispatcher:
    """Stands where waitress wants its thread pool."""

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> None:
        """There is nothing to shut down."""


_NO_DISPATCHER = _NoDispatcher()
