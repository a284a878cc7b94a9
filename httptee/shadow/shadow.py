"""One test server B: its clones are sent at once, wait in a bounded queue, or are dropped.

The serving threads call `offer` when A's answer is with the client. Then they serve the next request, so `offer` never
waits for B. A clone holds a slot and a part of the budget from the offer until it is settled, so what the clones in
flight hold is bounded.

A clone is sent in one of two ways. If a connection to B is idle, `offer` sends the clone in one call that cannot block,
and the collector reads the answer. The clone waits for no other thread to get the GIL, so B keeps up with A on a busy
core. Everything that may take time (to connect, a TLS handshake, a large body) is done by a shadow thread.
"""

from __future__ import annotations

from itertools import count
from time import perf_counter, sleep

from httptee.errors import upstream_error
from httptee.http import Exchange
from httptee.ledger import Account, GuardedAccount
from httptee.selection import Selection
from httptee.shadow.breaker import fault_of_b
from httptee.shadow.collector import Collector
from httptee.shadow.guards import Guards
from httptee.shadow.sender import Sender
from httptee.shadow.slots import ASSURED, Slots
from httptee.shadow.waiting import hold, hold_as_bytes
from httptee.shadow.workers import Workers
from httptee.transport import IDEMPOTENT, Pending, Upstream

AT_ONCE = 2
"""Clones that may be in flight on connections that were idle, for each shadow thread. They take no thread."""

_DROPPED_AT_ONCE = 64  # clones of a queue that are dropped before another thread may run


class Shadow:
    """The tee's side of one B, with a repr like `<Shadow canary [busy 3/16, queued 2, dropped 7]>`.

    `workers` is the number of shadow threads, `backlog` the limit of the queue (None: only the budget limits it).
    `assured` small clones fit into the queue even if the budget is used up. An exchange may take `timeout` seconds up
    to the head of its answer, then `stream_timeout` (None: as long). `sends_unsent`: also what A certainly did not get.
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
        stream_timeout: float | None = None,
        assured: int = ASSURED,
        sends_unsent: bool = False,
        name: str = "",
    ) -> None:
        self.name = name or str(upstream.endpoint)
        self.breaker = guards.breaker
        self._cutoff = guards.cutoff
        self._upstream = upstream
        self._account = GuardedAccount(account, guards.faults)
        self._selection = selection
        self._sends_unsent = sends_unsent
        self._size = workers
        self._slots = Slots(guards.budget, workers, backlog, assured)
        times = (timeout, timeout if stream_timeout is None else stream_timeout)
        self._workers = Workers(workers, self._send)
        self._sender = Sender(upstream, *times, self._answered)
        self._collector = Collector(*times, self._workers.run, self._ended, self._answered)
        self._probe: Exchange | None = None
        self._stopping = False
        self._drained = False

    def __repr__(self) -> str:
        waiting = self._workers.waiting
        busy, dropped = self._slots.taken - waiting, self._account.dropped
        return f"<Shadow {self.name} [busy {busy}/{self._size}, queued {waiting}, dropped {dropped}]>"

    def offer(self, exchange: Exchange) -> None:
        """Take a clone on, or drop it and count the reason in the ledger. Never waits."""
        reason = self._refusal(exchange)
        if reason is not None:
            self._account.drop(reason, exchange.follower)
            return
        self._account.open()
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
        """Wait up to `timeout` seconds for the clones in flight, then drop those that were not sent.

        Those that were sent fail with a timeout: B may have executed them. Closes all idle connections.
        """
        self.stop()
        self._slots.wait(timeout)
        self._drained = True
        self._drop_queue()
        self._collector.close()
        self._sender.close()
        self._workers.close()
        self._upstream.close()

    def _refusal(self, exchange: Exchange) -> str | None:
        """The drop reason of a clone, or None: the clone then has its slot and its part of the budget."""
        if self._stopping:
            return "closing"
        reason = self._selection.refuses(exchange.request)
        if reason is not None:
            return reason
        if exchange.unsent and not self._sends_unsent:
            return "primary_failed"
        if self._cutoff is not None and self._cutoff.cuts():
            return "cut_off"
        if self.breaker.blocks:
            return "circuit_open"
        reason = self._slots.take(exchange)
        if reason is not None:
            return reason
        try:
            hold(exchange)
        except Exception:  # whatever it is, the clone gives its slot back and is counted
            reason = "unreadable"
        else:
            reason = self._last_refusal(exchange)
        if reason is not None:
            self._slots.free(exchange)
        return reason

    def _last_refusal(self, exchange: Exchange) -> str | None:
        """The checks that take a token or the place of the probe, so they come last: a dropped clone takes neither."""
        if self._selection.over_rate(exchange.request):
            return "rate_limited"
        if self.breaker.drops:
            if not self.breaker.take_probe():
                return "circuit_open"
            self._probe = exchange
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
        if not self._collector.watch(pending, exchange):
            pending.give_up()
            return False
        return pending.start() or not self._collector.forget(pending)

    def _hand_over(self, exchange: Exchange) -> None:
        """Put a clone into the queue of the shadow threads."""
        hold_as_bytes(exchange)
        if not self._workers.put(exchange):
            self._drop(exchange, "closing")
        if self._workers.closed:
            self._drop_queue()
        elif self._workers.stalled:
            self._drop_queue("saturated")

    def _answered(self, exchange: Exchange) -> None:
        """The head of an answer has arrived, and its body streams."""
        self.breaker.answered()
        if self._probe is exchange and not self.breaker.open:
            self._probe = None

    def _ended(self, exchange: Exchange, pending: Pending, error: Exception | None) -> None:
        """Called by the collector when an exchange has ended."""
        if error is not None and pending.was_stale(error) and exchange.request.method in IDEMPOTENT:
            self._hand_over(exchange)  # B had closed the idle connection: retry on another one
            return
        if error is not None and not pending.started:
            self._drop(exchange, "closing" if self._drained else "saturated")
            return
        self._settle(exchange, pending.status, perf_counter() - pending.began, error, pending.cut_off)
        # The connection is free: use it for the clone that has waited longest.
        waiting = self._workers.take() if self._workers.waiting and self._upstream.has_idle else None
        if waiting is not None and not self._send_now(waiting):
            self._hand_over(waiting)

    def _send(self, exchange: Exchange) -> None:
        """Send one clone from a shadow thread, and settle it."""
        self._settle(exchange, *self._sender.send(exchange))

    def _settle(
        self, exchange: Exchange, status: int, seconds: float, error: Exception | None, cut_off: bool = False
    ) -> None:
        """Count the outcome of an exchange, update the breaker, and free what the clone held."""
        if error is None:
            self._account.settle_delivered(status, seconds, exchange.follower)
        else:
            self._account.settle_failed(upstream_error(error).reason, seconds, exchange.follower)
        probe = self._probe is exchange
        if error is None and not cut_off:
            self.breaker.succeeded()
        elif not self._drained:  # what the end of the tee cuts off says nothing about B
            self.breaker.failed(fault_of_b(error, status), probe)
            if self.breaker.drops:
                self._drop_queue("circuit_open")
        if probe:
            self._probe = None
        self._slots.free(exchange)

    def _drop_queue(self, reason: str = "closing") -> None:
        """Drop the clones that wait. The probe of an open circuit goes on waiting."""
        probe = None
        for taken in count(1):
            exchange = self._workers.take()
            if exchange is None:
                break
            if exchange is self._probe and reason == "circuit_open":
                probe = exchange
            else:
                self._drop(exchange, reason)
            if not taken % _DROPPED_AT_ONCE:
                sleep(0)  # gives up the GIL: a long queue takes 100 ms, and A's threads must not wait for that
        if probe is not None:
            self._hand_over(probe)

    def _drop(self, exchange: Exchange, reason: str) -> None:
        """Settle a clone that was taken on as dropped."""
        self._account.settle_dropped(reason, exchange.follower)
        if self._probe is exchange:
            self._probe = None
            self.breaker.end_probe()
        self._slots.free(exchange)
