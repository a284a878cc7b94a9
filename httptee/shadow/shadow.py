"""One test server B: its clones go out at once where they can, wait in a bounded backlog, or are dropped.

`offer` is called in A's threads, when A's client has its answer, so nothing in it may wait for B. A clone holds a slot
from the offer until it is settled; slots are the backlog and the workers together, which bounds what can be in hand.

A clone takes one of two roads. Where a connection to B is idle, the offer itself sends it: that is one call that
cannot block, and the collector sees to the answer. So on a busy core B keeps up with A, whichever thread gets the GIL.
All that may take time (to connect, to shake hands, to send a large body) is for a worker in a bounded executor.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from time import perf_counter

from httptee.errors import upstream_error
from httptee.http import Exchange
from httptee.ledger import Account
from httptee.selection import Selection
from httptee.shadow.breaker import Breaker
from httptee.shadow.budget import Budget
from httptee.shadow.collector import Collector
from httptee.shadow.cutoff import Cutoff
from httptee.shadow.workers import Workers
from httptee.transport import IDEMPOTENT, Pending, Timeouts, Upstream

AT_ONCE = 2
"""Clones that may be under way on connections that were idle, for each worker: they cost no thread."""

_HELP = 2  # answers that an offer takes in where no connection is idle: more than it asks for


@dataclass(frozen=True, slots=True)
class Guards:
    """What keeps a B from costing anything. All but the breaker are those of all B's together."""

    breaker: Breaker
    budget: Budget
    cutoff: Cutoff | None = None


class Shadow:
    """B as the tee sees it. `<Shadow canary [busy 3/16, queued 2, dropped 7]>`."""

    def __init__(
        self,
        upstream: Upstream,
        account: Account,
        selection: Selection,
        guards: Guards,
        *,
        workers: int,
        backlog: int,
        timeout: float,
        name: str = "",
    ) -> None:
        self.name = name or str(upstream.endpoint)
        self.breaker = guards.breaker
        self._budget = guards.budget
        self._cutoff = guards.cutoff
        self._upstream = upstream
        self._account = account
        self._selection = selection
        self._timeouts = Timeouts(connect=timeout, headers=timeout, idle=timeout, whole=timeout)
        self._size = workers
        self._capacity = workers + backlog
        self._workers = Workers(workers, self._send)
        self._collector = Collector(timeout, self._workers.run, self._ended)
        self._lock = threading.Lock()  # guards the count below; held for a few instructions
        self._in_flight = 0  # slots taken: a bounded semaphore, and cheaper than the one that threading has
        self._settled = threading.Condition(self._lock)
        self._stopping = False
        self._drained = False

    def __repr__(self) -> str:
        waiting = self._workers.waiting
        busy, dropped = self._in_flight - waiting, self._account.dropped
        return f"<Shadow {self.name} [busy {busy}/{self._size}, queued {waiting}, dropped {dropped}]>"

    def offer(self, exchange: Exchange) -> None:
        """Take a clone on, or drop it and say why in the ledger. Never waits."""
        reason = self._refusal(exchange)
        if reason is not None:
            self._account.drop(reason, exchange.follower)
            return
        self._account.open()
        if not self._begin(exchange):
            self._collector.collect(_HELP)
            if not self._begin(exchange):
                self._hand_over(exchange)
        if self._drained:  # between the refusal above and here: nobody will come for this clone
            self._drop_backlog()

    def publish(self) -> None:
        """Tell the ledger what does not follow from its counts. Called about once a second."""
        self._account.publish(waiting=self._workers.waiting)

    def stop(self) -> None:
        """Take nothing more on: what is offered from here on is dropped as `closing`."""
        self._stopping = True

    def drain(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for the clones in hand, drop those still waiting then, close connections."""
        self.stop()
        with self._settled:
            self._settled.wait_for(lambda: not self._in_flight, max(0.0, timeout))
        self._drained = True
        self._drop_backlog()
        self._collector.close()
        self._workers.close()
        self._upstream.close()

    def _refusal(self, exchange: Exchange) -> str | None:
        """Why a clone is not taken on, or None: it then has its slot and its part of the budget."""
        if self._stopping:
            return "closing"
        reason = self._selection.refuses(exchange.request)
        if reason is not None:
            return reason
        if self._cutoff is not None and self._cutoff.cuts():
            return "cut_off"
        if self.breaker.blocks:
            return "circuit_open"
        with self._lock:
            if self._in_flight >= self._capacity:
                return "saturated"
            self._in_flight += 1
        if exchange.request.body and not self._budget.take(exchange):
            self._free_slot()
            return "over_budget"
        return None

    def _begin(self, exchange: Exchange) -> bool:
        """Send a clone now, unless others wait or no connection is idle; whether it is on its way.

        Twice as many as there are workers may be under way like this, which is as many as A gets by default.
        """
        collector = self._collector
        if self._workers.waiting or len(collector) >= AT_ONCE * self._size or not collector.able:
            return False
        return self._send_now(exchange)

    def _send_now(self, exchange: Exchange) -> bool:
        """Send a clone if a connection is idle; False where it still is to be sent."""
        try:
            pending = self._upstream.begin(exchange.request)
        except Exception as error:  # such as a request that cannot be written down
            self._settle(exchange, 0, 0.0, error)
            return True
        if pending is None:
            return False
        self._collector.watch(pending, exchange)
        return pending.start() or not self._collector.forget(pending)

    def _hand_over(self, exchange: Exchange) -> None:
        """Leave a clone to a worker."""
        if not self._workers.put(exchange):
            self._drop(exchange, "closing")
        if self._workers.closed:
            self._drop_backlog()

    def _ended(self, exchange: Exchange, pending: Pending, error: Exception | None) -> None:
        """An exchange that the collector has seen to is over."""
        if error is not None and pending.was_stale(error) and exchange.request.method in IDEMPOTENT:
            self._hand_over(exchange)  # over a new connection it may yet succeed
            return
        if error is not None and self._drained:
            self._drop(exchange, "closing")
            return
        self._settle(exchange, pending.status, perf_counter() - pending.began, error)
        # The connection is free for the clone that has waited longest.
        waiting = self._workers.take() if self._workers.waiting and self._upstream.has_idle else None
        if waiting is not None and not self._send_now(waiting):
            self._hand_over(waiting)

    def _send(self, exchange: Exchange) -> None:
        """One exchange in a worker's hands."""
        began = perf_counter()
        status, failure = 0, None
        try:
            answer = self._upstream.send(exchange.request, self._timeouts)
            for _ in answer.raw.stream():  # read to its end, so that the connection can be used again
                pass
            status = answer.status_code
        except Exception as error:
            failure = error
        self._settle(exchange, status, perf_counter() - began, failure)

    def _settle(self, exchange: Exchange, status: int, seconds: float, error: Exception | None) -> None:
        """What became of an exchange, down to its line in the ledger."""
        if error is None:
            self._account.settle_delivered(status, seconds, exchange.follower)
            self.breaker.succeeded()
        else:
            reason = upstream_error(error).reason
            self._account.settle_failed(reason, seconds, exchange.follower)
            self.breaker.failed(reason)
            if self.breaker.gives_up:
                self._drop_backlog("circuit_open")
        self._let_go(exchange)

    def _drop_backlog(self, reason: str = "closing") -> None:
        while exchange := self._workers.take():
            self._drop(exchange, reason)

    def _drop(self, exchange: Exchange, reason: str) -> None:
        """Settle a clone that will get no answer for no fault of B's."""
        self._account.settle_dropped(reason, exchange.follower)
        self._let_go(exchange)

    def _let_go(self, exchange: Exchange) -> None:
        """Give back what a settled clone held."""
        if exchange.request.body:
            self._budget.release(exchange)
        self._free_slot()

    def _free_slot(self) -> None:
        with self._settled:
            self._in_flight -= 1
            if self._stopping and not self._in_flight:
                self._settled.notify_all()
