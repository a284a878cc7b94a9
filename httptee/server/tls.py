"""TLS on the listening side: waitress has none, so here is a socket that speaks it, for the channel to use as its own.

The facts. OpenSSL is given memory and not the socket. A record takes two reads of a socket and says nothing of what
else is there, so that every request would cost a third read that fails, and an edge-triggered connection needs to know:
what has been decrypted, or is in the kernel, is not told of twice. Out of memory each request costs one read and each
answer one send, the bytes that arrive first can be looked at, and the handshake is no more than reading.

Hence: `TlsSocket.recv` takes what the kernel has, answers what is TLS's own business, and hands out all plaintext there
is. What has been encrypted must go out as it is, before anything else, so `send` counts its last byte as sent only when
the kernel has all of it, and is to be called again with what is left until then, as after SSL_write. Nobody waits for a
handshake: the crew is called when the client has sent something, and the listener's main thread looks at the time.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import ssl
from time import time
from typing import Any

from httptee.errors import PlainHttp
from httptee.server.channel import Channel
from httptee.server.distinguished import distinguished_name
from httptee.server.listener import Server

logger = logging.getLogger(__name__)

_HANDSHAKE = 0x16  # the type of a connection's first record (RFC 8446 §5.1)
_RECORD = 16_384  # bytes of plaintext in one record at most
_PIECE = 131_072  # bytes of plaintext encrypted at a time
_UNSENT = 4 * _PIECE  # bytes of TLS's own for a client that takes none of them


class NotTlsError(Exception):
    """What came is not TLS, or the handshake failed. `http`: it looks like a request in plain text."""

    def __init__(self, message: str, *, http: bool = False) -> None:
        super().__init__(message)
        self.http = http


class TlsSocket:
    """A nonblocking socket that speaks TLS to a client. For one thread at a time, but for `shutdown(SHUT_RD)`.

    `established` turns true when the handshake is done; `subject` is that of the client's verified certificate, if it
    has shown one; `unread` says whether there may be more for `recv` than it last returned.
    """

    __slots__ = (
        *("established", "raw", "subject", "unread"),
        *("_context", "_ended", "_incoming", "_outgoing", "_owed", "_silent", "_tls", "_unsent"),
    )

    def __init__(self, raw: socket.socket, context: ssl.SSLContext) -> None:
        self.raw = raw
        self.established = False
        self.subject = ""
        self.unread = False
        self._context = context
        self._tls: ssl.SSLObject | None = None  # not before the client has sent something: silence costs nothing
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._ended = False
        self._silent = False
        self._unsent = b""  # encrypted, but not yet taken by the kernel
        self._owed = 0  # bytes of plaintext of which this is the last part

    def __getattr__(self, name: str) -> Any:
        """Everything else is the socket's own."""
        return getattr(self.raw, name)

    def recv(self, size: int) -> bytes:
        """All plaintext in the next `size` bytes from the kernel; b"" at the end.

        Raises BlockingIOError when the kernel has no more, NotTlsError, and OSError as a socket does.
        """
        while not self._ended:
            self.unread = False
            data = self.raw.recv(size)
            if not data:
                break
            self.unread = len(data) == size
            if self._tls is None:
                self._tls = self._begin(data)
            self._incoming.write(data)
            plaintext = self._decrypt(self._tls)
            if plaintext:
                return plaintext
        return b""

    def send(self, data: bytes | memoryview) -> int:
        """Send some of `data`; returns how much of it counts as sent, which is what shows that a slow client gets on.

        Raises BlockingIOError where that is nothing. The next call is to begin with the data that is left.
        """
        if not self._owed:
            assert self._tls is not None
            self._owed = self._tls.write(data[:_PIECE])
            self._unsent += self._outgoing.read()
        unsent = self._unsent
        sent = self.raw.send(unsent)
        if sent < len(unsent):
            self._unsent = unsent[sent:]
            counts = min(sent, self._owed - 1)
            if not counts:
                raise BlockingIOError(errno.EAGAIN, "the kernel takes no more")
            self._owed -= counts
            return counts
        self._unsent = b""
        owed, self._owed = self._owed, 0
        return owed

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        """Set an option. A connection that is to be reset when it is closed gets no goodbye either: that would make
        an answer which breaks off look whole."""
        if (level, option) == (socket.SOL_SOCKET, socket.SO_LINGER):
            self._silent = True
        self.raw.setsockopt(level, option, value)

    def shutdown(self, how: int) -> None:
        """Shut down a side of the connection; the client is told of the end of what is sent (RFC 8446 §6.1)."""
        if how != socket.SHUT_RD:
            self._say_goodbye()
        self.raw.shutdown(how)

    def close(self) -> None:
        """Tell the client that this is the end, and close."""
        self._say_goodbye()
        self.raw.close()

    def _begin(self, data: bytes) -> ssl.SSLObject:
        if data[0] != _HANDSHAKE:
            raise NotTlsError("not a TLS record", http=data[:1].isalpha())
        return self._context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def _decrypt(self, tls: ssl.SSLObject) -> bytes:
        """Let TLS work through what has come in."""
        pieces: list[bytes] = []
        own_answer_waits = self.established
        try:
            if not self.established:
                tls.do_handshake()
                self.established = True
                if self._context.verify_mode != ssl.CERT_NONE:
                    self.subject = distinguished_name(tls.getpeercert())
            while piece := tls.read(_RECORD):
                pieces.append(piece)
                if not self._incoming.pending:
                    break
            else:
                self._ended = self.unread = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            with contextlib.suppress(OSError):
                self._flush()  # the alert
            raise NotTlsError(str(error)) from None
        # The tickets that end a handshake may travel with the first answer, if that is about to be made.
        if self._outgoing.pending and (own_answer_waits or not pieces):
            self._flush()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _flush(self) -> None:
        """Send what TLS itself has to say. What the kernel does not take now goes out before the next answer."""
        self._unsent += self._outgoing.read()
        with contextlib.suppress(BlockingIOError):
            self._unsent = self._unsent[self.raw.send(self._unsent) :]
        if len(self._unsent) > _UNSENT:
            raise ConnectionAbortedError("the client makes TLS talk and does not listen")

    def _say_goodbye(self) -> None:
        if self._tls is not None and self.established and not self._silent:
            with contextlib.suppress(OSError):
                self._tls.unwrap()
            with contextlib.suppress(OSError):
                self._flush()


class TlsChannel(Channel):
    """A client's connection over TLS. Once TLS has failed, its socket is the bare one."""

    server: TlsServer
    socket: Any

    def __init__(self, server: TlsServer, sock: socket.socket, addr: Any, adj: Any, map: dict[int, Any]) -> None:
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
        shook_hands = stream.established
        try:
            super()._read(whole)
            self._unread = self._unread or stream.unread
            if not shook_hands:
                self.last_activity = time()  # a server that drains must not take this client for an idle one
                self.client_subject = stream.subject
        except NotTlsError as error:
            logger.debug("%s: %s", self.addr[0], error)
            self._leave_tls()
            self._refuse(plainly=error.http)

    def _refuse(self, plainly: bool) -> None:
        """Turn the client away: with an answer in plain text if that is what it speaks, or after the alert."""
        self.requests_refused = True
        if plainly:
            request = self.parser_class(self.adj)
            request.error = PlainHttp("this port speaks HTTPS")
            request.completed = True
            self.requests.append(request)
        else:
            self.handle_close()

    def _leave_tls(self) -> None:
        if isinstance(self.socket, TlsSocket):
            self.socket = self.socket.raw


class TlsServer(Server):
    """The listening side with TLS. `context` may be replaced at any time; `handshake_timeout` is in seconds."""

    channel_class = TlsChannel

    def __init__(self, *arguments: Any, context: ssl.SSLContext, handshake_timeout: float, **options: Any) -> None:
        self.context = context
        self.handshake_timeout = handshake_timeout
        super().__init__(*arguments, **options)

    def maintenance(self, now: float) -> None:
        """Hang up on silent clients, and on those that have not come to the end of their handshake in time."""
        super().maintenance(now)
        cutoff = time() - self.handshake_timeout
        for channel in list(self.active_channels.values()):
            if channel.creation_time < cutoff and channel.shakes_hands:
                channel.hang_up()
