"""The tee as a WSGI application in another server."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection

from httptee.app import Tee
from httptee.build import build_ledger
from httptee.middleware.mounted import Mounted, announce_mounted, at_the_end, check_mounted
from httptee.settings import Settings, check_same, ignored
from httptee.version import __version__

logger = logging.getLogger(__name__)


def create_app(settings: Settings, given: Collection[str] = ()) -> Tee:
    """The tee as a WSGI application for another server. It drains its shadows when the interpreter exits.

    The settings of the listening side have no effect on the other server (`listen`, `processes` and the like): a
    warning names those that are set, or whose names are in `given`. Raises ConfigError.
    """
    check_same(settings, ())
    check_mounted(settings)
    mount = _Mount(settings)
    logger.info(
        "Starting httptee in another server, process %d, sending to A: %s and B: [%s], version %s",
        os.getpid(), settings.a, " ".join(map(str, settings.b)), __version__,
    )  # fmt: skip
    announce_mounted(settings)
    if unused := ignored(settings, given):
        logger.warning("ignored, because another server runs the tee: %s", ", ".join(f"-{name}" for name in unused))
    at_the_end(mount.end)
    os.register_at_fork(after_in_child=mount.renew, after_in_parent=mount.forked)
    return mount.tee


class _Mount:
    """The tee of a process of another server. A forked process (`gunicorn --preload`) gets a ledger of its own, because
    a row of a ledger has one writer process, and connections of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._parent = False
        self._mounted = Mounted(settings, build_ledger(settings))
        self.tee = self._mounted.tee

    def renew(self) -> None:
        """Begin anew in a child process."""
        self._parent = False
        self._mounted = Mounted(self._settings, build_ledger(self._settings))
        vars(self.tee).update(vars(self._mounted.tee))

    def forked(self) -> None:
        """Note that another process may serve in the place of this one."""
        self._parent = True

    def end(self) -> None:
        """Drain, and log the ledger. A process that only started others logs nothing."""
        self._mounted.end(log=not self._parent)
