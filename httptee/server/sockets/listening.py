"""The sockets that the tee listens on: bound once, or passed by systemd, before any worker process is forked."""

from __future__ import annotations

import os
import socket

from httptee.http import Listen
from httptee.server.sockets.listener import UnixListener
from httptee.settings import Settings

_BACKLOG = 4096  # the kernel caps it at net.core.somaxconn
_CONTROL_MODE = 0o600
_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)
_FIRST_INHERITED = 3  # SD_LISTEN_FDS_START


def listen(where: Listen, mode: int = 0o660, owner: str = "") -> socket.socket:
    """The socket that systemd passed to this process, else a new one bound to `where`. Raises OSError.

    `mode` and `owner` are those of the file of a Unix socket.
    """
    return inherited() or bind(where, mode, owner)


def address_of(listening: socket.socket, host: str | None = None) -> Listen:
    """Where a socket listens, with `host` in place of the address of the socket."""
    name = listening.getsockname()
    return Listen("", 0, name) if isinstance(name, str) else Listen(name[0] if host is None else host, name[1])


def file_of(settings: Settings) -> tuple[int, str]:
    """The mode and the owner of the file of a Unix socket."""
    return int(settings.socket_mode, 8), settings.socket_owner


class ControlError(Exception):
    """The control socket cannot be made. The message is one line."""


def control_socket(path: str) -> socket.socket | None:
    """The control socket, which only the user of the tee and root can use, or None. Raises ControlError."""
    if not path:
        return None
    try:
        made = UnixListener.at(path, _CONTROL_MODE)
    except OSError as error:
        raise ControlError(f"cannot make {path} (-control): {error.strerror}") from None
    made.setblocking(False)
    return made


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
    if passed.family not in _FAMILIES or passed.type != socket.SOCK_STREAM or not listens:
        passed.close()
        raise OSError("the socket that LISTEN_FDS passed is not a listening TCP or Unix socket")
    return passed


def bind(listen: Listen, mode: int = 0o660, owner: str = "") -> socket.socket:
    """A listening socket. An empty host means every IPv4 and IPv6 address, with one dual-stack socket. The file of a
    Unix socket is removed when the socket is closed.

    Raises OSError if the address is in use, does not belong to this machine, or does not resolve.
    """
    if listen.path:
        return UnixListener.at(listen.path, mode, owner, _BACKLOG)
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
