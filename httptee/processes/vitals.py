"""The gauges of a worker in its row of the ledger: written once a second, and when it begins, drains and ends."""

from __future__ import annotations

import os
from time import time
from typing import TYPE_CHECKING

from httptee.app import Tee
from httptee.ledger import COUNTING, Faults, WorkerAccount
from httptee.logs import HOLD_BACK

if TYPE_CHECKING:
    from httptee.server import Server


class Vitals:
    """Sets the gauges of one worker. No request waits for it."""

    def __init__(self, account: WorkerAccount, server: Server, tee: Tee) -> None:
        self._account = account
        self._server = server
        self._tee = tee
        self._share_changes = 0
        self._faults = Faults(account.unobserved)

    def begin(self) -> None:
        """Publish this process as the worker, with its core if it is pinned to one."""
        cores = os.sched_getaffinity(0)
        core = min(cores) + 1 if len(cores) == 1 else 0
        self._account.publish(core=core, started=int(time()), draining=0)
        self.published()
        self._account.publish(pid=os.getpid())

    def published(self) -> bool:
        """Publish the changing gauges; always True. The server's main thread calls it about once a second."""
        self._faults.watch("the gauges could not be published", self._publish)
        HOLD_BACK.flush()
        return True

    def _publish(self) -> None:
        self.count(self._server.present)
        self._account.publish(in_flight=self._server.in_flight, waiting=len(self._server.crew.waiting))
        if self._tee.budget is not None:
            self._account.publish(held_bytes=self._tee.budget.held)
        if self._tee.cutoff is not None:
            self._account.publish(cut=round((1 - self._tee.cutoff.share) * 1e6))
            changes = self._tee.cutoff.changes
            self._account.share_changed(changes - self._share_changes)
            self._share_changes = changes
        for shadow in self._tee.shadows:
            shadow.publish()
        if self._tee.outbox is not None:
            self._tee.outbox.call_again()
        if self._tee.recorder is not None:
            self._tee.recorder.tick()

    def count(self, connections: int) -> None:
        """Publish the number of connections. Other workers compare theirs with it before they accept."""
        self._faults.watch(COUNTING, self._account.publish, connections=connections)

    def drain(self) -> None:
        """Publish that the worker accepts no more connections."""
        self._account.publish(draining=1)

    def drained(self) -> None:
        """Count the requests that were cut off at the end of the drain."""
        self._account.cut_off(self._server.cut_off)

    def end(self) -> None:
        """Publish that the worker has ended. For a process that continues without it."""
        self.published()
        self._account.publish(pid=0)
