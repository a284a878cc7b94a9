"""One socket, N worker processes: the supervisor binds, forks, replaces what dies, reloads, and prints the ledger.

Signals are not handled but waited for, so that the supervisor is never interrupted in the middle of anything. A reload
forks a new generation of workers; when all of them accept, the old ones are told to finish. For a moment both serve.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from time import monotonic

from httptee.build import build_ledger
from httptee.ledger import Ledger
from httptee.processes import notify
from httptee.processes.generation import SIGNALS, Generation
from httptee.processes.reload import reread
from httptee.processes.single import SingleProcess
from httptee.processes.start import CannotStartError, Start, prepare
from httptee.settings import Settings

logger = logging.getLogger(__name__)

_STOP = {signal.SIGTERM, signal.SIGINT}
_LOOK_AGAIN = 0.02  # seconds between looks at workers that are starting
_LONGEST_START = 30.0  # seconds for a new generation to accept connections
_MOST_DRAINING = 4  # generations; a further reload waits until one of them has ended


def serve(settings: Settings, load: Callable[[], Settings] | None = None) -> int:
    """Run the tee until it is told to stop; return the exit status. The ledger is printed at the end.

    `load` reads the settings again at a reload; without it they stay.
    """
    # A signal may come as soon as the log says that the tee starts. It waits until there is a handler.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        start = prepare(settings, load or (lambda: settings))
    except CannotStartError as error:
        print(f"httptee: {error}", file=sys.stderr)
        return error.status
    kind = SingleProcess if start.settings.processes == 1 else Supervisor
    last = kind(start).run()
    start.admin.stop()
    print_ledger(last)
    if threading.active_count() > 1:
        # In a single process a thread may wait for a B for longer than the drain timeout. The program ends without it.
        logging.shutdown()
        os._exit(0)
    return 0


def print_ledger(ledger: Ledger) -> None:
    """One line a B in the log."""
    for statement in ledger.statements():
        logger.info("%s", statement)


class Supervisor:
    """Keeps `settings.processes` workers alive until SIGTERM or SIGINT."""

    def __init__(self, start: Start) -> None:
        self._listening = start.listening
        self._load = start.load
        self._admin = start.admin
        self._ledger = start.ledger  # the newest one, which includes the counts of those before it
        self._current = Generation(start.settings, start.ledger, start.listening, start.tls)
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
