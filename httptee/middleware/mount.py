"""The tee as a WSGI application in another server."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from httptee.http import Listen
from httptee.ledger import Ledger
from httptee.middleware.each_process import EachProcess
from httptee.middleware.mounted import Mounted, announce_mounted, check_mounted
from httptee.settings import Settings, check_same, ignored, own_addresses
from httptee.version import __version__

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logger = logging.getLogger(__name__)

_NOWHERE = Listen("", 0)


def create_app(settings: Settings, given: Collection[str] = ()) -> Mount:
    """The tee as a WSGI application for another server. It drains its shadows when the interpreter exits.

    The settings of the listening side have no effect on the other server (`listen`, `processes` and the like): a
    warning names those that are set, or whose names are in `given`. Raises ConfigError.
    """
    check_same(settings, own_addresses(replace(settings, listen=_NOWHERE)))  # -l is not where that server listens
    check_mounted(settings)
    mount = Mount(settings, os.environ)
    logger.info(
        "Starting httptee in another server, process %d, sending to A: %s and B: [%s], version %s",
        os.getpid(), settings.a, " ".join(map(str, settings.b)), __version__,
    )  # fmt: skip
    announce_mounted(settings)
    if unused := ignored(settings, given):
        logger.warning("ignored, because another server runs the tee: %s", ", ".join(f"-{name}" for name in unused))
    return mount


class Mount(EachProcess):
    """The tee of each process of another server."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        if self._pid != os.getpid():
            self.begin()
        assert self._tee is not None
        return self._tee(environ, start_response)

    def build(self, ledger: Ledger) -> Mounted:
        """The tee in front of the server A."""
        return Mounted(self.settings, ledger)

    def close(self) -> None:
        """Drain the Bs of this process within the drain timeout. The end of the process calls it too."""
        self.end()
