"""The socket that the tee listens on: bound once, before any worker is forked."""

from __future__ import annotations

import socket

from httptee.endpoint import Listen

_BACKLOG = 4096  # the kernel caps it at net.core.somaxconn


def bind(listen: Listen) -> socket.socket:
    """A listening socket. An empty host means every IPv4 and IPv6 address, by one dual-stack socket.

    Raises OSError where the address is taken, not this machine's, or does not resolve.
    """
    if not listen.host:
        if socket.has_dualstack_ipv6():
            try:
                return socket.create_server(
                    ("::", listen.port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG
                )
            except OSError as error:
                if not _without_ipv6(error):
                    raise
        return socket.create_server(("0.0.0.0", listen.port), backlog=_BACKLOG)
    family, _, _, _, address = socket.getaddrinfo(
        listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    return socket.create_server(address[:2], family=family, backlog=_BACKLOG)


def _without_ipv6(error: OSError) -> bool:
    """Whether this machine's kernel knows IPv6 but has it switched off."""
    import errno

    return error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
