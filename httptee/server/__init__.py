"""One process that serves HTTP: waitress's server, changed. It keeps header fields unchanged, refuses ambiguous
requests, answers in the thread that reads, and has TLS. It serves any WSGI application."""

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
