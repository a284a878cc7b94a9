"""One process that serves HTTP: waitress, made exact and fast, with TLS. It serves any WSGI application; others use
`Server`, `TlsServer`, `Turns`, `listening_tls`, and the numbers of what a server adds to its limits."""

from httptee.server.context import listening_tls
from httptee.server.crew import MOST_HELD
from httptee.server.door import most_leaving
from httptee.server.listener import Server
from httptee.server.tls import TlsServer
from httptee.server.turns import Turns

__all__ = [
    "MOST_HELD",
    "Server",
    "TlsServer",
    "Turns",
    "listening_tls",
    "most_leaving",
]
