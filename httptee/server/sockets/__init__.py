"""The sockets of the listening side: the file of a Unix socket, a client's connection over it or over TLS, and the TLS
context. `bind` and `listen` make the sockets that the tee listens on, `listening_tls` the context."""

from httptee.server.sockets.context import certificate_end, listening_tls
from httptee.server.sockets.listening import ControlError, address_of, bind, control_socket, file_of, listen
from httptee.server.sockets.tls_socket import NotTlsError, TlsSocket
from httptee.server.sockets.unix_socket import UnixSocket

__all__ = [
    "ControlError",
    "NotTlsError",
    "TlsSocket",
    "UnixSocket",
    "address_of",
    "bind",
    "certificate_end",
    "control_socket",
    "file_of",
    "listen",
    "listening_tls",
]
