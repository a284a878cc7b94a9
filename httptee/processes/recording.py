"""Runs the process that writes the recording for all worker processes of one generation."""

from __future__ import annotations

import contextlib
import gc
import logging
import math
import os
import resource
import signal
import socket
from collections.abc import Callable, Sequence
from time import monotonic

from httptee.build import build_inlet
from httptee.ledger import Ledger
from httptee.processes.child import fork, how_it_ended
from httptee.settings import Settings

logger = logging.getLogger(__name__)

_NOT_FOR_RECORDING = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_SHORT_LIFE = 5.0  # seconds; after a shorter life, each replacement waits longer
_SHORTEST_WAIT, _LONGEST_WAIT = 0.1, 10.0
_LAST_WORDS = 5.0  # seconds after SIGTERM, at least, until it is killed
_AT_ONCE = 1.0  # the same where the tee is to stop at once
_NICE = 19
_RARELY = 500_000  # objects until a garbage collection: an exchange is some twenty, and they make no circles
_LITTLE, _MUCH = 0.05, 0.25  # of the memory for what waits


class RecordingProcess:
    """The process that writes the recording of one `ledger`. Without rings in it, there is none.

    The rings stay when it dies, and its successor goes on where it was. The child closes the sockets in `inherited`.
    """

    def __init__(self, settings: Settings, ledger: Ledger, inherited: Sequence[socket.socket] = ()) -> None:
        self._settings = settings
        self._ledger = ledger
        self._inherited = inherited
        self._wanted = bool(ledger.recording.rings)
        self._pid = 0
        self._started = self._starts_at = self._wait = 0.0
        self._kill_at = math.inf  # finite after a SIGTERM to the child

    @property
    def ended(self) -> bool:
        """Whether it does not run, and is not to be started."""
        return not self._wanted and not self._pid

    def keep(self) -> None:
        """Start it if its start is due."""
        if self._wanted and not self._pid and monotonic() >= self._starts_at:
            self._start()

    def _start(self) -> None:
        self._started = monotonic()
        try:
            self._pid = fork(self._write, _NOT_FOR_RECORDING, "recording process")
        except OSError as error:
            self._plan_start()
            logger.warning("cannot start the recording process: %s; it is tried again", error.strerror)

    def next_event(self) -> float:
        """Seconds until its next start or its kill; 3600 if there is none."""
        if self._pid:
            return min(3600.0, self._kill_at - monotonic())
        return self._starts_at - monotonic() if self._wanted else 3600.0

    def collect(self) -> None:
        """Reap it if it has ended, and plan its replacement. Kill it if it has not ended in time."""
        ended, status = os.waitpid(self._pid, os.WNOHANG) if self._pid else (0, 0)
        if ended:
            self._pid = 0
            if self._kill_at != math.inf:
                self._start_last()
            elif self._wanted:
                self._plan_start()
                said = how_it_ended(status)
                logger.warning("the recording process %s; another starts in %.1f s", said, self._wait)
        elif self._pid and monotonic() >= self._kill_at:
            os.kill(self._pid, signal.SIGKILL)

    def retire(self) -> None:
        """Have it write what is left, within the drain timeout, and end. May be called twice."""
        if self._wanted:
            self._wanted = False
            self._kill_at = monotonic() + max(_LAST_WORDS, self._settings.drain_timeout)
            if self._pid:
                os.kill(self._pid, signal.SIGTERM)
            else:
                self._start_last()

    def hurry(self) -> None:
        """The tee is to stop at once: after `retire`, it is killed soon."""
        if self._kill_at != math.inf:
            self._kill_at = min(self._kill_at, monotonic() + _AT_ONCE)

    def _start_last(self) -> None:
        """Start it at once if one that has died has left something. It writes that and ends."""
        if monotonic() < self._kill_at and any(ring.held for ring in self._ledger.recording.rings):
            self._start()

    def _plan_start(self) -> None:
        lived = monotonic() - self._started
        self._wait = min(_LONGEST_WAIT, max(_SHORTEST_WAIT, 2 * self._wait)) if lived < _SHORT_LIFE else _SHORTEST_WAIT
        self._starts_at = monotonic() + self._wait

    def _write(self, wanted: Callable[[], bool]) -> None:
        """The body of the child process."""
        for inherited in self._inherited:
            inherited.close()
        ending = [] if self._wanted else [signal.SIGTERM]
        signal.signal(signal.SIGTERM, lambda *_: ending.append(signal.SIGTERM))
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        gc.freeze()
        gc.set_threshold(_RARELY)
        build_inlet(self._settings, self._ledger, Priority().follow).run(lambda: bool(ending), wanted)


class Priority:
    """The priority of this process: the lowest, and a little more while much waits.

    A worker process that wakes up interrupts only SCHED_IDLE at once: it is under SCHED_BATCH itself. But SCHED_IDLE
    gets nothing at all while all cores are busy. Without the right to leave it again, it is never used.
    """

    def __init__(self) -> None:
        with contextlib.suppress(OSError):
            os.nice(_NICE)
        least = 20 - _NICE  # of RLIMIT_NICE, for this nice value
        self._may_return = os.geteuid() == 0 or resource.getrlimit(resource.RLIMIT_NICE)[0] >= least
        self.policy = os.SCHED_BATCH
        self._set(os.SCHED_BATCH)

    def follow(self, share: float) -> None:
        """Choose by the part of the memory in use, 0.0 to 1.0."""
        if self.policy == os.SCHED_BATCH and share < _LITTLE and self._may_return:
            self._set(os.SCHED_IDLE)
        elif self.policy == os.SCHED_IDLE and share > _MUCH:
            self._set(os.SCHED_BATCH)

    def _set(self, policy: int) -> None:
        try:
            os.sched_setscheduler(0, policy, os.sched_param(0))
            self.policy = policy
        except OSError:  # a sandbox may forbid it
            self._may_return = False
