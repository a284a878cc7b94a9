"""The two ways of the clones of one B that were taken on: on an idle connection at once, or through the queue.

If a connection to B is idle, a clone is sent in one call that cannot block, and the collector reads the answer. The
clone waits for no other thread to get the GIL, so B keeps up with A on a busy core. If no connection is idle, the clone
waits in the queue. The first connection of the collector that is free carries it. Everything that may take time (to
connect, a TLS handshake, a large body) is done by a shadow thread.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from time import perf_counter, sleep

from httptee.http import Exchange
from httptee.shadow.collector import Answered, Collector
from httptee.shadow.openings import Openings
from httptee.shadow.sender import Sender
from httptee.shadow.waiting import hold_as_bytes
from httptee.shadow.workers import Workers
from httptee.transport import IDEMPOTENT, Answer, Pending, Reading, Upstream

AT_ONCE = 2
"""Clones that may be in flight on connections that were idle, for each shadow thread. They take no thread."""

UNWRITTEN = 64
"""Clones of a B that may wait in the form in which they came. In a short queue they wait so briefly that to write their
heads as bytes would cost more than the memory."""

_DROPPED_AT_ONCE = 64  # clones of a queue that are dropped before another thread may run

Settle = Callable[[Exchange, float, "Exception | None", "Answer | None"], object]
"""Called once for each clone that was sent: the seconds, the error if it failed, the answer as far as it came."""
Drop = Callable[[Exchange, str], object]
"""Called once, with the reason, for each clone that is not sent."""


class Roads:
    """Sends clones to `upstream`, in up to `size` shadow threads and on `AT_ONCE` connections for each.

    `times` are the seconds that an exchange may take up to the head of its answer, and from there to its end.
    `answered` is called when the head of an answer has arrived and its body streams. With `driven`, no thread waits for
    the answers: the owner calls `turn` again and again, in the thread that calls `take`.
    """

    def __init__(
        self,
        upstream: Upstream,
        size: int,
        times: tuple[float, float],
        reading: Reading,
        settle: Settle,
        drop: Drop,
        answered: Answered,
        *,
        driven: bool = False,
    ) -> None:
        self._upstream = upstream
        self._most = AT_ONCE * size
        self._settle = settle
        self._drop = drop
        self._openings = Openings(lambda: upstream.has_idle, lambda: self._collector.carries)
        self._workers = Workers(size, self._send, openings=self._openings)
        self._sender = Sender(upstream, *times, answered, reading, self._openings)
        run = None if driven else self._workers.run
        self._collector = Collector(*times, run, self._ended, answered, self._stuck)
        self.ending = False
        """True when no clone in the queue will be sent any more."""

    @property
    def waiting(self) -> int:
        """The number of clones in the queue."""
        return self._workers.waiting

    def take(self, exchange: Exchange) -> None:
        """Send a clone, or put it into the queue. Never waits."""
        # At once, unless others wait or no connection is idle.
        if self._workers.queue or not self._collector.takes(self._most) or not self._send_now(exchange):
            self._hand_over(exchange)
        if self.ending:  # perhaps since the caller's check: no thread takes this clone
            self.drop_waiting("closing")

    def turn(self, wait: float) -> bool:
        """Take in the answers that come, and wait up to `wait` seconds for the first. False at once if none is awaited
        but by threads. Only for roads that are driven."""
        if not len(self._collector):
            return False
        self._collector.turn(wait)
        return True

    def drop_waiting(self, reason: str, spared: Exchange | None = None) -> None:
        """Drop the clones in the queue. `spared` goes on waiting."""
        found = False
        for taken in count(1):
            exchange = self._workers.take()
            if exchange is None:
                break
            if exchange is spared:
                found = True
            else:
                self._drop(exchange, reason)
            if not taken % _DROPPED_AT_ONCE:
                sleep(0)  # gives up the GIL: a long queue takes 100 ms, and A's threads must not wait for that
        if found and spared is not None:
            self._hand_over(spared)

    def close(self) -> None:
        """Drop what waits, end all exchanges, and close all connections. May be called twice."""
        self.ending = True
        self.drop_waiting("closing")
        self._collector.close()
        self._sender.close()
        self._workers.close()
        self.drop_waiting("closing")  # what other threads have put back meanwhile; `put` refuses all that comes later
        self._upstream.close()

    def _send_now(self, exchange: Exchange) -> bool:
        """Send a clone on an idle connection; False if it is still to be sent."""
        try:
            kept = exchange.kept
            pending = self._upstream.begin(exchange.request, 0 if kept is None else kept.room)
        except Exception as error:  # for example a request that cannot be serialized
            self._settle(exchange, 0.0, error, None)
            return True
        if pending is None:
            return False
        if not self._collector.watch(pending, exchange):
            pending.give_up()
            return False
        return pending.start() or not self._collector.forget(pending)

    def _hand_over(self, exchange: Exchange) -> None:
        """Put a clone into the queue. If the collector has all the connections that it may have, the first that is free
        carries it. Otherwise a shadow thread sends it, on a new connection if none is idle."""
        if len(self._workers.queue) >= UNWRITTEN:
            hold_as_bytes(exchange)
        if not self._workers.put(exchange):
            self._drop(exchange, "closing")
        if self._workers.closed:  # perhaps since `put`
            self.drop_waiting("closing")
        elif len(self._collector) < self._most:
            self._call_worker()

    def _stuck(self) -> None:
        """Most of the collector's connections carry long answers, or B is silent on them: send on others too."""
        if self._workers.waiting:
            self._call_worker()

    def _call_worker(self) -> None:
        if not self._openings.allowed:
            return  # the threads that wait for first answers go on with the queue, and so does the collector
        self._workers.call()
        if self._workers.stalled:
            self.drop_waiting("saturated")

    def _ended(self, exchange: Exchange, pending: Pending, error: Exception | None) -> None:
        """Called by the collector when an exchange has ended."""
        if error is not None and pending.was_stale(error) and exchange.request.method in IDEMPOTENT:
            self._hand_over(exchange)  # B had closed the idle connection: retry on another one
        elif error is not None and not pending.started:
            self._drop(exchange, "closing" if self.ending else "saturated")
        else:
            if error is None:
                self._sender.succeeded()
            self._settle(exchange, perf_counter() - pending.began, error, pending.answer)
        if self._workers.queue:
            self._send_next()

    def _send_next(self) -> None:
        """An exchange has ended: use its connection for the clone that has waited longest."""
        if not self._upstream.has_idle:
            self._call_worker()
            return
        waiting = self._workers.take()
        if waiting is not None and not self._send_now(waiting):
            self._hand_over(waiting)

    def _send(self, exchange: Exchange) -> None:
        """Send one clone from a shadow thread, and settle it. If a connection is idle, the collector settles it."""
        if self._collector.takes(self._most) and self._send_now(exchange):
            return
        self._settle(exchange, *self._sender.send(exchange))
