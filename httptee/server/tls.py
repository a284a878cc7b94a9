"""TLS on the listening side: waitress has none, so here are a channel and a server that speak it by way of `TlsSocket`.

Nobody waits for a handshake. The main thread answers the client's first flight, between connections it accepts: that is
where the work is, and nothing in it can wait, so one thread does, where several would take the GIL from one another and
from those that serve. From then on the connection is the crew's: the end of the handshake mostly comes together with
the first request, and is read with it. The main thread looks at the time.
"""

from __future__ import annotations

import logging
import select
import socket
import ssl
from time import time
from typing import Any

from httptee.errors import PlainHttp
from httptee.server.channel import READY, Channel
from httptee.server.listener import Server
from httptee.server.tls_socket import NotTlsError, TlsSocket

logger = logging.getLogger(__name__)


class TlsChannel(Channel):
    """A client's connection over TLS. Once TLS has failed, its socket is the bare one."""

    server: TlsServer
    socket: Any
    newcomer = True
    """Whether the main thread has still to greet this client."""
    _introduced = False

    def __init__(self, server: Any, sock: socket.socket, addr: Any, adj: Any, map: dict[int, Any]) -> None:
        super().__init__(server, TlsSocket(sock, server.context), addr, adj, map)  # type: ignore[arg-type]

    @property
    def shakes_hands(self) -> bool:
        """Whether TLS is not established, or never will be."""
        return not getattr(self.socket, "established", False)

    def _read(self, whole: bool) -> None:
        stream = self.socket
        if not isinstance(stream, TlsSocket):
            super()._read(whole)
            return
        try:
            super()._read(whole)
            self._unread = self._unread or stream.unread
            if not self._introduced and stream.established:
                self._introduce(stream)
        except NotTlsError as error:
            self._leave_tls(error)

    def greet(self) -> bool:
        """Begin the handshake; whether the crew is to go on with this connection. For the main thread, while nobody
        else knows of it."""
        try:
            return bool(self.socket.greet())
        except BlockingIOError:
            return False
        except NotTlsError as error:
            self._leave_tls(error)
        except OSError:
            self.handle_close()
        return self._fileno is not None

    def _introduce(self, stream: TlsSocket) -> None:
        self._introduced = True
        self.last_activity = time()  # a server that drains must not take this client for an idle one
        self.client_subject = stream.subject

    def _leave_tls(self, error: NotTlsError) -> None:
        logger.debug("%s: %s", self.addr[0], error)
        self.socket = self.socket.raw
        self._refuse(plainly=error.http)

    def _refuse(self, plainly: bool) -> None:
        """Turn the client away: with an answer in plain text if that is what it speaks, or after the alert."""
        self.requests_refused = True
        if plainly:
            request = self.parser_class(self.adj)
            request.error = PlainHttp("this port speaks HTTPS")
            request.completed = True
            self.requests.append(request)
            self._note = True  # there is something to do, whether or not the client says more
        else:
            self.handle_close()


class TlsServer(Server):
    """The listening side with TLS. `context` may be replaced at any time; `handshake_timeout` is in seconds."""

    channel_class = TlsChannel

    def __init__(self, *arguments: Any, context: ssl.SSLContext, handshake_timeout: float, **options: Any) -> None:
        self.context = context
        self.handshake_timeout = handshake_timeout
        super().__init__(*arguments, **options)

    def stop_accepting(self) -> None:
        """Accept nothing more; whoever has not been greeted yet is left to the crew."""
        super().stop_accepting()
        for channel in list(self.active_channels.values()):
            if isinstance(channel, TlsChannel) and channel.newcomer:
                self._pass_on(channel)

    def _welcome(self, channel: Channel) -> None:
        """Wait for the client's first flight here, and stay the owner until it has been answered."""
        self._listening.register(channel._fileno, select.EPOLLIN | select.EPOLLRDHUP)

    def _greet(self, channel: Channel) -> None:
        assert isinstance(channel, TlsChannel)
        try:
            if channel.greet():
                self._pass_on(channel)
        except Exception:
            logger.exception("the main thread failed at a handshake")
            channel.cut_off()

    def _pass_on(self, channel: TlsChannel) -> None:
        """Have the crew serve a connection from now on."""
        channel.newcomer = False
        self._listening.unregister(channel._fileno)
        self.crew.ready.register(channel._fileno, READY)
        channel.disown()

    def maintenance(self, now: float) -> None:
        """Hang up on silent clients, and on those that have not come to the end of their handshake in time."""
        super().maintenance(now)
        cutoff = time() - self.handshake_timeout
        for channel in list(self.active_channels.values()):
            if channel.creation_time < cutoff and channel.shakes_hands:
                channel.hang_up()
