"""One socket, N worker processes: the supervisor binds, forks, replaces what dies, and prints the ledger.

Signals are not handled but waited for, so that the supervisor is never interrupted in the middle of anything.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from dataclasses import dataclass
from time import monotonic

from httptee import __version__
from httptee.build import build_ledger
from httptee.config import Settings
from httptee.endpoint import Listen
from httptee.ledger import Ledger
from httptee.line_writer import check_log
from httptee.server.admin import AdminProcess
from httptee.server.listening import bind
from httptee.server.worker import run_worker

logger = logging.getLogger(__name__)

_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGCHLD}
_SHORT_LIFE = 5.0  # seconds; a worker that dies younger than this is replaced later and later
_LONGEST_WAIT = 10.0
_LAST_WORDS = 2.0  # seconds beyond the drain timeout before a worker that does not end is killed


def serve(settings: Settings) -> int:
    """Run the tee until it is told to stop; return the exit status. The ledger is printed at the end."""
    try:
        if settings.access_log:
            check_log(settings.access_log)
    except OSError as error:
        print(f"httptee: cannot write {settings.access_log} (-access-log): {error.strerror}", file=sys.stderr)
        return 1
    try:
        listening = bind(settings.listen)
    except OSError as error:
        print(f"httptee: cannot listen on {settings.listen}: {error.strerror or error}", file=sys.stderr)
        return 1
    ledger = build_ledger(settings, settings.processes)
    try:
        admin = AdminProcess(settings, ledger, inherited=(listening,))
    except OSError as error:
        listening.close()
        print(f"httptee: cannot listen on {settings.admin} (-admin): {error.strerror or error}", file=sys.stderr)
        return 1
    _announce(settings, listening.getsockname()[1])
    if settings.processes == 1:
        signal.signal(signal.SIGUSR1, lambda *_: print_ledger(ledger))
        admin.start_thread()
        run_worker(settings, ledger, listening, 0, 1)
    else:
        Supervisor(settings, ledger, listening, admin).run()
    admin.stop()
    print_ledger(ledger)
    return 0


def print_ledger(ledger: Ledger) -> None:
    """One line a B in the log."""
    for statement in ledger.statements():
        logger.info("%s", statement)


def _announce(settings: Settings, port: int) -> None:
    shadows = " ".join(map(str, settings.b))
    logger.info(
        "Starting httptee at %s sending to A: %s and B: [%s], version %s, %d process%s",
        Listen(settings.listen.host, port),
        settings.a,
        shadows,
        __version__,
        settings.processes,
        "" if settings.processes == 1 else "es",
    )


@dataclass
class _Worker:
    """A row of the ledger and the process that fills it; `starts_at` while there is none."""

    row: int
    pid: int = 0
    started: float = 0.0
    starts_at: float = 0.0
    wait: float = 0.0


class Supervisor:
    """Keeps `settings.processes` workers alive until SIGTERM or SIGINT."""

    def __init__(self, settings: Settings, ledger: Ledger, listening: socket.socket, admin: AdminProcess) -> None:
        self._settings = settings
        self._ledger = ledger
        self._listening = listening
        self._admin = admin
        self._workers = [_Worker(row) for row in range(settings.processes)]

    def run(self) -> None:
        """Fork, watch, and end with the last worker."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        while True:
            self._start_due()
            received = signal.sigtimedwait(_SIGNALS, min(self._next_start(), self._admin.keep()))
            number = received.si_signo if received else 0
            if number == signal.SIGCHLD:
                self._collect()
            elif number == signal.SIGUSR1:
                print_ledger(self._ledger)
            elif number:
                self._stop()
                return

    def _start_due(self) -> None:
        now = monotonic()
        for worker in self._workers:
            if not worker.pid and worker.starts_at <= now:
                worker.started = now
                worker.pid = os.fork() or self._be(worker)

    def _be(self, worker: _Worker) -> int:
        """The life of a worker process; ends the process."""
        status = 1
        try:
            parent = os.getppid()
            run_worker(
                self._settings,
                self._ledger,
                self._listening,
                worker.row,
                self._settings.processes,
                ready=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS),
                wanted=lambda: os.getppid() == parent,
            )
            status = 0
        except BaseException:
            logger.exception("a worker process failed")
        finally:
            sys.stdout.flush()
            # Not sys.exit: the parent's frames, and its atexit functions, are not this process's to run.
            os._exit(status)

    def _next_start(self) -> float:
        waiting = [worker.starts_at for worker in self._workers if not worker.pid]
        return max(0.0, min(waiting) - monotonic()) if waiting else 3600.0

    def _collect(self) -> None:
        """Bury the dead, settle what they held, and plan their successors."""
        for worker in self._workers:
            if worker.pid and os.waitpid(worker.pid, os.WNOHANG)[0]:
                self._ledger.settle_lost(worker.row)
                lived = monotonic() - worker.started
                worker.wait = min(_LONGEST_WAIT, max(0.1, worker.wait * 2)) if lived < _SHORT_LIFE else 0.0
                worker.starts_at = monotonic() + worker.wait
                logger.warning("worker %d ended; another starts in %.1f s", worker.pid, worker.wait)
                worker.pid = 0

    def _stop(self) -> None:
        """End all workers: politely, and after the drain timeout not so."""
        self._listening.close()
        self._signal(signal.SIGTERM)
        deadline = monotonic() + self._settings.drain_timeout + _LAST_WORDS
        while any(worker.pid for worker in self._workers):
            if monotonic() > deadline:
                self._signal(signal.SIGKILL)
            signal.sigtimedwait({signal.SIGCHLD}, 0.1)
            for worker in self._workers:
                if worker.pid and os.waitpid(worker.pid, os.WNOHANG)[0]:
                    worker.pid = 0

    def _signal(self, number: int) -> None:
        for worker in self._workers:
            if worker.pid:
                os.kill(worker.pid, number)
