"""Runs the process that writes the recording for all worker processes of one generation."""

from __future__ import annotations

import gc
import math
import signal
import socket
from collections.abc import Callable, Sequence
from time import monotonic

from httptee.build import build_inlet
from httptee.ledger import Ledger
from httptee.processes.kept import Kept, Priority
from httptee.settings import Settings

_LAST_WORDS = 5.0  # seconds after SIGTERM, at least, until it is killed
_AT_ONCE = 1.0  # the same where the tee is to stop at once
_RARELY = 500_000  # objects until a garbage collection: an exchange is some twenty, and they make no circles


class RecordingProcess:
    """The process that writes the recording of one `ledger`. Without rings in it, there is none.

    The rings stay when it dies, and its successor goes on where it was. The child closes the sockets in `inherited`.
    """

    def __init__(self, settings: Settings, ledger: Ledger, inherited: Sequence[socket.socket] = ()) -> None:
        self._settings = settings
        self._ledger = ledger
        self._inherited = inherited
        self._wanted = bool(ledger.recording.rings)
        self._child = Kept("recording")
        self._deadline = math.inf  # of the monotonic clock, for what is left to be written; finite after `retire`

    @property
    def ended(self) -> bool:
        """Whether it does not run, and is not to be started."""
        return not self._wanted and not self._child.pid

    def keep(self) -> None:
        """Start it if its start is due."""
        if self._wanted:
            self._child.keep(self._write)

    def collect(self) -> None:
        """Reap it if it has ended, and plan its replacement. Kill it if it has not ended in time."""
        if self._child.collect(wanted=self._wanted) and not self._wanted:
            self._start_last()

    def next_event(self) -> float:
        """Seconds until its next start or its kill; 3600 if there is none."""
        return self._child.next_event(wanted=self._wanted)

    def retire(self) -> None:
        """Have it write what is left, within the drain timeout, and end. May be called twice."""
        if self._wanted:
            self._wanted = False
            patience = max(_LAST_WORDS, self._settings.drain_timeout)
            self._deadline = monotonic() + patience
            self._child.end(patience)
            if not self._child.pid:
                self._start_last()

    def hurry(self) -> None:
        """The tee is to stop at once: after `retire`, it is killed soon."""
        if not self._wanted:
            self._deadline = min(self._deadline, monotonic() + _AT_ONCE)
            self._child.kill_at = self._deadline

    def _start_last(self) -> None:
        """Start it at once if one that has died has left something. It writes that and ends."""
        if monotonic() < self._deadline and any(ring.held for ring in self._ledger.recording.rings):
            self._child.start(self._write)
            self._child.kill_at = self._deadline

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
