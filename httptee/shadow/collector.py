"""One thread for each B waits for the answers of all clones that were sent on idle connections.

With one thread for each exchange, every answer would wake a thread, and on a busy core the threads of A and B would
compete for the GIL. Here one thread waits in an epoll set. When it gets the GIL, it reads all answers that have
arrived. No thread that serves clients reads them: what B sends must not cost A's clients anything.

A connection stays in the set as long as it is open, so the kernel may report it while no exchange waits on it. An
exchange is added before its request is sent. If its connection was reported before that, it is armed again.
"""

from __future__ import annotations

import logging
import select
import threading
from collections.abc import Callable
from time import perf_counter, sleep

from httptee.errors import UpstreamTimeout
from httptee.http import Exchange
from httptee.shadow.arming import arm
from httptee.shadow.workers import IDLE
from httptee.transport import Pending

logger = logging.getLogger(__name__)

_MOST_EVENTS = 64  # connections that the thread reads from before its next check
_CHECK_INTERVAL = 0.05  # seconds between checks for overdue exchanges

Run = Callable[[Callable[[], object]], bool]  # runs a task in a thread; False if it cannot
Ended = Callable[[Exchange, Pending, "Exception | None"], object]  # called once for each: None, or its error
Answered = Callable[[Exchange], object]  # called once for each exchange whose answer has a head but no end yet
Stuck = Callable[[], object]  # called at each check that finds most exchanges slow


class Collector:
    """The exchanges with one B that have no thread of their own. Each one may take `timeout` seconds up to the head of
    its answer, and `stream_timeout` from there to its end.

    With `run` it runs one task: the thread that waits for the answers, as long as there are exchanges. Without it, its
    owner calls `turn` again and again, in one thread.
    """

    def __init__(
        self, timeout: float, stream_timeout: float, run: Run | None, ended: Ended, answered: Answered, stuck: Stuck
    ) -> None:
        self._timeout = timeout
        self._stream_timeout = stream_timeout
        self._run = run
        self._ended = ended
        self._answered = answered
        self._stuck = stuck
        self._lock = threading.Lock()  # guards the next three; taken when the thread starts or ends
        self._has_thread = run is None
        self._closed, self._next_look = False, 0.0
        # Opened with the first exchange, not here: two processes would share it after a fork.
        self._readable: select.epoll | None = None
        self._awaited: dict[int, tuple[Pending, Exchange]] = {}
        self._reading = False
        self._reported: set[int] = set()  # descriptors that were reported while no exchange waited on them

    def __len__(self) -> int:
        """The number of exchanges in flight."""
        return len(self._awaited)

    @property
    def carries(self) -> bool:
        """Whether exchanges are in flight, the one that is being read included."""
        return bool(self._awaited) or self._reading

    def takes(self, most: int) -> bool:
        """Whether one more exchange can be added to fewer than `most`. False without epoll, for example under gevent,
        which removes it."""
        return len(self._awaited) < most and (self._readable is not None or hasattr(select, "epoll"))

    def watch(self, pending: Pending, exchange: Exchange) -> bool:
        """Add an exchange. Its request must be sent after this call. False if no thread can read its answer."""
        descriptor = pending.descriptor
        pending.due = pending.began + self._timeout
        self._awaited[descriptor] = (pending, exchange)
        if not pending.connection.watched or descriptor in self._reported:
            self._reported.discard(descriptor)
            self._arm(descriptor, pending)
        elif self._closed:
            self._end(descriptor, pending)
        return self._has_thread or self._start() or not self._give_back(descriptor, pending)

    def forget(self, pending: Pending) -> bool:
        """Remove an exchange whose request could not be sent; False if another thread has ended it meanwhile."""
        exchange = self._take(pending.descriptor, pending)
        if exchange is not None:
            pending.give_up()
        return exchange is not None

    def collect(self, most: int, wait: float = 0.0) -> None:
        """Wait up to `wait` seconds, then read what has arrived on up to `most` connections. For one thread."""
        readable = self._readable
        if readable is None or (not wait and not self._awaited):
            return
        try:
            told = readable.poll(wait, most)
        except (OSError, ValueError):  # the set was closed meanwhile
            return
        self._reading = bool(told)
        for descriptor, events in told:
            awaited = self._awaited.get(descriptor)
            if awaited is not None and not awaited[0].started:  # no answer to it, perhaps of an earlier connection
                self._arm(descriptor, awaited[0])
                continue
            awaited = self._awaited.pop(descriptor, None)
            if awaited is None:
                self._reported.add(descriptor)
                awaited = self._awaited.pop(descriptor, None)  # `watch` may have run before the line above
            if awaited is not None:
                self._advance(*awaited, ended=events != select.EPOLLIN)
        self._reading = False

    def close(self) -> None:
        """End the thread and all exchanges in flight. May be called twice."""
        with self._lock:
            self._closed = True
            alone = not self._has_thread or self._run is None
        for descriptor, (pending, _) in self._awaited.copy().items():
            self._end(descriptor, pending)
        if alone and self._readable is not None:
            self._readable.close()

    def _open(self) -> select.epoll:
        with self._lock:
            self._readable = self._readable or select.epoll()
            return self._readable

    def _start(self) -> bool:
        """Start the thread unless there is one. False if that is impossible."""
        with self._lock:
            if self._has_thread or self._closed:
                return True
            self._has_thread = True
        if self._run is not None and self._run(self._wait):
            return True
        self._has_thread = False
        return False

    def _give_back(self, descriptor: int, pending: Pending) -> bool:
        """Remove an exchange that was not sent, as no thread could be started; False if it was ended meanwhile."""
        exchange = self._take(descriptor, pending)
        if not self._has_thread:  # other threads may have added theirs while this one tried to start it
            for other, (stranded, _) in self._awaited.copy().items():
                self._end(other, stranded)
        return exchange is not None

    def _wait(self) -> None:
        """The thread: collect, and end overdue exchanges, until none has been in flight for `IDLE` seconds."""
        busy_at = perf_counter()
        while not self._closed:
            self.turn(_CHECK_INTERVAL)
            if self._awaited:
                busy_at = perf_counter()
            elif perf_counter() - busy_at > IDLE and self._may_end():
                return
        if self._readable is not None:
            self._readable.close()

    def turn(self, wait: float) -> None:
        """Wait up to `wait` seconds, read what has arrived, and now and then end what is overdue. For one thread."""
        try:
            self.collect(_MOST_EVENTS, wait)
            if (now := perf_counter()) >= self._next_look:
                self._next_look = now + _CHECK_INTERVAL
                self._end_overdue(now)
                if self._mostly_slow(now):
                    self._stuck()
        except Exception:
            logger.exception("failed to read the answers of a B")
            sleep(_CHECK_INTERVAL)

    def _may_end(self) -> bool:
        """Whether the thread may end: not if an exchange has been added since its last check."""
        with self._lock:
            if self._closed:
                return False
            self._has_thread = False
            if self._awaited:  # an exchange that is added after this check starts a new thread
                self._has_thread = True
            return not self._has_thread

    def _await(self, pending: Pending, exchange: Exchange, armed: bool = False) -> None:
        self._awaited[pending.descriptor] = (pending, exchange)  # first: the kernel may report it before the next line
        if self._closed or not armed:
            self._arm(pending.descriptor, pending)

    def _arm(self, descriptor: int, pending: Pending) -> None:
        """Have the kernel report the descriptor, also for data that is already there."""
        try:
            arm(self._readable or self._open(), descriptor, pending.connection.watched)
            pending.connection.watched = True
        except (OSError, ValueError):  # no descriptor is free, or the set or an overdue connection is closed
            self._end(descriptor, pending)
        finally:
            if self._closed:
                self._end(descriptor, pending)

    def _advance(self, pending: Pending, exchange: Exchange, now: float = 0.0, ended: bool = True) -> None:
        """Read what has arrived. If the exchange is then overdue at `now`, end it. `ended`: B may have closed."""
        try:
            whole = pending.advance()
        except Exception as error:
            self._ended(exchange, pending, error)
            return
        if whole:
            self._ended(exchange, pending, None)
            return
        if pending.status and not pending.streams:
            pending.streams = True
            pending.due = perf_counter() + self._stream_timeout
            self._answered(exchange)
        if pending.due < now:
            pending.give_up()
            self._ended(exchange, pending, UpstreamTimeout("the exchange took longer than its limit"))
        else:
            self._await(pending, exchange, armed=pending.drained and not ended)

    def _mostly_slow(self, now: float) -> bool:
        """Whether half of the exchanges are older than one interval: few connections are left for others."""
        awaited = self._awaited.copy().values()
        return 2 * sum(now - pending.began > _CHECK_INTERVAL for pending, _ in awaited) >= len(awaited)

    def _end_overdue(self, now: float) -> None:
        """End the exchanges that were due before `now`, unless an answer lies unread: then this thread is late."""
        for descriptor, (pending, _) in self._awaited.copy().items():
            exchange = self._take(descriptor, pending) if pending.due < now else None
            if exchange is not None:
                self._advance(pending, exchange, now)

    def _end(self, descriptor: int, pending: Pending) -> None:
        """End an exchange with a timeout, unless another thread has ended it."""
        exchange = self._take(descriptor, pending)
        if exchange is not None:
            pending.give_up()
            self._ended(exchange, pending, UpstreamTimeout("the exchange took longer than its limit"))

    def _take(self, descriptor: int, pending: Pending) -> Exchange | None:
        """Take an exchange out of the dictionary. The thread that gets it ends it; every other thread gets None."""
        awaited = self._awaited.pop(descriptor, None)
        if awaited is None:
            return None
        if awaited[0] is pending:
            return awaited[1]
        self._await(*awaited)  # not this exchange but the next one on the same connection: put it back
        return None
