"""The worker processes of one configuration: started together, replaced when they die, retired together."""

from __future__ import annotations

import logging
import mmap
import os
import signal
import socket
import ssl
import sys
from dataclasses import dataclass
from time import monotonic

from httptee.ledger import Ledger
from httptee.server.worker import run_worker
from httptee.settings import Settings

logger = logging.getLogger(__name__)

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD}
"""What the supervisor waits for, and keeps blocked meanwhile."""
_NOT_FOR_WORKERS = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
_SHORT_LIFE = 5.0  # seconds; a worker that dies younger than this is replaced later and later
_LONGEST_WAIT = 10.0
_LAST_WORDS = 2.0  # seconds beyond the drain timeout before a worker that does not end is killed


@dataclass
class _Worker:
    """A row of the ledger and the process that fills it; `starts_at` while there is none."""

    row: int
    pid: int = 0
    started: float = 0.0
    starts_at: float = 0.0
    wait: float = 0.0


class Generation:
    """`<Generation of 2 [running 2, ready 2]>`; `settings` and `ledger` are those of its workers.

    They share `tls`, made before they are forked, and its keys: each accepts the session tickets of all.
    """

    def __init__(
        self, settings: Settings, ledger: Ledger, listening: socket.socket, tls: ssl.SSLContext | None = None
    ) -> None:
        self.settings = settings
        self.ledger = ledger
        self.lost_one = False
        """Whether a worker has died before it was told to end."""
        self._listening = listening
        self._tls = tls
        self._workers = [_Worker(row) for row in range(settings.processes)]
        self._ready = mmap.mmap(-1, settings.processes)  # shared: a worker's byte says whether it accepts connections
        self._retired = False
        self._kill_at = 0.0

    def __repr__(self) -> str:
        running = sum(bool(worker.pid) for worker in self._workers)
        return f"<Generation of {len(self._workers)} [running {running}, ready {sum(self._ready[:])}]>"

    @property
    def ready(self) -> bool:
        """Whether every worker has come to accept connections."""
        return all(self._ready[:])

    @property
    def accepting(self) -> bool:
        """Whether any worker still accepts connections."""
        return any(self._ready[:])

    @property
    def ended(self) -> bool:
        """Whether it was retired and no worker is left."""
        return self._retired and not any(worker.pid for worker in self._workers)

    def start_due(self) -> None:
        """Fork every worker whose time has come."""
        now, me = monotonic(), os.getpid()
        for worker in self._workers:
            if not self._retired and not worker.pid and worker.starts_at <= now:
                worker.started = now
                worker.pid = os.fork() or self._be(worker, me)

    def next_event(self) -> float:
        """Seconds until a worker is to be started, or killed; an hour where none is."""
        if self._retired:
            return max(0.0, self._kill_at - monotonic())
        waiting = [worker.starts_at for worker in self._workers if not worker.pid]
        return max(0.0, min(waiting) - monotonic()) if waiting else 3600.0

    def collect(self) -> None:
        """Bury the dead, settle what they held, and plan their successors."""
        for worker in self._workers:
            if worker.pid and os.waitpid(worker.pid, os.WNOHANG)[0]:
                self.ledger.settle_lost(worker.row)
                self._ready[worker.row] = 0
                if not self._retired:
                    self._plan_successor(worker)
                worker.pid = 0
        if self.ended:
            self.ledger.finished = True

    def retire(self) -> None:
        """Have every worker answer what it has, drain its shadows and end; none is replaced any more."""
        if not self._retired:
            self._retired = True
            self._kill_at = monotonic() + self.settings.drain_timeout + _LAST_WORDS
            self._signal(signal.SIGTERM)

    def kill_overdue(self, at_once: bool = False) -> None:
        """End the retired workers that should have ended by themselves, or all of them `at_once`."""
        if self._retired and (at_once or monotonic() >= self._kill_at):
            self._kill_at = monotonic() + _LAST_WORDS
            self._signal(signal.SIGKILL)

    def _plan_successor(self, worker: _Worker) -> None:
        self.lost_one = True
        lived = monotonic() - worker.started
        worker.wait = min(_LONGEST_WAIT, max(0.1, worker.wait * 2)) if lived < _SHORT_LIFE else 0.0
        worker.starts_at = monotonic() + worker.wait
        logger.warning("worker %d ended; another starts in %.1f s", worker.pid, worker.wait)

    def _signal(self, number: int) -> None:
        for worker in self._workers:
            if worker.pid:
                os.kill(worker.pid, number)

    def _be(self, worker: _Worker, parent: int) -> int:
        """The life of a worker process; ends the process. The supervisor may have died since the fork."""
        status = 1
        try:
            # Whoever signals the whole process group, as a terminal does, means the supervisor.
            for number in _NOT_FOR_WORKERS:
                signal.signal(number, signal.SIG_IGN)
            run_worker(
                self.settings,
                self.ledger,
                self._listening,
                worker.row,
                self.settings.processes,
                tls=self._tls,
                ready=lambda: self._set_out(worker),
                closed=lambda: self._mark(worker, 0),
                wanted=lambda: os.getppid() == parent,
            )
            status = 0
        except BaseException:
            logger.exception("a worker process failed")
        finally:
            sys.stdout.flush()
            # Not sys.exit: the parent's frames, and its atexit functions, are not this process's to run.
            os._exit(status)

    def _set_out(self, worker: _Worker) -> None:
        self._mark(worker, 1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _mark(self, worker: _Worker, accepts: int) -> None:
        self._ready[worker.row] = accepts
