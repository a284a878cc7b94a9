"""Accepts connections in the main thread, up to the limit, and shares them out among the worker processes."""

from __future__ import annotations

import errno
import logging
import select
import socket
import sys
from collections.abc import Callable
from time import sleep
from typing import Any

from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from httptee.server.channel import Channel
from httptee.server.crew import Crew
from httptee.server.door import Door
from httptee.server.ownership import READY
from httptee.server.sockets import UnixSocket
from httptee.server.turns import Turns, alone
from httptee.server.uploads import Uploads

logger = logging.getLogger(__name__)

ASIDE = 0.001
"""Seconds between two checks whether it is this process's turn to accept."""

_MOST_UNSENT = 128 * 1024
"""Bytes of an answer that the kernel takes before it can send them. By default it takes up to 4 MB for each slow
reader. A thousand slow readers then exhaust the memory that all connections of a machine share (tcp_mem)."""
_UNNAMED = ("", "")  # the client of a Unix socket has neither an address nor a port
_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)
_NO_DESCRIPTOR_PAUSE = 0.1  # seconds without accepting when the process is out of descriptors


class AcceptingServer(TcpWSGIServer):
    """The accepting part of waitress's server. `on_count` is called with the number of connections, `on_turned_away`
    once for each connection over the limit. `given_up` returns the number of connections that have another protocol."""

    channel_class = Channel
    crew: Crew
    uploads = Uploads(None, 1, lambda: False)
    """Which bodies are passed on while they arrive: none, unless the builder of the server replaces it."""
    cut_off = 0
    """Requests that were reset at the end of a drain."""

    def __init__(self, application: Any, listening: socket.socket, adj: Adjustments) -> None:
        self._listening = select.epoll()
        self.on_count: Callable[[int], object] = lambda connections: None
        self.on_turned_away: Callable[[], object] = lambda: None
        self.given_up: Callable[[], int] = lambda: 0
        self.turns = Turns(alone)
        self._door = Door(adj.connection_limit, lambda: self.on_turned_away(), plain=adj.url_scheme == "http")
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
        self.common_environ = {
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "SERVER_NAME": self.server_name,
            "SERVER_PORT": str(self.effective_port),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": adj.url_scheme,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        """The part of the environ that is the same for every request (PEP 3333)."""
        # Accepted connections inherit these options.
        if listening.family != socket.AF_UNIX:
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _MOST_UNSENT)
        self._listening.register(listening, select.EPOLLIN)
        self.accepting = True

    def getsockname(self) -> tuple[str, str]:
        """The address and the port, as text. A Unix socket has none, and stands for the default ones."""
        name: tuple[str, str] = ("localhost", "80") if self.family == socket.AF_UNIX else super().getsockname()
        return name

    @property
    def present(self) -> int:
        """The number of connections from clients, with those that were given up and are still open."""
        return len(self.active_channels) + self.given_up()

    @property
    def in_flight(self) -> int:
        """The number of requests that have arrived and have no whole answer yet."""
        return sum(bool(channel.requests) for channel in list(self.active_channels.values()))

    def stop_accepting(self) -> None:
        """Accept all connections in the kernel's backlog, then close the listening socket. May be called twice.

        The backlog is emptied even if other processes still listen: the kernel may have woken only this process.
        """
        if self.accepting:
            self.accepting = False
            self._listening.unregister(self._fileno)
            while self.handle_accept():
                pass
            self.socket.close()

    def accept_or_step_aside(self) -> None:
        """Accept one connection, or leave it to a process that has fewer."""
        if self.turns.mine(self.present):
            self.handle_accept()
        else:
            self._listening.modify(self._fileno, 0)

    def come_back(self) -> None:
        """Accept again if it is this process's turn now, or if the other processes did not accept."""
        if self.turns.mine(self.present):
            self._listening.modify(self._fileno, select.EPOLLIN)
            self.handle_accept()

    def handle_accept(self) -> bool:
        """Accept one connection and leave the rest to all processes. False if no connection could be accepted."""
        try:
            connection, address = self._accepted()
        except OSError as error:
            if error.errno in _NO_DESCRIPTOR:
                logger.warning("out of file descriptors: connections wait in the kernel's backlog")
                sleep(_NO_DESCRIPTOR_PAUSE)
            return False
        if not self._door.admits(self.present):
            self._door.refuse(connection)
            return True
        try:
            channel = self.channel_class(self, connection, address, self.adj, self._map)
        except OSError:
            connection.close()
            return True
        try:
            self._welcome(channel)
        except OSError:
            channel.handle_close()
        self.on_count(self.present)
        return True

    def disarm(self, descriptor: int) -> None:
        """Take a connection out of the epoll set."""
        self.crew.ready.unregister(descriptor)

    def _accepted(self) -> tuple[Any, Any]:
        """Accept from the kernel. Without a descriptor, a refused connection that lingers is closed for it."""
        while True:
            try:
                connection, address = self.socket.accept()
            except OSError as error:
                if error.errno not in _NO_DESCRIPTOR or not self._door.make_room():
                    raise
            else:
                return (UnixSocket(connection), _UNNAMED) if self.family == socket.AF_UNIX else (connection, address)

    def _welcome(self, channel: Channel) -> None:
        """Leave a new connection to the serving threads. So far, the main thread has owned it."""
        self.crew.ready.register(channel._fileno, READY)
        channel.disown()


class _NoDispatcher:
    """Stands in for the thread pool that waitress requires."""

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> None:
        """Do nothing: there is no thread pool."""


_NO_DISPATCHER = _NoDispatcher()
