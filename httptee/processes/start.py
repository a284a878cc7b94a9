"""The work before the first worker process: every check that may refuse the start, and the bind of the sockets."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from httptee.build import build_ledger
from httptee.errors import ConfigError
from httptee.http import Listen
from httptee.ledger import Ledger
from httptee.logs import check_log
from httptee.processes.admin import AdminProcess
from httptee.processes.descriptors import TooFewDescriptorsError, within_descriptors
from httptee.processes.listening import listen
from httptee.processes.threads import within_threads
from httptee.server import listening_tls
from httptee.settings import Settings, check_same, descriptions, own_sockets
from httptee.version import __version__

logger = logging.getLogger(__name__)


class CannotStartError(Exception):
    """The tee cannot start. The message is one line; `status` is the exit status of the program."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Start:
    """The objects that serving needs. `load` reads the settings again at a reload."""

    settings: Settings
    ledger: Ledger
    listening: socket.socket
    load: Callable[[], Settings]
    admin: AdminProcess
    tls: ssl.SSLContext | None


def prepare(settings: Settings, load: Callable[[], Settings]) -> Start:
    """Check files and limits, bind the sockets, map the ledger. Raises CannotStartError."""
    settings, tls = _checked(settings)
    try:
        listening = listen(settings.listen)
    except OSError as error:
        raise CannotStartError(f"cannot listen on {settings.listen}: {error.strerror or error}") from None
    ledger = build_ledger(settings, settings.processes)
    try:
        admin = AdminProcess(settings, ledger, inherited=(listening,))
    except OSError as error:
        listening.close()
        raise CannotStartError(f"cannot listen on {settings.admin} (-admin): {error.strerror or error}") from None
    try:
        check_same(settings, own_sockets([listening], admin.sockets))
    except ConfigError as error:
        listening.close()
        admin.stop()
        raise CannotStartError(str(error), 2) from None
    _announce(settings, listening)
    return Start(settings, ledger, listening, load, admin, tls)


def _checked(settings: Settings) -> tuple[Settings, ssl.SSLContext | None]:
    try:
        tls = listening_tls(settings)
        settings = within_threads(within_descriptors(settings))
        check_log(settings.access_log)
    except ConfigError as error:
        raise CannotStartError(str(error), 2) from None
    except TooFewDescriptorsError as error:
        raise CannotStartError(str(error)) from None
    except OSError as error:
        raise CannotStartError(f"cannot write {settings.access_log} (-access-log): {error.strerror}") from None
    return settings, tls


def _announce(settings: Settings, listening: socket.socket) -> None:
    logger.info(
        "Starting httptee at %s sending to A: %s and B: [%s], version %s, %d process%s",
        Listen(settings.listen.host, listening.getsockname()[1]),
        settings.a,
        " ".join(map(str, settings.b)),
        __version__,
        settings.processes,
        "" if settings.processes == 1 else "es",
    )
    for description in descriptions(settings):
        logger.info("B %s", description)
