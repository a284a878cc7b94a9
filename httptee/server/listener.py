"""The listening side of one process: accepts connections and lets a crew of threads serve them.

Leader and followers: all threads of the crew wait in one epoll set. The kernel hands a ready connection to one of
them, the one that went to sleep last, and to no other until it is armed again. The main thread accepts, looks after
idle connections, and is where signals arrive.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import socket
import threading
from collections.abc import Callable
from time import monotonic, sleep, time
from typing import Any

from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from httptee.server.channel import Channel

logger = logging.getLogger(__name__)

_TICK = 1.0  # seconds between looks at idle connections
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
        self._ready = select.epoll()
        self._listening = select.epoll()
        self._stop_reader, self._stop_writer = os.pipe()
        self._ready.register(self._stop_reader, select.EPOLLIN)
        self._crew = [threading.Thread(target=self._serve, name=f"crew-{n}", daemon=True) for n in range(threads)]
        self._stopping = False
        self.closes_connections = close_connections
        self.client_timeout = client_timeout
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

    def run(self, wanted: Callable[[], bool] = lambda: True) -> None:
        """Accept and serve until `stop`, or until `wanted`, asked once a second, says no."""
        for thread in self._crew:
            thread.start()
        next_tick = monotonic() + _TICK
        while not self._stopping:
            for descriptor, _ in self._listening.poll(_TICK):
                if descriptor == self._fileno:
                    self.handle_accept()
                else:
                    self.trigger.handle_read()
            if monotonic() >= next_tick:
                next_tick = monotonic() + _TICK
                self.maintenance(time())
                self._stopping = self._stopping or not wanted()

    def stop(self) -> None:
        """Make `run` return; safe in a signal handler."""
        self._stopping = True
        self.pull_trigger()

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
            sleep(0.02)
        os.close(self._stop_writer)
        for thread in self._crew:
            thread.join(max(0.0, deadline - monotonic()))
        if not any(thread.is_alive() for thread in self._crew):
            self._close_descriptors()

    def arm(self, descriptor: int, events: int) -> None:
        """Give a connection back to the crew, for one event."""
        self._ready.modify(descriptor, events)

    def handle_accept(self) -> None:
        """Take one connection from the backlog; the other processes' main threads get theirs."""
        try:
            connection, address = self.socket.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                logger.warning("out of file descriptors: connections wait in the kernel's backlog")
                sleep(_NO_DESCRIPTOR_PAUSE)
            return
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            channel = self.channel_class(self, connection, address, self.adj, self._map)
            self._ready.register(channel.socket, select.EPOLLIN | select.EPOLLONESHOT)
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
        """Wake the main thread, which has only `stop` to wait for: connections wake their own."""
        if self._stopping:
            super().pull_trigger()

    def _close_descriptors(self) -> None:
        for channel in list(self.active_channels.values()):
            channel.cut_off()
        self._ready.close()
        self._listening.close()
        os.close(self._stop_reader)
        self.trigger.close()

    def _serve(self) -> None:
        """One thread of the crew."""
        wait, channels = self._ready.poll, self._map
        while True:
            for descriptor, events in wait(-1, 1):
                if descriptor == self._stop_reader:
                    return
                channel = channels.get(descriptor)
                if channel is None:
                    continue
                try:
                    channel.step(events)
                except Exception:
                    logger.exception("a connection failed; it is closed")
                    channel.cut_off()


class _NoDispatcher:
    """Stands where waitress wants its thread pool."""

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> None:
        """There is nothing to shut down."""


_NO_DISPATCHER = _NoDispatcher()
