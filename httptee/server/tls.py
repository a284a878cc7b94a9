"""TLS on the listening side: a channel and a server that use `TlsSocket`. waitress has no TLS.

No thread waits for a handshake. The main thread answers the client's first flight, between the connections it accepts.
Most of a handshake's work is there, and it never blocks, so one thread is enough: several would take the GIL from one
another and from the serving threads. Then the connection goes to the serving threads. The end of the handshake usually
arrives with the first request, and is read with it. The main thread checks the handshake's timeout.
"""

from __future__ import annotations

import logging
import select
import socket
import ssl
from time import monotonic
from typing import Any

from httptee.errors import PlainHttp
from httptee.server.channel import Channel
from httptee.server.listener import Server
from httptee.server.ownership import READY
from httptee.server.sockets import NotTlsError, TlsSocket

logger = logging.getLogger(__name__)


class TlsChannel(Channel):
    """A client's connection over TLS. After a failure of TLS, `socket` is the plain socket."""

    server: TlsServer
    socket: Any
    newcomer = True
    """Whether the main thread still has to answer the client's first flight."""
    _introduced = False

    def __init__(self, server: Any, sock: socket.socket, addr: Any, adj: Any, map: dict[int, Any]) -> None:
        super().__init__(server, TlsSocket(sock, server.context), addr, adj, map)  # type: ignore[arg-type]

    @property
    def shakes_hands(self) -> bool:
        """Whether the handshake is not complete, or has failed."""
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
        """Begin the handshake; return whether the serving threads take over. For the main thread, while no other thread
        can reach the connection."""
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
        self.active_at = monotonic()  # a draining server must not treat this client as idle
        self.client_subject = stream.subject

    def _leave_tls(self, error: NotTlsError) -> None:
        logger.debug("%s: %s", self.addr[0], error)
        self.socket = self.socket.raw
        self._refuse(plainly=error.http)

    def _refuse(self, plainly: bool) -> None:
        """Refuse the client: with an answer in plain text if it sent plain HTTP, else by a close after the alert."""
        self.requests_refused = True
        if plainly:
            request = self.parser_class(self.adj, self.server.memory)
            request.error = PlainHttp("this port accepts HTTPS only")
            request.completed = True
            self.requests.append(request)
            self._note = True  # there is an answer to send, even if the client sends no more
        else:
            self.handle_close()


class TlsServer(Server):
    """The server with TLS. `context` may be replaced at any time. `handshake_timeout` is in seconds."""

    channel_class = TlsChannel

    def __init__(self, *arguments: Any, context: ssl.SSLContext, handshake_timeout: float, **options: Any) -> None:
        self.context = context
        self.handshake_timeout = handshake_timeout
        super().__init__(*arguments, **options)

    def stop_accepting(self) -> None:
        """Stop accepting. Connections still without an answer to their first flight go to the serving threads."""
        super().stop_accepting()
        for channel in list(self.active_channels.values()):
            if isinstance(channel, TlsChannel) and channel.newcomer:
                self._pass_on(channel)

    def _welcome(self, channel: Channel) -> None:
        """Wait for the client's first flight in the main thread, which stays the owner until it has answered."""
        self._listening.register(channel._fileno, select.EPOLLIN | select.EPOLLRDHUP)

    def _greet(self, channel: Channel) -> None:
        assert isinstance(channel, TlsChannel)
        try:
            if channel.greet():
                self._pass_on(channel)
        except Exception:
            logger.exception("the main thread failed in a TLS handshake")
            channel.cut_off()

    def _pass_on(self, channel: TlsChannel) -> None:
        """Leave a connection to the serving threads."""
        channel.newcomer = False
        self._listening.unregister(channel._fileno)
        self.crew.ready.register(channel._fileno, READY)
        channel.disown()

    def maintenance(self, now: float) -> None:
        """Also end connections whose handshake is not complete in time."""
        super().maintenance(now)
        cutoff = now - self.handshake_timeout
        for channel in list(self.active_channels.values()):
            if channel.creation_time < cutoff and channel.shakes_hands:
                channel.hang_up()
