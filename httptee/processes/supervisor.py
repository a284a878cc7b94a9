"""The supervisor: one socket, N worker processes. It forks, replaces workers that die, reloads, and prints the ledger.

It has no signal handlers. It waits for signals, so they never interrupt it. A reload forks a new generation of workers.
When all of them accept connections, the old ones are retired. For a moment, both serve.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from time import monotonic

from httptee.build import build_ledger, end_recording, end_spools
from httptee.ledger import Ledger
from httptee.logs import close_log, flush_log
from httptee.processes import notify
from httptee.processes.child import set_title
from httptee.processes.drain import Drain, StopSignals, begin_drain
from httptee.processes.generation import SIGNALS, Generation
from httptee.processes.reload import follow_level, reread
from httptee.processes.single import SingleProcess
from httptee.processes.start import CannotStartError, Start, prepare, write_pid_file
from httptee.settings import Settings, differences

logger = logging.getLogger(__name__)

_STOP = {signal.SIGTERM, signal.SIGINT}
_LOOK_AGAIN = 0.02  # seconds between two checks of workers that are starting
_LONGEST_START = 30.0  # seconds in which a new generation must accept connections
_MOST_DRAINING = 4  # generations; a further reload waits until one of them has ended


def serve(settings: Settings, load: Callable[[], Settings] | None = None) -> int:
    """Run the tee until a signal ends it, and print the ledger; return the exit status.

    `load` reads the settings again at a reload. Without it, they stay the same.
    """
    # A parent may ignore SIGCHLD, and a program inherits that: the kernel would then reap the workers unseen.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # A signal may come right after the first log line. Blocked, it waits until the tee is ready to act on it.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        start = prepare(settings, load or (lambda: settings))
        write_pid_file(start)
    except CannotStartError as error:
        flush_log()
        print(f"httptee: {error}", file=sys.stderr)
        return error.status
    kind = SingleProcess if start.settings.alone else Supervisor
    set_title("supervisor" if kind is Supervisor else "serving")
    last = kind(start).run()
    start.admin.stop()
    start.judge.stop()
    start.drainer.stop()
    start.rates.stop()
    end_spools(last)
    start.pid_file.remove()
    print_ledger(last)
    end_recording(last)
    close_log()
    if threading.active_count() > 1:
        # In a single process, a thread may wait for a B after the drain timeout. The program does not wait for it.
        os._exit(0)
    return 0


def print_ledger(ledger: Ledger) -> None:
    """Log the line of A, and one line for each B."""
    for line in ledger.lines():
        logger.info("%s", line)


class Supervisor:
    """Keeps `settings.processes` workers alive until SIGTERM or SIGINT."""

    def __init__(self, start: Start) -> None:
        self._listening = start.listening
        self._load = start.load
        self._read = self._arriving_read = start.read
        self._changes = ""
        self._certificate_ends: int | None = None  # of the generation that is arriving
        self._admin = start.admin
        self._judge = start.judge
        self._drainer = start.drainer
        self._rates = start.rates
        self._ledger = start.ledger  # the newest one; it includes the counts of the earlier ones
        self._current = Generation(
            start.settings, start.ledger, start.listening, start.tls, start.admin.sockets, start.watching
        )
        self._arriving: Generation | None = None
        self._arriving_since = 0.0
        self._leaving: Generation | None = None  # retired, but may still accept connections
        self._draining: list[Generation] = []
        self._asked_to_reload = False
        self._said_ready = False

    def run(self) -> Ledger:
        """Fork, watch, reload, and end after the last worker; return the newest ledger. Signals must be blocked."""
        while not signal.sigtimedwait(_STOP, 0):
            self._advance()
            received = signal.sigtimedwait(SIGNALS, self._rest())
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

    def _rest(self) -> float:
        """Keep the processes beside the workers; return the seconds until there is work to do without a signal."""
        beside = (self._admin, self._judge, self._drainer, self._rates)
        return min(self._patience(), *(each.keep() for each in beside))

    def _patience(self) -> float:
        """Seconds until there is work to do without a signal."""
        waits = [generation.next_event() for generation in self._generations()]
        if self._arriving or self._leaving or not self._said_ready:
            waits.append(_LOOK_AGAIN)
        if (watchdog := notify.watchdog_seconds()) is not None:
            waits.append(watchdog)
        return min(waits)

    def _advance(self) -> None:
        """Reap, kill and start workers; then do the next step of a reload."""
        follow_level(self._current.settings, self._ledger)
        for generation in self._generations():
            generation.collect()
            generation.kill_overdue()
            generation.start_due()
        if self._leaving:
            self._finish_reload(self._leaving)
        for generation in self._draining:
            if generation.ended and generation.drain is not None:
                logger.info("the old worker processes drained in %s", generation.drain.result(generation.killed))
        self._draining = [generation for generation in self._draining if not generation.ended]
        if not self._said_ready and self._current.ready:
            self._said_ready = True
            notify.ready()
        if self._arriving:
            self._hand_over(self._arriving)
        elif self._asked_to_reload and not self._leaving and len(self._draining) < _MOST_DRAINING:
            self._asked_to_reload = False
            self._reload()
        if notify.watchdog_seconds() is not None:
            notify.alive()

    def _reload(self) -> None:
        """Start workers with the new settings beside the old ones. An invalid configuration changes nothing."""
        notify.reloading()
        found = reread(self._load, self._current.settings)
        if found is None:
            self._refused("was refused")
            return
        settings, tls, self._arriving_read, self._certificate_ends = found
        try:
            ledger = build_ledger(settings, settings.processes, self._ledger.history)
            watching = self._judge.renew(settings, ledger)
            self._drainer.renew(settings, ledger)
            self._rates.renew(settings, ledger)
            arriving = Generation(settings, ledger, self._listening, tls, self._admin.sockets, watching)
        except (OSError, MemoryError) as error:
            logger.error("reload refused, nothing changes: %s", error)
            self._refused("was refused")
            return
        self._ledger = ledger
        self._arriving, self._arriving_since = arriving, monotonic()
        arriving.start_due()
        if not arriving.lost_one:  # else `_hand_over` ends the reload
            self._admin.replace(settings, ledger, watching)

    def _hand_over(self, arriving: Generation) -> None:
        """Retire the old workers when all new ones accept connections, or the new ones if they cannot start."""
        if arriving.lost_one or monotonic() - self._arriving_since > _LONGEST_START:
            logger.error("reload failed, nothing changes: the new workers do not start")
            self._refused("failed")
            self._retire(arriving)
            self._arriving = None
            self._ledger = self._current.ledger
            self._ledger.continue_after(arriving.ledger)
            self._admin.replace(self._current.settings, self._ledger, self._current.watching)
            self._judge.resume(self._current.settings, self._ledger, self._current.watching)
            self._drainer.resume(self._current.settings, self._ledger)
            self._rates.renew(self._current.settings, self._ledger)
        elif arriving.ready and not self._admin.changing:
            self._current.drain = Drain(self._current.ledger)
            self._retire(self._current)
            self._leaving = self._current
            self._changes = differences(self._read, self._arriving_read)
            self._read = self._arriving_read
            self._current, self._arriving = arriving, None

    def _finish_reload(self, leaving: Generation) -> None:
        """Report the end of the reload when no old worker accepts connections."""
        if not leaving.accepting:
            self._leaving = None
            logger.info(
                "reloaded: %d new worker processes serve, the old ones drain; %s",
                self._current.settings.processes,
                self._changes,
            )
            self._ledger.control.reloaded(True)
            self._ledger.control.certificate_ends = self._certificate_ends
            notify.ready()

    def _refused(self, how: str) -> None:
        self._ledger.control.reloaded(False)
        notify.ready(f"serving; the last reload {how}")

    def _retire(self, generation: Generation) -> None:
        generation.retire()
        self._draining.append(generation)

    def _stop(self) -> None:
        """End all workers: by SIGTERM, and by SIGKILL after the drain timeout or at a second signal. One that waits for
        a disk even then is left."""
        notify.stopping()
        signals = StopSignals()
        signals.is_second()  # the signal that led here
        drain = begin_drain(self._ledger, self._current.settings)
        self._listening.close()
        generations = self._generations()
        for generation in generations:
            generation.retire()
        while not all(generation.ended or generation.unending for generation in generations):
            received = signal.sigtimedwait({signal.SIGCHLD, *_STOP}, 0.1)
            at_once = received is not None and received.si_signo in _STOP and signals.is_second()
            if at_once:
                logger.warning("a second signal: stopping at once")
            self._admin.watch()
            self._judge.watch()
            self._drainer.watch()
            for generation in generations:
                generation.collect()
                generation.kill_overdue(at_once)
        for generation in generations:
            generation.leave()
        logger.info("drained in %s", drain.result(sum(generation.killed for generation in generations)))
