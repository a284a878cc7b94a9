"""A socket that speaks TLS to a client, for waitress's channel to use as its own.

The facts. OpenSSL is given memory and not the socket. A record takes two reads of a socket and says nothing of what
else is there, so that every request would cost a third read that fails, and an edge-triggered connection needs to know:
what has been decrypted, or is in the kernel, is not told of twice. Out of memory each request costs one read and each
answer one send, the bytes that arrive first can be looked at, and the handshake is no more than reading.

Hence: `TlsSocket.recv` takes what the kernel has, answers what is TLS's own business, and hands out all plaintext there
is. What has been encrypted must go out as it is, before anything else, so `send` counts its last byte as sent only when
the kernel has all of it, and is to be called again with what is left until then, as after SSL_write.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
from typing import Any

from httptee.http import distinguished_name

_HANDSHAKE = 0x16  # the type of a connection's first record (RFC 8446 §5.1)
_RECORD = 16_384  # bytes of plaintext in one record at most
_PIECE = 131_072  # bytes of plaintext encrypted at a time
_NO_LINGER = bytes(8)  # struct linger, off
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
        *("_context", "_ended", "_greeted", "_incoming", "_outgoing", "_owed", "_receive", "_silent", "_tickets"),
        *("_tls", "_transmit", "_unsent"),
    )

    def __init__(self, raw: socket.socket, context: ssl.SSLContext) -> None:
        self.raw = raw
        self.established = False
        self.subject = ""
        self.unread = False
        self._receive = raw.recv
        self._transmit = raw.send
        self._context = context
        self._tls: ssl.SSLObject | None = None  # not before the client has sent something: silence costs nothing
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._ended = False
        self._greeted = False
        self._silent = False
        self._unsent = b""  # encrypted, but not yet taken by the kernel
        self._tickets = 0  # bytes encrypted that may wait for the first answer
        self._owed = 0  # bytes of plaintext of which this is the last part

    def recv(self, size: int) -> bytes:
        """All plaintext in the next `size` bytes from the kernel; b"" at the end.

        Raises BlockingIOError when the kernel has no more, NotTlsError, and OSError as a socket does.
        """
        self.unread = False
        while not self._ended:
            data = self._receive(size)
            if not data:
                break
            tls = self._tls or self._begin(data)
            self._incoming.write(data)
            plaintext = self._decrypt(tls)
            if plaintext:
                self.unread = len(data) == size or self._ended
                return plaintext
        return b""

    def send(self, data: bytes | memoryview) -> int:
        """Send some of `data`; returns how much of it counts as sent, which is what shows that a slow client gets on.

        Raises BlockingIOError where that is nothing. The next call is to begin with the data that is left.
        """
        owed = self._owed
        if not owed:
            assert self._tls is not None
            owed = self._owed = self._tls.write(data[:_PIECE])
            self._unsent += self._outgoing.read()
            self._tickets = 0
        unsent = self._unsent
        sent = self._transmit(unsent)
        if sent == len(unsent):
            self._unsent = b""
            self._owed = 0
            return owed
        self._unsent = unsent[sent:]
        counts = min(sent, owed - 1)
        if not counts:
            raise BlockingIOError(errno.EAGAIN, "the kernel takes no more")
        self._owed = owed - counts
        return counts

    def fileno(self) -> int:
        """The descriptor."""
        return self.raw.fileno()

    def setblocking(self, flag: bool) -> None:
        """It is to be nonblocking."""
        self.raw.setblocking(flag)

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        """Set an option. A connection that is to be reset when it is closed gets no goodbye either: that would make
        an answer which breaks off look whole."""
        if (level, option) == (socket.SOL_SOCKET, socket.SO_LINGER):
            self._silent = value != _NO_LINGER
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

    def greet(self) -> bool:
        """Answer the client's first flight; False as long as it is not whole. What comes after it is for `recv`.

        Raises as `recv` does.
        """
        data = self._receive(_RECORD)
        if not data:
            raise ConnectionAbortedError("the client has gone before it was greeted")
        tls = self._tls or self._begin(data)
        self._incoming.write(data)
        self._decrypt(tls)  # of which there is nothing: a client speaks only after an answer to its first flight
        return self._greeted

    def _begin(self, data: bytes) -> ssl.SSLObject:
        if data[0] != _HANDSHAKE:
            raise NotTlsError("not a TLS record", http=data[:1].isalpha())
        self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        return self._tls

    def _decrypt(self, tls: ssl.SSLObject) -> bytes:
        """Let TLS work through what has come in: the rest of the handshake, and mostly one record."""
        pieces = []
        try:
            if not self.established:
                tls.do_handshake()
                self._establish(tls)
            while piece := tls.read(_RECORD):
                pieces.append(piece)
                if not self._incoming.pending:
                    break
            else:
                self._ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            raise self._failed(error) from None
        if self._outgoing.pending > self._tickets:
            self._flush()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _establish(self, tls: ssl.SSLObject) -> None:
        self.established = True
        certificate = tls.getpeercert()
        if certificate:
            self.subject = distinguished_name(certificate)
        if tls.version() == "TLSv1.3":
            # Nothing but tickets is left to be sent, and they may travel with the first answer (RFC 8446 §4.6.1).
            self._tickets = self._outgoing.pending

    def _failed(self, error: ssl.SSLError) -> NotTlsError:
        """Send the alert."""
        with contextlib.suppress(OSError):
            self._flush()
        return NotTlsError(str(error))

    def _flush(self) -> None:
        """Send what TLS itself has to say. What the kernel does not take now goes out before the next answer."""
        self._unsent += self._outgoing.read()
        self._tickets = 0
        self._greeted = True
        with contextlib.suppress(BlockingIOError):
            self._unsent = self._unsent[self._transmit(self._unsent) :]
        if len(self._unsent) > _UNSENT:
            raise ConnectionAbortedError("the client makes TLS talk and does not listen")

    def _say_goodbye(self) -> None:
        if self._tls is not None and self.established and not self._silent:
            with contextlib.suppress(OSError):
                self._tls.unwrap()
            with contextlib.suppress(OSError):
                self._flush()
