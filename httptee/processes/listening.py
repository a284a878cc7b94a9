"""The socket that the tee listens on: bound once, or passed by systemd, before any worker process is forked."""

from __future__ import annotations

import os
import socket

from httptee.http import Listen

_BACKLOG = 4096  # the kernel caps it at net.core.somaxconn
_FIRST_INHERITED = 3  # SD_LISTEN_FDS_START


def listen(where: Listen) -> socket.socket:
    """The socket that systemd passed to this process, else a new one bound to `where`. Raises OSError."""
    return inherited() or bind(where)


def inherited() -> socket.socket | None:
    """The listening socket of socket activation (sd_listen_fds(3)), if any. Raises OSError if it is not usable.

    The variables are removed from the environment: they are for this process, and not for its children.
    """
    process, count, _ = (os.environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"))
    if process != str(os.getpid()) or not count.isdigit() or int(count) == 0:
        return None
    if int(count) > 1:
        raise OSError(f"LISTEN_FDS={count}: the tee takes one socket")
    passed = socket.socket(fileno=_FIRST_INHERITED)
    passed.set_inheritable(False)
    listens = passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if passed.family not in (socket.AF_INET, socket.AF_INET6) or passed.type != socket.SOCK_STREAM or not listens:
        passed.close()
        raise OSError("the socket that LISTEN_FDS passed is not a listening TCP socket")
    return passed


def bind(listen: Listen) -> socket.socket:
    """A listening socket. An empty host means every IPv4 and IPv6 address, with one dual-stack socket.

    Raises OSError if the address is in use, does not belong to this machine, or does not resolve.
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
    """Whether the error means that the kernel supports IPv6 but has it disabled."""
    import errno

    return error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
