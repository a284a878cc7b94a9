"""One process that serves HTTP: waitress's server, changed. It keeps header fields unchanged, refuses ambiguous
requests, answers in the thread that reads, and has TLS. It serves any WSGI application."""

from httptee.server.crew import MOST_HELD
from httptee.server.door import most_leaving
from httptee.server.listener import Server
from httptee.server.proxied import ProxiedServer, ProxiedTlsServer
from httptee.server.tls import TlsServer
from httptee.server.turns import Turns
from httptee.server.uploads import Streaming, Uploads

__all__ = [
    "MOST_HELD",
    "ProxiedServer",
    "ProxiedTlsServer",
    "Server",
    "Streaming",
    "TlsServer",
    "Turns",
    "Uploads",
    "most_leaving",
]
