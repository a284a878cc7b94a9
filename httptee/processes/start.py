"""The work before the first worker process: every check that may refuse the start, and the bind of the sockets."""

from __future__ import annotations

import errno
import logging
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from httptee.build import Watching, announce_recording, build_ledger
from httptee.errors import ConfigError
from httptee.http import Listen
from httptee.journal.engines import parse_address
from httptee.ledger import Ledger
from httptee.logs import check_log
from httptee.processes.drainer import DrainerProcess
from httptee.processes.judge import JudgeProcess
from httptee.processes.kept import NEVER, Kept
from httptee.processes.limits import TooFewDescriptorsError, within_descriptors, within_threads
from httptee.processes.notify import PidFile
from httptee.processes.rates import RatesProcess
from httptee.server.sockets import ControlError, address_of, certificate_end, file_of, listen, listening_tls
from httptee.settings import Settings, check_same, descriptions, own_sockets
from httptee.verdict.evidence import check_directory
from httptee.version import __version__

if TYPE_CHECKING:
    from httptee.processes.admin import Listeners

logger = logging.getLogger(__name__)

_FIRST_FREE_PORT = 1024  # Linux's default of net.ipv4.ip_unprivileged_port_start


class CannotStartError(Exception):
    """The tee cannot start. The message is one line; `status` is the exit status of the program."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class NoListeners:
    """A tee without `-admin` and `-control`. It does without the modules of the pages: to import them takes time."""

    sockets: Sequence[socket.socket] = ()
    changing = False
    watching: Watching | None = None

    @property
    def admin(self) -> NoListeners:
        """There are no admin pages."""
        return self

    def start_thread(self) -> None:
        """Serve nothing."""

    def keep(self) -> float:
        """Nothing is due."""
        return NEVER

    def watch(self) -> None:
        """Nothing is due."""

    def replace(self, settings: Settings, ledger: Ledger, watching: Watching | None = None) -> None:
        """Nothing is served."""

    def stop(self) -> None:
        """Nothing is to be ended."""


@dataclass(frozen=True)
class Start:
    """The objects that serving needs. `read` are the settings before they were fitted to the limits of the system, and
    `load` reads them again at a reload."""

    settings: Settings
    read: Settings
    ledger: Ledger
    listening: socket.socket
    load: Callable[[], Settings]
    admin: Listeners | NoListeners
    judge: JudgeProcess
    drainer: DrainerProcess
    rates: RatesProcess
    pid_file: PidFile
    watching: Watching | None
    tls: ssl.SSLContext | None


def prepare(settings: Settings, load: Callable[[], Settings]) -> Start:
    """Check files and limits, bind the sockets, map the ledger. Raises CannotStartError."""
    read = settings
    settings, tls = _checked(settings)
    try:
        listening = listen(settings.listen, *file_of(settings))
    except OSError as error:
        raise CannotStartError(_not_bound(settings.listen, "", error)) from None
    ledger = build_ledger(settings, settings.processes)
    ledger.control.certificate_ends = certificate_end(tls, settings.cert_file)
    try:
        admin = _listeners(settings, ledger, listening)
    except ControlError as error:
        listening.close()
        raise CannotStartError(str(error)) from None
    except OSError as error:
        listening.close()
        raise CannotStartError(_not_bound(settings.admin, " (-admin)", error)) from None
    try:
        check_same(settings, own_sockets([listening], admin.admin.sockets))
    except ConfigError as error:
        listening.close()
        admin.stop()
        raise CannotStartError(str(error), 2) from None
    judge = JudgeProcess(None, inherited=(listening, *admin.sockets), alone=settings.alone)
    try:
        watching = judge.renew(settings, ledger)
    except OSError as error:
        listening.close()
        admin.stop()
        raise CannotStartError(f"cannot keep evidence (-verdict): {error.strerror}") from None
    _announce(settings, listening)
    announce_recording(settings)
    _tell_of(watching, admin)
    drainer = _drainer(settings, ledger, admin.sockets, listening)
    rates = RatesProcess(Kept("rates"), (listening, *admin.sockets))
    rates.renew(settings, ledger)
    pid_file = PidFile(settings.pid_file)
    return Start(settings, read, ledger, listening, load, admin, judge, drainer, rates, pid_file, watching, tls)


def _listeners(settings: Settings, ledger: Ledger, listening: socket.socket) -> Listeners | NoListeners:
    if not settings.admin and not settings.control:
        return NoListeners()
    from httptee.processes.admin import Listeners

    return Listeners(settings, ledger, listening)


def _tell_of(watching: Watching | None, admin: Listeners | NoListeners) -> None:
    if watching is not None:
        admin.admin.watching = watching
        if watching.engine:
            logger.info(
                "The answers of each B are compared with A's; the pairs go to %s", parse_address(watching.engine).label
            )
        else:
            logger.info("The answers of each B are compared with A's; the evidence is in %s", watching.place)


def _drainer(
    settings: Settings, ledger: Ledger, others: Sequence[socket.socket], listening: socket.socket
) -> DrainerProcess:
    drainer = DrainerProcess((listening, *others), alone=settings.alone)
    drainer.renew(settings, ledger)
    return drainer


def write_pid_file(start: Start) -> None:
    """Write the file of `-pid-file`. Raises CannotStartError, and closes what `prepare` has opened."""
    try:
        start.pid_file.write()
    except OSError as error:
        start.listening.close()
        start.admin.stop()
        start.judge.stop()
        message = f"cannot write {start.settings.pid_file} (-pid-file): {error.strerror}"
        raise CannotStartError(message) from None


def _not_bound(where: Listen | None, option: str, error: OSError) -> str:
    """The message for an address that could not be bound."""
    # Not `strerror` for these: there, `socket.create_server` repeats the address.
    own = where is not None and where.path  # the text is the tee's own
    why = os.strerror(error.errno) if error.errno and error.errno > 0 and not own else error.strerror or error
    message = f"cannot listen on {where}{option}: {why}"
    if error.errno == errno.EACCES and where is not None and not own and where.port < _FIRST_FREE_PORT:
        message += (
            f"; a port below {_FIRST_FREE_PORT} needs root or the capability CAP_NET_BIND_SERVICE "
            "(AmbientCapabilities= in systemd): give it, or choose a higher port"
        )
    return message


def _checked(settings: Settings) -> tuple[Settings, ssl.SSLContext | None]:
    try:
        tls = listening_tls(settings)
        settings = within_threads(within_descriptors(settings))
        check_log(settings.access_log)
        if not settings.verdict_engine:
            check_directory(settings.verdict)
    except ConfigError as error:
        raise CannotStartError(str(error), 2) from None
    except TooFewDescriptorsError as error:
        raise CannotStartError(str(error)) from None
    except OSError as error:
        option = "-access-log" if error.filename == settings.access_log else "-verdict"
        raise CannotStartError(f"cannot write {error.filename} ({option}): {error.strerror}") from None
    return settings, tls


def _announce(settings: Settings, listening: socket.socket) -> None:
    logger.info(
        "Starting httptee at %s sending to A: %s and B: [%s], version %s, %d process%s",
        address_of(listening, settings.listen.host),
        settings.a,
        " ".join(map(str, settings.b)),
        __version__,
        settings.processes,
        "" if settings.processes == 1 else "es",
    )
    for description in descriptions(settings):
        logger.info("B %s", description)
