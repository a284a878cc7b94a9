"""Opens a connection to an upstream with urllib3, which resolves names and verifies TLS."""

from __future__ import annotations

import socket
import ssl
from time import monotonic

from urllib3.connection import HTTPConnection, HTTPSConnection

from httptee.errors import UpstreamTimeout, upstream_error
from httptee.transport.connection import LONGEST, Connection


class _HTTPSConnection(HTTPSConnection):
    """Limits the TLS handshake to the time that connecting has left."""

    def _new_conn(self) -> socket.socket:
        deadline = monotonic() + float(self.timeout or LONGEST)
        sock = super()._new_conn()
        left = deadline - monotonic()
        if left <= 0.0:
            sock.close()
            raise TimeoutError("no time is left for the TLS handshake")
        sock.settimeout(left)
        return sock


def open_connection(
    scheme: str, host: str, port: int, timeout: float, tls: ssl.SSLContext | None, server_name: str = ""
) -> Connection:
    """Connect to the first address that accepts. Each attempt may take `timeout` seconds. For https, the TLS handshake
    gets the rest of `timeout`, and `server_name` replaces `host` in it if it is not empty.

    Raises UpstreamConnectError, UpstreamTimeout or UpstreamTLSError.
    """
    if timeout <= 0.0:
        raise UpstreamTimeout("the exchange took longer than its limit")
    opening: HTTPConnection
    if scheme == "https":
        opening = _HTTPSConnection(
            host, port, timeout=min(timeout, LONGEST), ssl_context=tls, server_hostname=server_name or None
        )
    else:
        opening = HTTPConnection(host, port, timeout=min(timeout, LONGEST))
    try:
        opening.connect()
    except Exception as error:
        opening.close()
        raise upstream_error(error) from error
    return Connection(opening.sock)
