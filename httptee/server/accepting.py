"""How connections come in: in one epoll set of the main thread's, shared out among the processes, within the limit."""

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

from httptee.server.channel import READY, Channel
from httptee.server.crew import Crew
from httptee.server.door import Door
from httptee.server.turns import Turns, alone

logger = logging.getLogger(__name__)

ASIDE = 0.001
"""Seconds between looks at whether it is this process's turn to accept."""

_MOST_UNSENT = 128 * 1024
"""Bytes of an answer that the kernel takes before its connection can send them. By itself it would take up to 4 MB for
each slow reader, and a thousand of those exhaust what all connections of a machine share (tcp_mem)."""
_NO_DESCRIPTOR_PAUSE = 0.1  # seconds without accepting when the process is out of descriptors


class AcceptingServer(TcpWSGIServer):
    """waitress's server as far as it accepts. `on_count` is told how many connections there are, `on_turned_away` of
    each that was one too many."""

    channel_class = Channel
    crew: Crew

    def __init__(self, application: Any, listening: socket.socket, adj: Adjustments) -> None:
        self._listening = select.epoll()
        self.on_count: Callable[[int], object] = lambda connections: None
        self.on_turned_away: Callable[[], object] = lambda: None
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
        """What is the same in the environ of every request (PEP 3333)."""
        # What accepted connections inherit.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _MOST_UNSENT)
        self._listening.register(listening, select.EPOLLIN)
        self.accepting = True

    def stop_accepting(self) -> None:
        """Take in all that the kernel has accepted on the tee's behalf, and close the listening socket. May be called
        twice. Even where others listen on: the kernel may have chosen to wake this process for a connection."""
        if self.accepting:
            self.accepting = False
            self._listening.unregister(self._fileno)
            while self.handle_accept():
                pass
            self.socket.close()

    def accept_or_step_aside(self) -> None:
        """Take one connection, or leave it to a process that has fewer."""
        if self.turns.mine(len(self.active_channels)):
            self.handle_accept()
        else:
            self._listening.modify(self._fileno, 0)

    def come_back(self) -> None:
        """Listen again if it is this process's turn by now, or if the others have not come."""
        if self.turns.mine(len(self.active_channels)):
            self._listening.modify(self._fileno, select.EPOLLIN)
            self.handle_accept()

    def handle_accept(self) -> bool:
        """Take one connection from the backlog, if there is one; the other processes' main threads get theirs."""
        try:
            connection, address = self.socket.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                logger.warning("out of file descriptors: connections wait in the kernel's backlog")
                sleep(_NO_DESCRIPTOR_PAUSE)
            return False
        if not self._door.admits(len(self.active_channels)):
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
        self.on_count(len(self.active_channels))
        return True

    def _welcome(self, channel: Channel) -> None:
        """Have a new connection served. It has been this thread's so far."""
        self.crew.ready.register(channel._fileno, READY)
        channel.disown()


class _NoDispatcher:
    """Stands where waitress wants its thread pool."""

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> None:
        """There is nothing to shut down."""


_NO_DISPATCHER = _NoDispatcher()
