"""The tee in each process of a server: it begins with the first request there, after any fork."""

from __future__ import annotations

import atexit
import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import replace
from time import monotonic, time
from typing import TYPE_CHECKING

from httptee.app import Tee
from httptee.ledger import Ledger, WorkerAccount
from httptee.middleware.mounted import Mounted, at_the_end
from httptee.middleware.pages import Pages
from httptee.middleware.together import Together
from httptee.settings import Settings

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from httptee.admin import AdminSide

_PUBLISHED = 1.0  # seconds between two updates of the gauges


class EachProcess:
    """Makes the tee of a process, counts in a place that the others read, and takes its turn at the admin listener.
    Raises ConfigError."""

    of_application = False
    """Whether A is the application of this process."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self.settings = settings
        self._counting = Together(settings, environ)
        self._places = self._counting.places
        self._lock = threading.Lock()
        self._pid = 0
        self._tee: Tee | None = None
        self._mounted: Mounted | None = None
        self._account: WorkerAccount | None = None
        self._publish_at = 0.0
        self._pages = Pages(settings, self._places, self._side, self._each_second)
        os.register_at_fork(after_in_child=self._forked)
        at_the_end(self._places.leave)

    @property
    def ledger(self) -> Ledger:
        """The ledger of all processes that count together, to be read."""
        return self._places.read()

    def metrics(self) -> Collector:
        """The ledger for a registry of the Prometheus client."""
        from httptee.admin import LedgerCollector  # imported here: most processes are asked for no metrics

        return LedgerCollector(self._places.read, self._places.since)

    def publish(self, now: float) -> None:
        """Update the gauges of this process, at most once a second."""
        tee, account = self._tee, self._account
        if now < self._publish_at or tee is None or account is None:
            return
        self._publish_at = now + _PUBLISHED
        if tee.budget is not None:
            account.publish(held_bytes=tee.budget.held)
        if tee.cutoff is not None:
            account.publish(cut=round((1 - tee.cutoff.share) * 1e6))
        for shadow in tee.shadows:
            shadow.publish()

    def end(self) -> None:
        """Drain the Bs of this process, and log its ledger. May be called twice, and in a process that never began."""
        mounted, self._mounted = self._mounted, None
        if mounted is not None and self._pid == os.getpid():
            self._pages.stop()  # first: another process has the address while this one drains
            mounted.end()
            if self._account is not None:
                self._account.publish(pid=0)
            self._pages.join()

    def build(self, ledger: Ledger) -> Mounted:
        """The tee of this process."""
        raise NotImplementedError

    def begin(self) -> None:
        """Begin in this process, once. Raises what `build` raises."""
        with self._lock:
            if self._pid == os.getpid():
                return
            self._tee = self._mounted = self._account = None
            ledger = self._places.take()
            self._mounted = self.build(ledger)
            self._account = ledger.worker(0)
            self._account.publish(pid=os.getpid(), started=int(time()))
            self._tee = self._mounted.tee
            for register in (at_the_end, atexit.register):  # uWSGI calls only the functions of atexit
                register(self.end)
            self._pid = os.getpid()
        self._pages.begin()

    def _forked(self) -> None:
        self._lock = threading.Lock()  # a thread of the parent may have held it
        self._pages.forked()

    def _each_second(self) -> None:
        self.publish(monotonic())

    def _side(self, listening: socket.socket) -> AdminSide:
        """What serves the pages, with the ledger of all processes."""
        from httptee.admin import Admin, AdminSide, Mounting, check_of  # imported here: one process at a time needs it

        settings, mounted = self.settings, self._mounted
        mounting = Mounting(self.of_application, self._counting.together)
        check = check_of(replace(settings, a_check="") if self.of_application else settings)
        watched = mounted if mounted is not None and mounted.tallies is not None else None
        admin = Admin(settings, self._places.read(), check, self._places.since, None, watched, mounting)

        def each_second() -> None:
            self._each_second()
            self._places.settle()

        return AdminSide(admin, listening, each_second, guest=True)
