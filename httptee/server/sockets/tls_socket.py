"""The TLS socket of a client connection. waitress's channel uses it in place of a plain socket.

OpenSSL works on memory (`ssl.MemoryBIO`), not on the socket. On a socket, OpenSSL reads each record in two calls. A
third read has to fail, to show that nothing is left: epoll (edge-triggered) reports unread data only once. On memory, a
request takes one read and an answer one send. The first bytes can be checked, and no handshake step waits.

`TlsSocket.recv` reads from the kernel, handles TLS's own messages and returns all plaintext. Encrypted bytes must go
out unchanged and before anything else. So `send` counts its last byte as sent only when the kernel has all of them.
Until then, it must be called again with the rest, as SSL_write requires.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
from typing import Any

from httptee.http import distinguished_name

_HANDSHAKE = 0x16  # content type of a connection's first record (RFC 8446 §5.1)
_RECORD = 16_384  # most bytes of plaintext in one record
_PIECE = 131_072  # bytes of plaintext encrypted at a time
_NO_LINGER = bytes(8)  # struct linger, off
_UNSENT = 4 * _PIECE  # most bytes that wait for a client when TLS adds its own messages


class NotTlsError(Exception):
    """The data is not TLS, or TLS failed. `http`: the data looks like a request in plain text."""

    def __init__(self, message: str, *, http: bool = False) -> None:
        super().__init__(message)
        self.http = http


class TlsSocket:
    """A nonblocking TLS socket, for one thread at a time; only `shutdown(SHUT_RD)` is safe from any thread.

    `established` is true after the handshake. `subject` is the subject of the client's verified certificate, if any.
    `unread` is true if `recv` may have more than it last returned.
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
        self._tls: ssl.SSLObject | None = None  # made at the client's first bytes: a silent client costs nothing
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._ended = False
        self._greeted = False
        self._silent = False
        self._unsent = b""  # encrypted, but not yet taken by the kernel
        self._tickets = 0  # encrypted bytes that may wait for the first answer
        self._owed = 0  # bytes of the current plaintext that do not count as sent yet

    def recv(self, size: int) -> bytes:
        """Return all plaintext in the next `size` bytes from the kernel, or b"" at the end.

        Raises BlockingIOError when the kernel has no more, NotTlsError, and OSError like a socket.
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
        """Send some of `data`; return how many bytes of it count as sent. This number shows a slow client's progress.

        Raises BlockingIOError if the number is 0. The next call must begin with the rest of the data.
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
            raise BlockingIOError(errno.EAGAIN, "the send buffer of the kernel is full")
        self._owed = owed - counts
        return counts

    @property
    def ended(self) -> bool:
        """Whether the client has said that nothing more comes (RFC 8446 §6.1). A mere end of the stream says nothing:
        anybody on the path may have cut it."""
        return self._ended

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        return self.raw.fileno()

    def setblocking(self, flag: bool) -> None:
        """Set the mode of the socket. This class needs a nonblocking one."""
        self.raw.setblocking(flag)

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        """Read an option of `size` bytes."""
        return self.raw.getsockopt(level, option, size)

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        """Set an option. If SO_LINGER makes the close a reset, no close_notify is sent: it would make a partial answer
        look whole."""
        if (level, option) == (socket.SOL_SOCKET, socket.SO_LINGER):
            self._silent = value != _NO_LINGER
        self.raw.setsockopt(level, option, value)

    def shutdown(self, how: int) -> None:
        """Shut down a side of the connection. The end of the sending side is a close_notify (RFC 8446 §6.1)."""
        if how != socket.SHUT_RD:
            self._say_goodbye()
        self.raw.shutdown(how)

    def close(self) -> None:
        """Send close_notify, and close the socket."""
        self._say_goodbye()
        self.raw.close()

    def greet(self) -> bool:
        """Answer the client's first flight; return False while it is not whole. Later data is for `recv`.

        Raises the errors of `recv`.
        """
        data = self._receive(_RECORD)
        if not data:
            raise ConnectionAbortedError("the client closed the connection before its first flight was answered")
        tls = self._tls or self._begin(data)
        self._incoming.write(data)
        self._decrypt(tls)  # returns no plaintext: a client sends some only after the answer to its first flight
        return self._greeted

    def _begin(self, data: bytes) -> ssl.SSLObject:
        if data[0] != _HANDSHAKE:
            raise NotTlsError("not a TLS record", http=data[:1].isalpha())
        self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        return self._tls

    def _decrypt(self, tls: ssl.SSLObject) -> bytes:
        """Let TLS process the received bytes: the rest of the handshake, and usually one record."""
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
            # Only tickets are left to send, and they may go out with the first answer (RFC 8446 §4.6.1).
            self._tickets = self._outgoing.pending

    def _failed(self, error: ssl.SSLError) -> NotTlsError:
        """Send the alert, and return the error."""
        with contextlib.suppress(OSError):
            self._flush()
        return NotTlsError(str(error))

    def _flush(self) -> None:
        """Send TLS's own messages. Bytes that the kernel does not take now go out before the next answer."""
        self._unsent += self._outgoing.read()
        self._tickets = 0
        self._greeted = True
        with contextlib.suppress(BlockingIOError):
            self._unsent = self._unsent[self._transmit(self._unsent) :]
        if len(self._unsent) > _UNSENT:
            raise ConnectionAbortedError("the client causes TLS messages and does not read them")

    def _say_goodbye(self) -> None:
        if self._tls is not None and self.established and not self._silent:
            with contextlib.suppress(OSError):
                self._tls.unwrap()
            with contextlib.suppress(OSError):
                self._flush()
