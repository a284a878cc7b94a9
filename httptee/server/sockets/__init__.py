"""The sockets of the listening side: the file of a Unix socket, a client's connection over it or over TLS, and the TLS
context. `UnixListener` makes a socket, `listening_tls` the context."""

from httptee.server.sockets.context import certificate_end, listening_tls
from httptee.server.sockets.listener import UnixListener
from httptee.server.sockets.tls_socket import NotTlsError, TlsSocket
from httptee.server.sockets.unix_socket import UnixSocket

__all__ = [
    "NotTlsError",
    "TlsSocket",
    "UnixListener",
    "UnixSocket",
    "certificate_end",
    "listening_tls",
]
