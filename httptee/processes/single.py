"""The tee as one process, without a supervisor.

A reload builds a new server beside the old one, which drains in a thread. Signal handlers set flags and wake the main
thread, whose loop then does the work.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import ssl
import threading
from dataclasses import dataclass, replace

from httptee.app import Tee
from httptee.build import Watching, build_ledger, build_tee
from httptee.ledger import Ledger
from httptee.logs import flush_log
from httptee.processes import notify
from httptee.processes.drain import Drain, StopSignals, begin_drain
from httptee.processes.limits import may_start
from httptee.processes.reload import follow_level, reread
from httptee.processes.start import Start
from httptee.processes.vitals import Vitals
from httptee.processes.worker import Look, build_tee_server, pin, retire
from httptee.server import Server
from httptee.settings import Settings, differences

logger = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
_FEWEST_THREADS = 2  # for a reload: one that serves, and one in which the old server drains


@dataclass(frozen=True)
class _Serving:
    """A tee, its server, and what they were built from."""

    settings: Settings
    ledger: Ledger
    tee: Tee
    server: Server
    vitals: Vitals
    watching: Watching | None = None

    def retire(self) -> None:
        """Answer the requests in flight, drain the shadows, and clear the pid in the ledger."""
        self.vitals.drain()
        retire(self.server, self.tee, self.settings)
        self.vitals.drained()
        self.vitals.end()

    def retire_beside_another(self) -> None:
        """The same after a reload, with a line in the log when it is done."""
        drain = Drain(self.ledger)
        self.retire()
        logger.info("the old server drained in %s", drain.result())


class SingleProcess:
    """Serves until SIGTERM or SIGINT. A second one ends the process at once."""

    def __init__(self, start: Start) -> None:
        self._listening = start.listening
        self._admin = start.admin
        self._judge = start.judge
        self._drainer = start.drainer
        self._rates = start.rates
        self._pid_file = start.pid_file
        self._load = start.load
        self._read = start.read
        self._changes = ""
        self._certificate_ends: int | None = None
        self._serving = self._build(start.settings, start.ledger, start.tls, start.watching)
        self._look = Look(self._serving.tee)
        self._successor: _Serving | None = None
        self._draining: list[tuple[_Serving, threading.Thread]] = []
        self._asked: set[int] = set()
        self._stopping = False
        self._signals = StopSignals()

    def run(self) -> Ledger:
        """Serve, reload, drain; return the newest ledger, which has all counts."""
        if self._serving.settings.pin:
            pin(0)
        for number in _SIGNALS:
            signal.signal(number, self._handle)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        self._serving.server.heap.begin()
        self._serving.vitals.begin()
        self._admin.start_thread()
        self._judge.start_thread()
        self._drainer.start_thread()
        self._rates.start_thread()
        notify.ready()
        while True:
            self._serving.server.run(self._goes_on)
            if self._successor is None:
                break
            self._hand_over(self._successor)
        notify.stopping()
        drain = begin_drain(self._serving.ledger, self._serving.settings)
        self._listening.close()
        self._serving.retire()
        for old, thread in self._draining:
            if thread.ident is None:
                old.retire()
            else:
                thread.join()
        for number in _SIGNALS:  # everything has ended: ignore later signals
            signal.signal(number, signal.SIG_IGN)
        for serving in (self._serving, *(old for old, _ in self._draining)):
            serving.ledger.settle_unanswered(0)
        newest = self._settled()
        logger.info("drained in %s", drain.result())
        return newest

    def _build(
        self, settings: Settings, ledger: Ledger, tls: ssl.SSLContext | None, watching: Watching | None
    ) -> _Serving:
        tee = build_tee(settings, ledger, watching=watching)
        # A duplicate of the socket: the server closes its own when it drains.
        server = build_tee_server(tee, settings, self._listening.dup(), tls=tls)
        return _Serving(settings, ledger, tee, server, Vitals(ledger.worker(0), server, tee), watching)

    def _handle(self, number: int, _: object) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            if self._signals.is_second():
                self._end_at_once()
            self._stopping = True
        else:
            self._asked.add(number)
        self._serving.server.wake()

    def _goes_on(self) -> bool:
        """Do the work of signals; return whether to continue. The main loop calls it when woken, and once a second."""
        if signal.SIGUSR1 in self._asked:
            self._asked.discard(signal.SIGUSR1)
            for line in self._serving.ledger.lines():
                logger.info("%s", line)
        if signal.SIGHUP in self._asked and not self._stopping:
            self._asked.discard(signal.SIGHUP)
            self._reload()
        if notify.watchdog_seconds() is not None:
            notify.alive()
        self._admin.start_thread()
        self._judge.start_thread()
        self._drainer.start_thread()
        self._rates.start_thread()
        self._drain_old()
        follow_level(self._serving.settings, self._serving.ledger)
        self._serving.vitals.published()
        self._look.taken()
        return self._successor is None and not self._stopping

    def _reload(self) -> None:
        notify.reloading()
        current = self._serving
        found = reread(self._load, current.settings)
        if found is not None and not may_start(_FEWEST_THREADS):
            logger.error("reload refused, nothing changes: the process may start no more threads")
        elif found is not None:
            settings, tls, read, self._certificate_ends = found
            settings, read = _in_one_process(settings, read, current.settings)
            self._bury()
            try:
                ledger = build_ledger(settings, 1, current.ledger.history)
                self._drainer.renew(settings, ledger)
                self._rates.renew(settings, ledger)
                self._successor = self._build(settings, ledger, tls, self._judge.renew(settings, ledger))
                self._changes, self._read = differences(self._read, read), read
                return
            except Exception:
                logger.exception("reload failed, nothing changes")
                self._judge.resume(current.settings, current.ledger, current.watching)
                self._drainer.resume(current.settings, current.ledger)
                self._rates.renew(current.settings, current.ledger)
        current.ledger.control.reloaded(False)
        notify.ready("serving; the last reload was refused")

    def _hand_over(self, successor: _Serving) -> None:
        """Serve with the new server, and let the old one drain beside it."""
        old, self._serving, self._successor = self._serving, successor, None
        gc.unfreeze()  # the last old server that has drained is garbage now
        successor.server.heap.begin()
        successor.vitals.begin()
        self._admin.replace(successor.settings, successor.ledger, successor.watching)
        old.server.stop_accepting()
        successor.ledger.control.reloaded(True)
        successor.ledger.control.certificate_ends = self._certificate_ends
        logger.info("reloaded: a new server serves, the old one drains; %s", self._changes)
        notify.ready()
        self._draining.append((old, threading.Thread(target=old.retire_beside_another, name="retire")))
        self._drain_old()

    def _drain_old(self) -> None:
        """Start the threads in which old servers drain. One that cannot be started is tried again in a second."""
        for _, thread in self._draining:
            if thread.ident is None:
                try:
                    thread.start()
                except (RuntimeError, MemoryError):
                    logger.warning("the process may start no more threads: the old server drains later")

    def _bury(self) -> None:
        """Mark the ledgers without a writer or a clone in flight as finished: the next ledger takes them over."""
        for old, thread in self._draining:
            ended = thread.ident is not None and not thread.is_alive()
            old.ledger.finished = ended and not old.ledger.holds_any(0)
            if old.ledger.finished:
                old.ledger.settle_lost(0)
                old.ledger.spools.give_back()
            if old.watching is not None:
                old.watching.tallies.finished = old.ledger.finished
        self._draining = [each for each in self._draining if not each[0].ledger.finished]

    def _settled(self) -> Ledger:
        """The newest ledger, with the clones in flight counted as lost: they end with this process."""
        for serving in (self._serving, *(old for old, _ in self._draining)):
            serving.ledger.settle_lost(0)
        return self._serving.ledger

    def _end_at_once(self) -> None:
        logger.warning("a second signal: stopping at once")
        for line in self._settled().lines():
            logger.info("%s", line)
        self._judge.delete_private()
        self._pid_file.remove()
        flush_log()
        os._exit(0)


def _in_one_process(settings: Settings, read: Settings, current: Settings) -> tuple[Settings, Settings]:
    """The settings of a reload, and those that were read, but for what needs other processes: that stays as it is."""
    for name, needs_others, what in (
        ("processes", settings.processes != 1, "a new number of processes"),
        ("verdict", settings.verdict_engine, "a verdict in an engine"),
        ("record", settings.record_engine, "a recording in an engine"),
    ):
        if needs_others:
            stays, ignored = getattr(current, name), getattr(settings, name)
            logger.warning("%s needs a restart: %s stays, %s is ignored", what, stays or "none", ignored)
            settings, read = replace(settings, **{name: stays}), replace(read, **{name: stays})
    return settings, read
