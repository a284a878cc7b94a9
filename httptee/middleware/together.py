"""Where the processes of a server count, so that one of them can show all."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import stat
import tempfile
from collections.abc import Mapping

from httptee.errors import ConfigError
from httptee.http import Listen
from httptee.ledger import Places
from httptee.settings import Settings, backend_names

logger = logging.getLogger(__name__)

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""The variable of the Prometheus client. Where it is set, the processes count in a file there, and each reads all."""

MEMORY = "/dev/shm"
"""Files there are in memory."""


class Together:
    """The places in which the processes count.

    They are in a file in the directory that the environment names. Without one, and with an admin listener, they are in
    a file of this user for its address: who wants the same address is to be seen there. Otherwise they are in memory,
    for processes that are forked from this one. Raises ConfigError.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._in_file = True
        self._process = os.getpid()
        self.places = self._made(settings, environ.get(DIRECTORY, ""))

    @property
    def together(self) -> bool:
        """Whether this process has a ledger with the others of its server, as far as it can know."""
        return self._in_file or self._process != os.getpid()

    def _made(self, settings: Settings, directory: str) -> Places:
        backends = backend_names(settings.b)
        if directory:
            try:
                return Places(backends, directory)
            except OSError as error:
                raise ConfigError(f"{DIRECTORY}: cannot write in {directory}: {error.strerror}") from None
        if settings.admin is not None and (settings.admin.port or settings.admin.path):
            try:
                return Places(backends, _own_directory(), name_of(settings.admin), passing=True)
            except OSError as error:
                logger.warning("the admin listener may show one process only: no file to count in: %s", error)
        self._in_file = False
        return Places(backends)


def _own_directory() -> str:
    """A directory that only this user may enter: in memory, for no request is to wait for a disk, else among the
    temporary files. Raises OSError."""
    try:
        return _made_in(MEMORY)
    except OSError:
        return _made_in(tempfile.gettempdir())


def _made_in(parent: str) -> str:
    path = os.path.join(parent, f"httptee-{os.geteuid()}")
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise PermissionError(f"{path} is not a directory of this user alone")
    return path


def name_of(admin: Listen) -> str:
    """A name for the address. Containers may share the directory, but each has addresses of its own."""
    network = ""
    with contextlib.suppress(OSError):
        network = os.readlink("/proc/self/ns/net")
    return hashlib.sha256(f"{network} {admin}".encode()).hexdigest()[:16]
