"""One test server B: its clones are sent at once, wait in a bounded queue, or are dropped.

The serving threads call `offer` when A's answer is with the client. Then they serve the next request, so `offer` never
waits for B. A clone holds a slot and a part of the budget from the offer until it is settled, so what the clones in
flight hold is bounded.
"""

from __future__ import annotations

from httptee.errors import upstream_error
from httptee.http import Exchange
from httptee.ledger import Account, GuardedAccount
from httptee.selection import AS_IT_IS, Form, Selection
from httptee.shadow.breaker import fault_of_b
from httptee.shadow.gate import Gate, Road
from httptee.shadow.order import Order
from httptee.shadow.partners import BACKLOG, COMPARING, INSTEAD_OF_DROPPED, Comparing, Guards, Spooling
from httptee.shadow.roads import Roads
from httptee.shadow.slots import ASSURED, Slots
from httptee.shadow.waiting import hold
from httptee.transport import Answer, Upstream


class Shadow:
    """The tee's side of one B, with a repr like `<Shadow canary [busy 3/16, queued 2, dropped 7]>`.

    `workers` is the number of shadow threads, `backlog` the limit of the queue (None: only the budget limits it).
    `assured` small clones fit into the queue even if the budget is used up. An exchange may take `timeout` seconds up
    to the head of its answer, then `stream_timeout` (None: as long). `sends_unsent`: also what A certainly did not get.
    `form` is that of its clones. With `ordered`, those of a client's connection go out one after another.
    `comparing` gets the answers that are to be compared with A's, `spooling` the clones that B cannot take now.
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
        form: Form = AS_IT_IS,
        ordered: bool = False,
        comparing: Comparing | None = None,
        spooling: Spooling | None = None,
    ) -> None:
        self.name = name or str(upstream.endpoint)
        self.breaker = guards.breaker
        self._cutoff = guards.cutoff
        self._orders = guards.orders
        self._account = GuardedAccount(account, guards.faults)
        self._faults = guards.faults
        self._comparing, self._spooling = comparing, spooling
        self._selection = selection
        self.room = selection.room if form.body else lambda request: 0  # bytes of the largest body that B may get
        self._form, self._sends_unsent, self._size = form, sends_unsent, workers
        self._slots = Slots(guards.budget, workers, backlog, assured)
        times = (timeout, timeout if stream_timeout is None else stream_timeout)
        self._roads = Roads(upstream, workers, times, guards.reading, self._settle, self._drop, self._answered)
        self._gate: Road = self._roads if spooling is None else Gate(self._roads, spooling, self._drop)
        self._order = Order(self._gate.take, times[1]) if ordered else None
        self._take = (self._order or self._gate).take
        self._probe: Exchange | None = None
        self._stopping = False

    def __repr__(self) -> str:
        waiting = self.waiting
        busy, dropped = self._slots.taken - waiting, self._account.dropped
        return f"<Shadow {self.name} [busy {busy}/{self._size}, queued {waiting}, dropped {dropped}]>"

    @property
    def waiting(self) -> int:
        """The number of clones that wait: in the queue, or for the one before them."""
        return self._gate.waiting + (0 if self._order is None else self._order.waiting)

    def offer(self, exchange: Exchange) -> None:
        """Take a clone on, or drop it and count the reason in the ledger. Never waits."""
        if self._form:
            exchange = self._form.of(exchange)
        reason = self._refusal(exchange)
        if reason is not None and self._spooling is not None and not exchange.withheld:
            reason = self._spooled_or(self._spooling, exchange, reason)
        if reason is not None:
            if reason:
                self._account.drop(reason, exchange.follower)
            if self._comparing is not None:
                self._faults.watch(COMPARING, self._comparing.missed, exchange)
            return
        self._account.open()
        if exchange.kept is not None and self._comparing is not None:
            self._faults.watch(COMPARING, self._comparing.chosen, exchange)
        self._take(exchange)

    def publish(self) -> None:
        """Write the length of the queue to the ledger. Called about once a second.

        What still waits for a B that was paused is dropped: a B that is stopped on purpose must not get it later.
        """
        if self._orders is not None and self._orders.paused:
            self._drop_waiting("paused")
        self._account.publish(waiting=self.waiting)

    def stop(self) -> None:
        """Take no more clones on: each one offered after this is dropped as `closing`."""
        self._stopping = True

    def drain(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for the clones in flight, then drop those that were not sent.

        Those that were sent fail with a timeout: B may have executed them. Closes all idle connections.
        """
        self.stop()
        self._slots.wait(timeout)
        if self._order is not None:
            self._drop_all(self._order.all_waiting(), "closing")
        self._gate.close()

    def _refusal(self, exchange: Exchange) -> str | None:
        """The drop reason of a clone, or None: the clone then has its slot and its part of the budget."""
        if self._stopping and self._spooling is None:
            return "closing"
        if unwanted := self._selection.refuses(exchange.request, exchange.status) or exchange.withheld:
            return unwanted
        if exchange.unsent and not self._sends_unsent:
            return "primary_failed"
        if self._spooling is not None and (self._stopping or self._spooling.backlog):
            return "closing" if self._stopping else BACKLOG
        if self._cutoff is not None and self._cutoff.cuts():
            return "cut_off"
        if self.breaker.blocks:
            return "circuit_open"
        if (reason := self._slots.take(exchange)) is not None:
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

    def _spooled_or(self, spooling: Spooling, exchange: Exchange, reason: str) -> str:
        """Spool a clone that was chosen for B and has no slot: an empty text, or the drop reason of another one."""
        if reason not in INSTEAD_OF_DROPPED or exchange.withheld:
            return reason
        if self._selection.limits_rate and self._selection.over_rate(exchange.request):
            return "rate_limited"
        if (order := self._order) is None:
            return spooling.take(exchange, reason, opened=False)
        with order.spooling:  # none goes into the spool before those of its connection that came earlier
            self._drop_all(order.waiting_behind(exchange), BACKLOG)
            return spooling.take(exchange, reason, opened=False)

    def _repeated(self, exchange: Exchange, reason: str, answer: Answer | None) -> bool:
        """Whether a clone that was sent has gone into the spool, to be sent again."""
        spooling, status = self._spooling, 0 if answer is None else answer.status
        return (
            spooling is not None
            and spooling.repeats(exchange.request.method, reason, status)
            and not spooling.take(exchange, reason or str(status), opened=True, answer=answer)
        )

    def _last_refusal(self, exchange: Exchange) -> str | None:
        """The checks that take a token or the place of the probe, so they come last: a dropped clone takes neither."""
        if self._selection.limits_rate and self._selection.over_rate(exchange.request):
            return "rate_limited"
        if self.breaker.drops:
            if not self.breaker.take_probe():
                return "circuit_open"
            self._probe = exchange
        return None

    def _answered(self, exchange: Exchange) -> None:
        """The head of an answer has arrived, and its body streams."""
        self.breaker.answered()
        if self._order is not None:
            self._order.answered(exchange)
        if self._probe is exchange and not self.breaker.open:
            self._probe = None

    def _settle(self, exchange: Exchange, seconds: float, error: Exception | None, answer: Answer | None) -> None:
        """Count the outcome of an exchange, update the breaker, and free what the clone held."""
        status = 0 if answer is None else answer.status
        reason = "" if error is None else upstream_error(error).reason
        if self._repeated(exchange, reason, answer):
            pass
        elif error is None:
            self._account.settle_delivered(status, seconds, exchange.follower)
        else:
            self._account.settle_failed(reason, seconds, exchange.follower)
        probe = self._probe is exchange
        if error is None and (answer is None or not answer.cut_off):
            self.breaker.succeeded()
        elif not self._roads.ending:  # what the end of the tee cuts off says nothing about B
            self.breaker.failed(fault_of_b(error, status), probe)
            if self.breaker.drops:
                self._drop_waiting("circuit_open", spared=self._probe)
        if probe:
            self._probe = None
        if self._comparing is not None and (exchange.kept or error) and not self._roads.ending:
            self._faults.watch(COMPARING, self._comparing.settled, exchange, answer, error, seconds)
        self._slots.free(exchange)
        self._end(exchange)

    def _drop(self, exchange: Exchange, reason: str) -> None:
        """Settle a clone that was taken on as dropped, unless the spool takes it."""
        spooling = self._spooling
        if spooling is not None and reason in INSTEAD_OF_DROPPED:
            reason = spooling.take(exchange, reason, opened=True)
        if reason:
            self._account.settle_dropped(reason, exchange.follower)
        if self._comparing is not None:
            self._faults.watch(COMPARING, self._comparing.missed, exchange)
        if self._probe is exchange:
            self._probe = None
            self.breaker.end_probe()
        self._slots.free(exchange)
        self._end(exchange)

    def _drop_waiting(self, reason: str, spared: Exchange | None = None) -> None:
        """Drop all clones that wait, but one that is `spared`."""
        if self._order is not None:
            self._drop_all(self._order.all_waiting(spared), reason)
        self._gate.drop_waiting(reason, spared)

    def _drop_all(self, exchanges: list[Exchange], reason: str) -> None:
        for exchange in exchanges:
            self._drop(exchange, reason)

    def _end(self, exchange: Exchange) -> None:
        """A clone has ended: the next one of its connection may go out."""
        order, spooling = self._order, self._spooling
        if order is None:
            return
        if spooling is not None and spooling.backlog:
            with order.spooling:
                self._drop_all(order.waiting_behind(exchange), BACKLOG)
        order.ended(exchange)
