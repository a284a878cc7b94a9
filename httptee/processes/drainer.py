"""Runs the drainer of the spools: in a process beside the worker processes, or in a thread of the only process."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial

from httptee.build import drained, give_desks
from httptee.ledger import Ledger
from httptee.processes.kept import Kept
from httptee.settings import Settings
from httptee.spool.draining import Drainer, Drains

_LAST_WORDS = 3.0  # seconds after SIGTERM, until a drainer that has not ended is killed
_NICE = 10
_RARELY = 100_000  # objects more, after which unreachable circles are looked for

Made = Sequence[Callable[[], Drains]]


class DrainerProcess:
    """The drainer of one tee. Without any spool, there is none. A child process closes the sockets in `inherited`.

    With `alone`, it runs in a thread: call `start_thread`, and not `keep`.
    """

    def __init__(self, inherited: Sequence[socket.socket] = (), *, alone: bool = False) -> None:
        self._inherited = inherited
        self._alone = alone
        self._made: Made = ()
        self._child = Kept("drainer")
        self._thread: threading.Thread | None = None
        self._before: threading.Thread | None = None  # the thread of the settings before, which may still work
        self._ending = threading.Event()

    def renew(self, settings: Settings, ledger: Ledger) -> None:
        """Drain by these settings. Call it before the worker processes of this ledger are forked."""
        give_desks(settings, ledger)
        self.replace(drained(settings, ledger))

    def resume(self, settings: Settings, ledger: Ledger) -> None:
        """Drain again as before the last call of `renew`: the reload has failed."""
        self.replace(drained(settings, ledger))

    def replace(self, made: Made) -> None:
        """Drain others. A process can read only memory that was mapped before its fork, so a new one is needed.

        Waits for nothing: in one process, this is the thread that serves all clients.
        """
        self._made = made
        if self._thread is not None:
            self._ending.set()
            self._before, self._thread = self._thread, None
        self._child.end(_LAST_WORDS)

    def start_thread(self) -> None:
        """Drain in a thread of this process. Called again about once a second, in case it could not be started."""
        if not self._made or (self._thread is not None and self._thread.is_alive()):
            return
        ending = threading.Event()
        thread = threading.Thread(
            target=_drain_after, args=(self._before, self._made, ending), name="drainer", daemon=True
        )
        with contextlib.suppress(RuntimeError, MemoryError):
            thread.start()
            self._thread, self._ending = thread, ending

    def keep(self) -> float:
        """Start, replace or kill the child process as needed. Call it again within the returned seconds."""
        return self._child.keep(partial(self._drain, self._made) if self._made else None)

    def watch(self) -> None:
        """For a tee that drains: start no other child process."""
        self._made = ()
        self._child.collect(wanted=False)

    def stop(self) -> None:
        """End the drainer, which saves its places. May be called twice."""
        self.replace(())
        if self._before is not None:
            self._before.join(_LAST_WORDS)
        self._child.stop(_LAST_WORDS)

    def _drain(self, made: Made, wanted: Callable[[], bool]) -> None:
        """The body of the child process."""
        for inherited in self._inherited:
            inherited.close()
        ending: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _: ending.append(number))
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        gc.freeze()
        gc.set_threshold(_RARELY)  # each clone makes many objects and no circle
        with contextlib.suppress(OSError):
            os.nice(_NICE)
        with contextlib.suppress(OSError, AttributeError):  # a sandbox may forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        drain_all(made, lambda: not ending and wanted())


def drain_all(made: Made, goes_on: Callable[[], bool]) -> None:
    """Drain each B in a thread of its own, while `goes_on` returns True: a disk that one of them waits for holds up no
    other. If one fails, all end. Raises what that one has raised."""
    errors: list[BaseException] = []
    threads = []

    def drain(some: Made) -> None:
        try:
            Drainer(some).run(lambda: not errors and goes_on())
        except BaseException as error:
            errors.append(error)

    alone = list(made[-1:])
    for one in made[:-1]:
        thread = threading.Thread(target=drain, args=([one],), name="drainer", daemon=True)
        try:
            thread.start()
            threads.append(thread)
        except (RuntimeError, MemoryError):  # the process may start no more threads
            alone.append(one)
    drain(alone)
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def _drain_after(before: threading.Thread | None, made: Made, ending: threading.Event) -> None:
    """The body of the thread. What the one before has in flight is counted when it has ended."""
    if before is not None:
        before.join()
    drain_all(made, lambda: not ending.is_set())
