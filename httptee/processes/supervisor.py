"""One socket, N worker processes: the supervisor binds, forks, replaces what dies, reloads, and prints the ledger.

Signals are not handled but waited for, so that the supervisor is never interrupted in the middle of anything. A reload
forks a new generation of workers; when all of them accept, the old ones are told to finish. For a moment both serve.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from time import monotonic

from httptee.build import build_ledger
from httptee.errors import ConfigError
from httptee.http import Listen
from httptee.ledger import Ledger
from httptee.logs import check_log
from httptee.processes import notify
from httptee.processes.admin import AdminProcess
from httptee.processes.descriptors import TooFewDescriptorsError, within_descriptors
from httptee.processes.generation import SIGNALS, Generation
from httptee.processes.listening import listen
from httptee.processes.reload import reread
from httptee.processes.single import SingleProcess
from httptee.server import listening_tls
from httptee.settings import Settings, descriptions
from httptee.version import __version__

logger = logging.getLogger(__name__)

_STOP = {signal.SIGTERM, signal.SIGINT}
_LOOK_AGAIN = 0.02  # seconds between looks at workers that are starting
_LONGEST_START = 30.0  # seconds for a new generation to accept connections
_MOST_DRAINING = 4  # generations; a further reload waits until one of them has ended


def serve(settings: Settings, load: Callable[[], Settings] | None = None) -> int:
    """Run the tee until it is told to stop; return the exit status. The ledger is printed at the end.

    `load` is asked for the settings at a reload; without it they stay.
    """
    # Until somebody is there to take them: whoever reads that the tee starts may send it a signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        tls = listening_tls(settings)
        settings = within_descriptors(settings)
        check_log(settings.access_log)
    except ConfigError as error:
        return _cannot_start(str(error), 2)
    except TooFewDescriptorsError as error:
        return _cannot_start(str(error))
    except OSError as error:
        return _cannot_start(f"cannot write {settings.access_log} (-access-log): {error.strerror}")
    try:
        listening = listen(settings.listen)
    except OSError as error:
        return _cannot_start(f"cannot listen on {settings.listen}: {error.strerror or error}")
    ledger = build_ledger(settings, settings.processes)
    try:
        admin = AdminProcess(settings, ledger, inherited=(listening,))
    except OSError as error:
        listening.close()
        return _cannot_start(f"cannot listen on {settings.admin} (-admin): {error.strerror or error}")
    _announce(settings, listening)
    kind = SingleProcess if settings.processes == 1 else Supervisor
    last = kind(settings, ledger, listening, load or (lambda: settings), admin, tls).run()
    admin.stop()
    print_ledger(last)
    if threading.active_count() > 1:
        # In a single process a thread may still wait for a B, longer than the drain timeout: not to be waited for.
        logging.shutdown()
        os._exit(0)
    return 0


def _cannot_start(why: str, status: int = 1) -> int:
    print(f"httptee: {why}", file=sys.stderr)
    return status


def print_ledger(ledger: Ledger) -> None:
    """One line a B in the log."""
    for statement in ledger.statements():
        logger.info("%s", statement)


def _announce(settings: Settings, listening: socket.socket) -> None:
    shadows = " ".join(map(str, settings.b))
    logger.info(
        "Starting httptee at %s sending to A: %s and B: [%s], version %s, %d process%s",
        Listen(settings.listen.host, listening.getsockname()[1]),
        settings.a,
        shadows,
        __version__,
        settings.processes,
        "" if settings.processes == 1 else "es",
    )
    for description in descriptions(settings):
        logger.info("B %s", description)


class Supervisor:
    """Keeps `settings.processes` workers alive until SIGTERM or SIGINT."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        listening: socket.socket,
        load: Callable[[], Settings],
        admin: AdminProcess,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._listening = listening
        self._load = load
        self._admin = admin
        self._ledger = ledger  # the newest: it knows what the ones before it have counted
        self._current = Generation(settings, ledger, listening, tls)
        self._arriving: Generation | None = None
        self._arriving_since = 0.0
        self._leaving: Generation | None = None  # retired, and perhaps still accepting connections
        self._draining: list[Generation] = []
        self._asked_to_reload = False
        self._said_ready = False

    def run(self) -> Ledger:
        """Fork, watch, reload, and end with the last worker; return the ledger of all. Signals must be blocked."""
        while not signal.sigtimedwait(_STOP, 0):
            self._advance()
            received = signal.sigtimedwait(SIGNALS, min(self._patience(), self._admin.keep()))
            number = received.si_signo if received else 0
            if number == signal.SIGUSR1:
                print_ledger(self._ledger)
            elif number == signal.SIGHUP:
                self._asked_to_reload = True
            elif number in _STOP:
                break
        self._stop()
        return self._ledger

    def _generations(self) -> list[Generation]:
        return [self._current, *([self._arriving] if self._arriving else []), *self._draining]

    def _patience(self) -> float:
        """Seconds until there is something to do without any signal."""
        waits = [generation.next_event() for generation in self._generations()]
        if self._arriving or self._leaving or not self._said_ready:
            waits.append(_LOOK_AGAIN)
        if (watchdog := notify.watchdog_seconds()) is not None:
            waits.append(watchdog)
        return min(waits)

    def _advance(self) -> None:
        """Bury, kill, start; then let a reload take its next step."""
        for generation in self._generations():
            generation.collect()
            generation.kill_overdue()
            generation.start_due()
        self._draining = [generation for generation in self._draining if not generation.ended]
        if not self._said_ready and self._current.ready:
            self._said_ready = True
            notify.ready()
        if self._arriving:
            self._hand_over(self._arriving)
        elif self._leaving:
            self._finish_reload(self._leaving)
        elif self._asked_to_reload and len(self._draining) < _MOST_DRAINING:
            self._asked_to_reload = False
            self._reload()
        if notify.watchdog_seconds() is not None:
            notify.alive()

    def _reload(self) -> None:
        """Start the workers of new settings beside the old ones; an invalid configuration changes nothing."""
        notify.reloading()
        found = reread(self._load, self._current.settings)
        if found is None:
            notify.ready("serving; the last reload was refused")
            return
        settings, tls = found
        self._ledger = build_ledger(settings, settings.processes, self._ledger.history)
        self._arriving = Generation(settings, self._ledger, self._listening, tls)
        self._arriving_since = monotonic()
        self._arriving.start_due()
        self._admin.replace(settings, self._ledger)

    def _hand_over(self, arriving: Generation) -> None:
        """Retire the old workers once all new ones accept connections, or the new ones where they cannot start."""
        if arriving.lost_one or monotonic() - self._arriving_since > _LONGEST_START:
            logger.error("reload failed, nothing changes: the new workers do not start")
            notify.ready("serving; the last reload failed")
            self._retire(arriving)
            self._arriving = None
            self._admin.replace(self._current.settings, self._ledger)
        elif arriving.ready and not self._admin.changing:
            self._retire(self._current)
            self._leaving = self._current
            self._current, self._arriving = arriving, None

    def _finish_reload(self, leaving: Generation) -> None:
        """Say that the reload is done once no connection gets to the old workers any more."""
        if not leaving.accepting:
            self._leaving = None
            logger.info("reloaded: %d new workers serve, those before them drain", self._current.settings.processes)
            notify.ready()

    def _retire(self, generation: Generation) -> None:
        generation.retire()
        self._draining.append(generation)

    def _stop(self) -> None:
        """End all workers: politely, after the drain timeout or at a second signal not so."""
        notify.stopping()
        self._listening.close()
        generations = self._generations()
        for generation in generations:
            generation.retire()
        while not all(generation.ended for generation in generations):
            received = signal.sigtimedwait({signal.SIGCHLD, *_STOP}, 0.1)
            at_once = received is not None and received.si_signo in _STOP
            if at_once:
                logger.warning("a second signal: stopping at once")
            self._admin.keep()
            for generation in generations:
                generation.kill_overdue(at_once)
                generation.collect()
