"""The Unix socket of `-control`: who may use it, and what becomes of the file where there is one already."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator

_BACKLOG = 64
_MODE = 0o600  # connecting needs the permission to write


class ControlError(Exception):
    """The control socket cannot be made. The message is one line."""


class ControlSocket:
    """A listening Unix socket at `path`, for the user of this process and root.

    A file that a killed tee has left is replaced. Raises ControlError if another tee listens there, if the file is no
    socket, or if the socket cannot be made.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._make()
        except OSError as error:
            raise ControlError(f"cannot make {path} (-control): {error.strerror}") from None

    def _make(self) -> None:
        path = self.path
        with _alone(os.path.dirname(path) or "."):
            _make_room(path)
            self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            try:
                os.fchmod(self.listening.fileno(), _MODE)  # before the bind, so that nobody can connect in between
                self.listening.bind(path)
                self._made = _identity(path)
                self.listening.listen(_BACKLOG)
            except OSError:
                self.listening.close()
                raise
        self.listening.setblocking(False)

    def remove(self) -> None:
        """Close the socket, and remove the file if it is still this one. May be called twice."""
        self.listening.close()
        made, self._made = self._made, None
        if made is not None and _identity(self.path) == made:
            with contextlib.suppress(OSError):
                os.unlink(self.path)


@contextlib.contextmanager
def _alone(directory: str) -> Iterator[None]:
    """Keep other tees out while this one looks and binds: a lock on the directory, which leaves no file behind."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make_room(path: str) -> None:
    """Remove a socket on which nobody listens."""
    try:
        kind = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise ControlError(f"cannot make {path} (-control): it is no socket, and stays as it is")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
        probe.setblocking(False)
        refused = probe.connect_ex(path)
    if refused not in (errno.ECONNREFUSED, errno.ENOENT):
        why = "another tee listens there" if refused in (0, errno.EAGAIN) else os.strerror(refused)
        raise ControlError(f"cannot make {path} (-control): {why}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
