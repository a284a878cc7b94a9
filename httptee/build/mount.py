"""The tee as a WSGI application in another server."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Collection

from httptee.app import Tee
from httptee.build.tee import build_ledger, build_tee
from httptee.errors import ConfigError
from httptee.logs import check_log, flush_log
from httptee.settings import Settings, check_same, check_trust, descriptions, ignored
from httptee.version import __version__

logger = logging.getLogger(__name__)


def create_app(settings: Settings, given: Collection[str] = ()) -> Tee:
    """The tee as a WSGI application for another server. It drains its shadows when the interpreter exits.

    The settings of the listening side have no effect on the other server (`listen`, `processes` and the like): a
    warning names those that are set, or whose names are in `given`. Raises ConfigError.
    """
    check_trust(settings)
    check_same(settings, ())
    try:
        check_log(settings.access_log)
    except OSError as error:
        raise ConfigError(f"cannot write {settings.access_log} (-access-log): {error.strerror}") from None
    mount = _Mount(settings)
    logger.info(
        "Starting httptee in another server, process %d, sending to A: %s and B: [%s], version %s",
        os.getpid(), settings.a, " ".join(map(str, settings.b)), __version__,
    )  # fmt: skip
    for description in descriptions(settings):
        logger.info("B %s", description)
    if unused := ignored(settings, given):
        logger.warning("ignored, because another server runs the tee: %s", ", ".join(f"-{name}" for name in unused))
    # An atexit function runs too late: the interpreter joins the threads of executors before it. concurrent.futures
    # registers its function here too. The function that registers last runs first.
    getattr(threading, "_register_atexit", atexit.register)(mount.end)
    os.register_at_fork(after_in_child=mount.renew, after_in_parent=mount.forked)
    return mount.tee


class _Mount:
    """The tee of a process of another server. A forked process (`gunicorn --preload`) gets a ledger of its own, because
    a row of a ledger has one writer process, and connections of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ledger = build_ledger(settings)
        self._parent = False
        self.tee = build_tee(settings, self._ledger)

    def renew(self) -> None:
        """Begin anew in a child process."""
        self._ledger = build_ledger(self._settings)
        self._parent = False
        vars(self.tee).update(vars(build_tee(self._settings, self._ledger)))

    def forked(self) -> None:
        """Note that another process may serve in the place of this one."""
        self._parent = True

    def end(self) -> None:
        """Drain, and log the ledger. A process that only started others logs nothing."""
        self.tee.close()
        self._ledger.settle_unanswered(0)
        if not self._parent or self._ledger.primary().answered:
            for line in self._ledger.lines():
                logger.info("%s", line)
        flush_log()
