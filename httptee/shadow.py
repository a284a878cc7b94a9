"""One test server B: its clones wait in a bounded backlog, are sent by a bounded executor, or are dropped at once.

`offer` is called in A's threads, so nothing in it may wait for B: a slot of the semaphore is there or it is not. A
clone holds its slot from the offer until it is settled; slots are the backlog and the workers together, which bounds
what can be waiting and what can be running.

A worker is one task in the executor that sends clone after clone and ends when none has come for a while. That is
many times cheaper than a task for each clone: where a worker is awake it takes the next one without being submitted.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import perf_counter, sleep

from httptee.breaker import Breaker
from httptee.budget import Budget
from httptee.cutoff import Cutoff
from httptee.errors import upstream_error
from httptee.ledger import Account
from httptee.message import Exchange
from httptee.pressure import Pressure
from httptee.selection import Selection
from httptee.transport.adapter import Timeouts
from httptee.transport.upstream import Upstream

_IDLE_WORKER = 1.0  # seconds without a clone after which a worker ends
_FEW = 3  # workers awake, while they are short of processor time
_LONGEST_PAUSE = 0.004  # seconds; less than what makes a thread of the crew count as slow


@dataclass(frozen=True, slots=True)
class Guards:
    """What keeps a B from costing anything. All but the breaker are those of all B's together."""

    breaker: Breaker
    budget: Budget
    pressure: Pressure
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
        self._pressure = guards.pressure
        self._cutoff = guards.cutoff
        self._upstream = upstream
        self._account = account
        self._selection = selection
        self._workers = workers
        self._timeouts = Timeouts(connect=timeout, headers=timeout, idle=timeout, whole=timeout)
        self._capacity = workers + backlog
        self._crowd = 2 * workers
        self._few = min(workers, _FEW)
        self._slots = threading.BoundedSemaphore(self._capacity)
        self._backlog: SimpleQueue[Exchange | None] = SimpleQueue()
        # Started at the first clone, not here: a thread does not survive the fork of a pre-fork server.
        self._executor: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()  # guards the two counts below and the executor; held for a few instructions
        self._awake = 0
        self._in_flight = 0
        self._settled = threading.Condition(self._lock)
        self._stopping = False
        self._drained = False

    def __repr__(self) -> str:
        busy = min(self._in_flight, self._awake)
        dropped = self._account.dropped
        return f"<Shadow {self.name} [busy {busy}/{self._workers}, queued {self._waiting}, dropped {dropped}]>"

    @property
    def _waiting(self) -> int:
        """Clones that no worker has taken up yet, as near as can be told without a lock."""
        return max(0, self._in_flight - self._awake)

    def offer(self, exchange: Exchange) -> None:
        """Take a clone on, or drop it and say why in the ledger. Never waits."""
        reason = self._refusal(exchange)
        if reason is not None:
            self._account.drop(reason, exchange.follower)
            return
        self._account.open()
        with self._lock:
            self._in_flight += 1
            wake = self._awake < self._in_flight and self._awake < self._enough
            self._awake += wake
        self._backlog.put(exchange)
        if wake:
            self._start_worker()
        if self._in_flight > self._crowd and self._pressure.high:
            self._make_way()
        if self._drained:  # between the refusal above and here: nobody will come for this clone
            self._drop_backlog()

    @property
    def _enough(self) -> int:
        """How many workers may be awake. Where the processor is what they are short of, more of them only take it from
        one another; where they wait for B, all of them are of use."""
        return self._few if self._awake >= self._few and self._pressure.high else self._workers

    def publish(self) -> None:
        """Tell the ledger what does not follow from its counts. Called about once a second."""
        self._account.publish(waiting=self._waiting)

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
        for _ in range(self._workers):
            self._backlog.put(None)
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
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
        if not self._slots.acquire(blocking=False):
            return "saturated"
        if exchange.request.body and not self._budget.take(exchange):
            self._slots.release()
            return "over_budget"
        return None

    def _make_way(self) -> None:
        """Leave the processor to B's workers for a moment: B has answered and they have not got round to reading.

        That is the tee's own want of processor time, never B's slowness: of a B that is slow nothing lies unread. The
        pause grows with the backlog, so that it settles where A and B get the same share, and A's clients, whose
        answer is out by now, wait for no more than they would for any other work on the same core.
        """
        sleep(_LONGEST_PAUSE * min(1.0, 3 * self._in_flight / self._capacity))

    def _start_worker(self) -> None:
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(self._workers, thread_name_prefix="shadow")
            executor = self._executor
        try:
            executor.submit(self._work)
        except RuntimeError:  # the interpreter is shutting down, or `drain` has been faster
            with self._lock:
                self._awake -= 1
            self._drop_backlog()

    def _work(self) -> None:
        """One worker: send clones until none has come for a while, or until told to stop."""
        while True:
            try:
                exchange = self._backlog.get(timeout=_IDLE_WORKER)
            except Empty:
                exchange = None
            if exchange is not None:
                self._send(exchange)
            if (exchange is None or self._awake > self._enough) and self._may_rest():
                return

    def _may_rest(self) -> bool:
        """End this worker, unless a clone has come in since it last looked and no other worker is to see to it."""
        with self._lock:
            if self._backlog.empty() or self._stopping or self._awake > self._enough:
                self._awake -= 1
                return True
            return False

    def _send(self, exchange: Exchange) -> None:
        """One exchange with B, from its start to a line in the ledger."""
        started = perf_counter()
        try:
            answer = self._upstream.send(exchange.request, self._timeouts)
            self._pressure.notice(getattr(answer.raw, "unread_for", 0.0))
            for _ in answer.raw.stream():  # read to its end, so that the connection can be used again
                pass
        except Exception as error:
            reason = upstream_error(error).reason
            self._account.settle_failed(reason, perf_counter() - started, exchange.follower)
            self.breaker.failed(reason)
            if self.breaker.gives_up:
                self._drop_backlog("circuit_open")
        else:
            self._account.settle_delivered(answer.status_code, perf_counter() - started, exchange.follower)
            self.breaker.succeeded()
        self._let_go(exchange)

    def _drop_backlog(self, reason: str = "closing") -> None:
        while True:
            try:
                exchange = self._backlog.get_nowait()
            except Empty:
                return
            if exchange is not None:
                self._account.settle_dropped(reason, exchange.follower)
                self._let_go(exchange)

    def _let_go(self, exchange: Exchange) -> None:
        """Give back what a settled clone held."""
        if exchange.request.body:
            self._budget.release(exchange)
        self._slots.release()
        with self._settled:
            self._in_flight -= 1
            if self._stopping and not self._in_flight:
                self._settled.notify_all()
