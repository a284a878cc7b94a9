"""The worker processes of one configuration: started together, replaced when they die, retired together."""

from __future__ import annotations

import gc
import logging
import math
import mmap
import os
import signal
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic

from httptee.build import Part, Watching
from httptee.ledger import Ledger
from httptee.processes.child import UNENDING, fork, how_it_ended, say_unending
from httptee.processes.drain import Drain
from httptee.processes.recording import RecordingProcess
from httptee.processes.reload import follow_level
from httptee.processes.worker import run_worker
from httptee.settings import Settings

logger = logging.getLogger(__name__)

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD}
"""The signals that the supervisor waits for. They stay blocked."""
_NOT_FOR_WORKERS = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
_SHORT_LIFE = 5.0  # seconds; after a shorter life, each replacement waits longer
_LONGEST_WAIT = 10.0
_LAST_WORDS = 2.0  # seconds after the drain timeout, until a worker that has not ended is killed


@dataclass
class _Worker:
    """A row of the ledger, and the process that writes it. `starts_at` is its next start while there is none."""

    row: int
    pid: int = 0
    started: float = 0.0
    starts_at: float = 0.0
    wait: float = 0.0


class Generation:
    """`<Generation of 2 [running 2, ready 2]>`: the workers that share these `settings` and this `ledger`.

    `tls` is made before they are forked, so they share its keys: each accepts the session tickets of all. A worker
    closes the sockets in `others`: a port of the supervisor must be closed when the supervisor is killed.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        listening: socket.socket,
        tls: ssl.SSLContext | None = None,
        others: Sequence[socket.socket] = (),
        watching: Watching | None = None,
    ) -> None:
        self.settings = settings
        self.ledger = ledger
        self.lost_one = False
        """Whether a worker has ended before the generation was retired."""
        self.killed = 0
        """How many workers did not end in time and were killed."""
        self.drain: Drain | None = None
        """What a reload's drain of these workers leaves, if this generation has served."""
        self._listening = listening
        self._tls = tls
        self._others = others
        self.watching = watching
        self._workers = [_Worker(row) for row in range(settings.processes)]
        self._recording = RecordingProcess(settings, ledger, (listening, *others))
        self._ready = mmap.mmap(-1, settings.processes)  # shared; one byte a worker: whether it accepts connections
        self._retired = False
        self._kill_at = 0.0
        self._leave_at = math.inf  # the time of the monotonic clock; finite after `retire`

    def __repr__(self) -> str:
        running = sum(bool(worker.pid) for worker in self._workers)
        return f"<Generation of {len(self._workers)} [running {running}, ready {sum(self._ready[:])}]>"

    @property
    def ready(self) -> bool:
        """Whether every worker accepts connections."""
        return all(self._ready[:])

    @property
    def accepting(self) -> bool:
        """Whether any worker still accepts connections."""
        return any(self._ready[:])

    @property
    def ended(self) -> bool:
        """Whether it was retired and no process is left."""
        return self._retired and not self._working and self._recording.ended

    @property
    def unending(self) -> bool:
        """Whether a process has not ended some seconds after SIGKILL."""
        return not self.ended and monotonic() >= self._leave_at

    @property
    def _working(self) -> bool:
        return any(worker.pid for worker in self._workers)

    def start_due(self) -> None:
        """Fork every process whose start is due."""
        now = monotonic()
        if any(self._is_due(worker, now) for worker in self._workers):
            gc.collect()
            gc.freeze()  # else a worker process that looks for garbage copies the pages that it shares with the others
        if not self.ended:
            self._recording.keep()
        for worker in self._workers:
            if self._is_due(worker, now):
                worker.started = now
                try:
                    worker.pid = fork(partial(self._serve, worker), _NOT_FOR_WORKERS, f"worker process {worker.row}")
                except OSError as error:
                    self._plan_start(worker)
                    logger.warning("cannot start a worker process: %s; it is tried again", error.strerror)

    def _is_due(self, worker: _Worker, now: float) -> bool:
        return not self._retired and not worker.pid and worker.starts_at <= now

    def next_event(self) -> float:
        """Seconds until the next start or kill of a process; 3600 if there is none."""
        if self._retired:
            return max(0.0, min(self._kill_at - monotonic(), self._recording.next_event()))
        waiting = [worker.starts_at for worker in self._workers if not worker.pid]
        return max(0.0, min([self._recording.next_event(), *(at - monotonic() for at in waiting)]))

    def collect(self) -> None:
        """Reap ended workers, settle their clones in flight, and plan their replacements. What writes the recording
        ends behind the last of them."""
        for worker in self._workers:
            if not worker.pid:
                continue
            ended, status = os.waitpid(worker.pid, os.WNOHANG)
            if ended:
                self.ledger.settle_lost(worker.row)
                self._ready[worker.row] = 0
                if not self._retired:
                    self._plan_successor(worker, status)
                elif status and not self.killed:
                    logger.warning("worker process %d %s while it drained", worker.pid, how_it_ended(status))
                worker.pid = 0
        if self._retired and not self._working:
            self._recording.retire()
        self._recording.collect()
        if self.ended and not self.ledger.finished:
            self._finish()

    def leave(self) -> None:
        """The tee ends without the processes that do not end, if there are any: settle their clones in flight."""
        for worker in self._workers:
            if worker.pid:
                say_unending("worker process", worker.pid)
                self.ledger.settle_lost(worker.row)
                worker.pid = 0
        if not self._recording.ended:
            say_unending("the recording process")
        if not self.ledger.finished:
            self._finish()

    def _finish(self) -> None:
        self.ledger.recording.settle_writer()
        self.ledger.finished = True
        self.ledger.spools.give_back()
        if self.watching is not None:
            self.watching.tallies.finished = True

    def retire(self) -> None:
        """Make every worker answer its requests, drain its shadows and end. None of them is replaced."""
        if not self._retired:
            self._retired = True
            self._kill_at = monotonic() + self.settings.drain_timeout + _LAST_WORDS
            self._leave_at = self._kill_at + UNENDING
            if not self._recording.ended:  # which ends behind them, and has as much time
                self._leave_at += max(_LAST_WORDS, self.settings.drain_timeout)
            self._signal(signal.SIGTERM)

    def kill_overdue(self, at_once: bool = False) -> None:
        """Kill the retired workers that have not ended in time, or all retired workers if `at_once`."""
        if at_once:
            self._recording.hurry()
            self._leave_at = min(self._leave_at, monotonic() + _LAST_WORDS + UNENDING)
        if self._retired and (at_once or monotonic() >= self._kill_at):
            self._kill_at = monotonic() + _LAST_WORDS
            self.killed = max(self.killed, sum(bool(worker.pid) for worker in self._workers))
            self._signal(signal.SIGKILL)

    def _plan_start(self, worker: _Worker) -> None:
        """Plan the next start of a worker that has ended or could not be started."""
        self.lost_one = True
        lived = monotonic() - worker.started
        worker.wait = min(_LONGEST_WAIT, max(0.1, worker.wait * 2)) if lived < _SHORT_LIFE else 0.0
        worker.starts_at = monotonic() + worker.wait

    def _plan_successor(self, worker: _Worker, status: int) -> None:
        self._plan_start(worker)
        said = how_it_ended(status)
        logger.warning("worker process %d %s; another starts in %.1f s", worker.pid, said, worker.wait)

    def _signal(self, number: int) -> None:
        for worker in self._workers:
            if worker.pid:
                os.kill(worker.pid, number)

    def _serve(self, worker: _Worker, wanted: Callable[[], bool]) -> None:
        """The body of a worker process."""
        for other in self._others:
            other.close()
        run_worker(
            self.settings,
            self.ledger,
            self._listening,
            Part(worker.row, self.settings.processes),
            tls=self._tls,
            ready=lambda: self._set_out(worker),
            closed=lambda: self._mark(worker, 0),
            wanted=lambda: follow_level(self.settings, self.ledger) and wanted(),
            watching=self.watching,
        )

    def _set_out(self, worker: _Worker) -> None:
        self._mark(worker, 1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _mark(self, worker: _Worker, accepts: int) -> None:
        self._ready[worker.row] = accepts
