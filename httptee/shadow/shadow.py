"""One test server B: its clones are sent at once, wait in a bounded queue, or are dropped.

The serving threads call `offer` when A's answer is with the client. Then they serve the next request, so `offer` never
waits for B. A clone holds a slot from the offer until it is settled. There are as many slots as shadow threads and
places in the queue together, so the number of clones in flight is bounded.

A clone is sent in one of two ways. If a connection to B is idle, `offer` sends the clone in one call that cannot block,
and the collector reads the answer. So B keeps up with A on a busy core, whichever thread gets the GIL. Everything that
may take time (to connect, a TLS handshake, a large body) is done by a shadow thread.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import count
from math import inf
from time import perf_counter, sleep

from httptee.errors import upstream_error
from httptee.http import Exchange
from httptee.ledger import Account
from httptee.selection import Selection
from httptee.shadow.breaker import Breaker
from httptee.shadow.budget import Budget
from httptee.shadow.collector import Collector
from httptee.shadow.cutoff import Cutoff
from httptee.shadow.waiting import hold, hold_as_bytes
from httptee.shadow.workers import Workers
from httptee.transport import IDEMPOTENT, Pending, Timeouts, Upstream

AT_ONCE = 2
"""Clones that may be in flight on connections that were idle, for each shadow thread. They take no thread."""

ASSURED = 1000
"""Small clones that fit into the queue of each B in any case: the whole queue of the Go program."""

_DROPPED_AT_ONCE = 64  # clones of a queue that are dropped before another thread may run
_READ_BY_OFFER = 2  # connections that an offer reads from if none is idle: more than the one that it needs


@dataclass(frozen=True, slots=True)
class Guards:
    """What limits the cost of a B. The breaker is the B's own; all Bs share the budget and the cutoff."""

    breaker: Breaker
    budget: Budget
    cutoff: Cutoff | None = None


class Shadow:
    """The tee's side of one B, with a repr like `<Shadow canary [busy 3/16, queued 2, dropped 7]>`.

    `workers` is the number of shadow threads, `backlog` the limit of the queue (None: only the budget limits it),
    `timeout` the seconds for an exchange. `assured` small clones fit into the queue even if the budget is used up.
    """

    def __init__(
        self,
        upstream: Upstream,
        account: Account,
        selection: Selection,
        guards: Guards,
        *,
        workers: int,
        backlog: int | None,
        timeout: float,
        assured: int = ASSURED,
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
        self._capacity = inf if backlog is None else workers + backlog
        self._assured = workers + assured
        self._workers = Workers(workers, self._send)
        self._collector = Collector(timeout, self._workers.run, self._ended)
        self._lock = guards.budget.lock  # guards the count below
        self._in_flight = 0  # slots taken; a count is cheaper than threading.BoundedSemaphore
        self._settled = threading.Condition(self._lock)
        self._stopping = False
        self._drained = False

    def __repr__(self) -> str:
        waiting = self._workers.waiting
        busy, dropped = self._in_flight - waiting, self._account.dropped
        return f"<Shadow {self.name} [busy {busy}/{self._size}, queued {waiting}, dropped {dropped}]>"

    def offer(self, exchange: Exchange) -> None:
        """Take a clone on, or drop it and count the reason in the ledger. Never waits."""
        reason = self._refusal(exchange)
        if reason is not None:
            self._account.drop(reason, exchange.follower)
            return
        self._account.open()
        try:
            hold(exchange)
        except (OSError, ValueError, MemoryError):
            self._drop(exchange, "unreadable")
            return
        if not self._begin(exchange):
            self._collector.collect(_READ_BY_OFFER)
            if not self._begin(exchange):
                self._hand_over(exchange)
        if self._drained:  # since the check in `_refusal`: no thread takes this clone
            self._drop_queue()

    def publish(self) -> None:
        """Write the length of the queue to the ledger. Called about once a second."""
        self._account.publish(waiting=self._workers.waiting)

    def stop(self) -> None:
        """Take no more clones on: each one offered after this is dropped as `closing`."""
        self._stopping = True

    def drain(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for the clones in flight, then drop those that no shadow thread sends.

        Closes all idle connections.
        """
        self.stop()
        with self._settled:
            self._settled.wait_for(lambda: not self._in_flight, max(0.0, timeout))
        self._drained = True
        self._drop_queue()
        self._collector.close()
        self._workers.close()
        self._upstream.close()

    def _refusal(self, exchange: Exchange) -> str | None:
        """The drop reason of a clone, or None: the clone then has its slot and its part of the budget."""
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
            in_flight = self._in_flight
            if in_flight >= self._capacity:
                return "saturated"
            if not self._budget.take(exchange, in_flight < self._assured):
                return "over_budget"
            self._in_flight = in_flight + 1
        return None

    def _begin(self, exchange: Exchange) -> bool:
        """Send a clone at once, unless others wait or no connection is idle; True if nothing is left to do for it.

        At most `AT_ONCE` clones for each shadow thread are in flight in this way.
        """
        collector = self._collector
        if self._workers.waiting or len(collector) >= AT_ONCE * self._size or not collector.usable:
            return False
        return self._send_now(exchange)

    def _send_now(self, exchange: Exchange) -> bool:
        """Send a clone on an idle connection; False if it is still to be sent."""
        try:
            pending = self._upstream.begin(exchange.request)
        except Exception as error:  # for example a request that cannot be serialized
            self._settle(exchange, 0, 0.0, error)
            return True
        if pending is None:
            return False
        self._collector.watch(pending, exchange)
        return pending.start() or not self._collector.forget(pending)

    def _hand_over(self, exchange: Exchange) -> None:
        """Put a clone into the queue of the shadow threads."""
        hold_as_bytes(exchange)
        if not self._workers.put(exchange):
            self._drop(exchange, "closing")
        if self._workers.closed:
            self._drop_queue()

    def _ended(self, exchange: Exchange, pending: Pending, error: Exception | None) -> None:
        """Called by the collector when an exchange has ended."""
        if error is not None and pending.was_stale(error) and exchange.request.method in IDEMPOTENT:
            self._hand_over(exchange)  # B had closed the idle connection: retry on another one
            return
        if error is not None and self._drained:
            self._drop(exchange, "closing")
            return
        self._settle(exchange, pending.status, perf_counter() - pending.began, error)
        # The connection is free: use it for the clone that has waited longest.
        waiting = self._workers.take() if self._workers.waiting and self._upstream.has_idle else None
        if waiting is not None and not self._send_now(waiting):
            self._hand_over(waiting)

    def _send(self, exchange: Exchange) -> None:
        """Send one clone from a shadow thread, and settle it."""
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
        """Count the outcome of an exchange, update the breaker, and free what the clone held."""
        if error is None:
            self._account.settle_delivered(status, seconds, exchange.follower)
            self.breaker.succeeded()
        else:
            reason = upstream_error(error).reason
            self._account.settle_failed(reason, seconds, exchange.follower)
            self.breaker.failed(reason)
            if self.breaker.drops_queue:
                self._drop_queue("circuit_open")
        self._free(exchange)

    def _drop_queue(self, reason: str = "closing") -> None:
        for dropped in count(1):
            exchange = self._workers.take()
            if exchange is None:
                return
            self._drop(exchange, reason)
            if not dropped % _DROPPED_AT_ONCE:
                sleep(0)  # gives up the GIL: a long queue takes 100 ms, and A's threads must not wait for that

    def _drop(self, exchange: Exchange, reason: str) -> None:
        """Settle a clone that was taken on as dropped."""
        self._account.settle_dropped(reason, exchange.follower)
        self._free(exchange)

    def _free(self, exchange: Exchange) -> None:
        """Free the bytes and the slot that a settled clone held."""
        with self._lock:
            self._budget.release(exchange)
            self._in_flight -= 1
            if self._stopping and not self._in_flight:
                self._settled.notify_all()
