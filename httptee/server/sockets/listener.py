"""A listening Unix socket: who may use its file, and what becomes of a file that is there already."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import grp
import os
import pwd
import socket
import stat
from collections.abc import Iterator

_HIDDEN = 0o600  # until owner and mode are right


class UnixListener(socket.socket):
    """A socket that listens at a path. To connect, one needs the permission to write to the file.

    `close` also removes the file if this process has made it, and if it is still the same: not in a child process, and
    not for a duplicate.
    """

    _made: tuple[int, int] | None = None
    _path = ""
    _process = 0

    @classmethod
    def at(cls, path: str, mode: int, owner: str = "", backlog: int = 64) -> UnixListener:
        """Listen at a path. `owner` is `USER`, `USER:GROUP` or `:GROUP`, by name or number.

        A file that a killed process has left is replaced. Raises OSError if another process listens there, if the file
        is no socket, if there is no such user, or if the socket cannot be made. Its `strerror` is one line.
        """
        user, group = _owner(owner)
        with _alone(os.path.dirname(path) or "."):
            _make_room(path)
            made = cls(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            try:
                os.fchmod(made.fileno(), _HIDDEN)  # before the bind, so that nobody can connect in between
                made.bind(path)
                made._path, made._made, made._process = path, _identity(path), os.getpid()
                if (user, group) != (-1, -1):
                    os.chown(path, user, group, follow_symlinks=False)
                os.chmod(path, mode)
                made.listen(backlog)
            except BaseException:
                made.close()
                raise
        return made

    def close(self) -> None:
        """Close the socket, and remove its file. May be called twice."""
        super().close()
        made, self._made = self._made, None
        if made is not None and self._process == os.getpid() and _identity(self._path) == made:
            with contextlib.suppress(OSError):
                os.unlink(self._path)


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
        raise OSError(errno.EEXIST, "it is no socket, and stays as it is")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
        probe.setblocking(False)
        refused = probe.connect_ex(path)
    if refused not in (errno.ECONNREFUSED, errno.ENOENT):
        busy = refused in (0, errno.EAGAIN)
        raise OSError(errno.EADDRINUSE if busy else refused, _BUSY if busy else os.strerror(refused))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


_BUSY = "another process listens there"


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _owner(text: str) -> tuple[int, int]:
    """The numbers of a user and a group; -1 for what the text does not name. Raises OSError."""
    user, _, group = text.partition(":")
    try:
        uid = -1 if not user else int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid
        gid = -1 if not group else int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise OSError(errno.EINVAL, f"no such user or group: {text}") from None
    return uid, gid
