"""One process that serves HTTP: waitress, made exact and fast, with TLS. It serves any WSGI application; others use
`Server`, `TlsServer`, `Turns` and `listening_tls`."""

from httptee.server.context import listening_tls
from httptee.server.listener import Server
from httptee.server.tls import TlsServer
from httptee.server.turns import Turns

__all__ = [
    "Server",
    "TlsServer",
    "Turns",
    "listening_tls",
]
