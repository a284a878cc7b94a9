"""Who waits for many answers of one B at once, so that a clone costs no thread while B works on it.

Were there a thread for each exchange, each answer would wake one, and on a busy core the threads of A and B would take
the GIL from one another. Here one thread waits in an epoll set for all of B's answers, and takes in all that have come
when it gets its turn. Any other thread may `collect` as well: the kernel tells of each answer once (EPOLLET).

A connection stays in the set for as long as it lives, so what it is told of may concern nobody yet: an exchange is
watched before its request goes out, and where its connection was told of before that, it is armed once more.
"""

from __future__ import annotations

import contextlib
import logging
import select
import threading
from collections.abc import Callable
from time import perf_counter, sleep

from httptee.errors import UpstreamTimeout
from httptee.http import Exchange
from httptee.shadow.workers import IDLE
from httptee.transport import Pending

logger = logging.getLogger(__name__)

_AWAITED = select.EPOLLIN | select.EPOLLET
_AT_ONCE = 64
_LOOK = 0.05  # seconds between looks for exchanges that have run out of time

Ended = Callable[[Exchange, Pending, "Exception | None"], object]
"""Told once of every exchange that its answer is whole, or which error ended it."""


class Collector:
    """The exchanges with one B that have no thread of their own, each at most `timeout` seconds under way.

    `run` runs a task in a thread, and says whether it can: the one that waits, as long as there is something to wait
    for.
    """

    def __init__(self, timeout: float, run: Callable[[Callable[[], object]], bool], ended: Ended) -> None:
        self._timeout = timeout
        self._run = run
        self._ended = ended
        self._lock = threading.Lock()  # guards what follows; taken when the thread starts or ends
        self._has_thread = False
        self._closed = False
        # Opened with the first exchange, not here: after a fork two processes would share it.
        self._readable: select.epoll | None = None
        self._awaited: dict[int, tuple[Pending, Exchange]] = {}
        self._told: set[int] = set()  # descriptors that the kernel has told of while nobody awaited anything there

    def __len__(self) -> int:
        """How many exchanges are under way."""
        return len(self._awaited)

    @property
    def able(self) -> bool:
        """Whether it can see to any: gevent, for one, takes epoll away."""
        return self._readable is not None or hasattr(select, "epoll")

    def watch(self, pending: Pending, exchange: Exchange) -> None:
        """See to an exchange from here on. Its request is not to go out before."""
        descriptor = pending.descriptor
        self._awaited[descriptor] = (pending, exchange)
        if not pending.connection.watched or descriptor in self._told:
            self._told.discard(descriptor)
            self._arm(descriptor, pending)
        elif self._closed:
            self._end(descriptor, pending)
        if not self._has_thread:
            self._start()

    def forget(self, pending: Pending) -> bool:
        """Give up an exchange whose request could not be sent; False where somebody has seen to its end meanwhile."""
        exchange = self._take(pending.descriptor, pending)
        if exchange is not None:
            pending.give_up()
        return exchange is not None

    def collect(self, most: int, wait: float = 0.0) -> None:
        """Take in what has come of up to `most` answers, after waiting up to `wait` seconds for the first."""
        readable = self._readable
        if readable is None or (not wait and not self._awaited):
            return
        try:
            told = readable.poll(wait, most)
        except (OSError, ValueError):  # closed meanwhile
            return
        for descriptor, _ in told:
            awaited = self._awaited.pop(descriptor, None)
            if awaited is None:
                self._told.add(descriptor)
                awaited = self._awaited.pop(descriptor, None)  # it may have come before that was noted
            if awaited is not None:
                self._advance(*awaited)

    def close(self) -> None:
        """End the thread, and what is still under way. May be called twice."""
        with self._lock:
            self._closed = True
            alone = not self._has_thread
        for descriptor, (pending, _) in list(self._awaited.items()):
            self._end(descriptor, pending)
        if alone and self._readable is not None:
            self._readable.close()

    def _open(self) -> select.epoll:
        with self._lock:
            if self._readable is None:
                self._readable = select.epoll()
            return self._readable

    def _start(self) -> None:
        with self._lock:
            if self._has_thread or self._closed:
                return
            self._has_thread = True
        if not self._run(self._wait):
            self._has_thread = False

    def _wait(self) -> None:
        """The thread: collect, and end what has run out of time, until nothing has been awaited for a while."""
        next_look = busy_at = now = perf_counter()
        while not self._closed:
            try:
                self.collect(_AT_ONCE, _LOOK)
                now = perf_counter()
                if now >= next_look:
                    next_look = now + _LOOK
                    self._end_overdue(now - self._timeout)
            except Exception:
                logger.exception("a thread failed at the answers of a B")
                sleep(_LOOK)
            if self._awaited:
                busy_at = now
            elif now - busy_at > IDLE and self._may_rest():
                return
        if self._readable is not None:
            self._readable.close()

    def _may_rest(self) -> bool:
        """End the thread, unless somebody has begun an exchange and counts on it."""
        with self._lock:
            if self._closed:
                return False
            self._has_thread = False
            if self._awaited:  # whoever comes later sees that there is no thread, and starts one
                self._has_thread = True
            return not self._has_thread

    def _await(self, pending: Pending, exchange: Exchange) -> None:
        descriptor = pending.descriptor
        self._awaited[descriptor] = (pending, exchange)  # first: it may be told of before the next line is through
        self._arm(descriptor, pending)

    def _arm(self, descriptor: int, pending: Pending) -> None:
        """Be told of what is there already, too."""
        try:
            readable = self._readable or self._open()
            if not pending.connection.watched:
                pending.connection.watched = True
                with contextlib.suppress(FileExistsError):  # somebody who was told late of its predecessor was faster
                    readable.register(descriptor, _AWAITED)
                    return
            readable.modify(descriptor, _AWAITED)
        except (OSError, ValueError):  # out of descriptors, or closed: the set, or the connection, being overdue
            self._end(descriptor, pending)
        finally:
            if self._closed:
                self._end(descriptor, pending)

    def _advance(self, pending: Pending, exchange: Exchange) -> None:
        try:
            whole = pending.advance()
        except Exception as error:
            self._ended(exchange, pending, error)
            return
        if whole:
            self._ended(exchange, pending, None)
        else:
            self._await(pending, exchange)

    def _end_overdue(self, since: float) -> None:
        """End what has been under way since before `since`."""
        for descriptor, (pending, _) in list(self._awaited.items()):
            if pending.began < since:
                self._end(descriptor, pending)

    def _end(self, descriptor: int, pending: Pending) -> None:
        """Give an exchange up, unless somebody else has seen to it meanwhile."""
        exchange = self._take(descriptor, pending)
        if exchange is not None:
            pending.give_up()
            self._ended(exchange, pending, UpstreamTimeout("the exchange took longer than it may"))

    def _take(self, descriptor: int, pending: Pending) -> Exchange | None:
        """Whoever takes an exchange out of the dictionary is the one who sees to it; None where somebody else has."""
        awaited = self._awaited.pop(descriptor, None)
        if awaited is None:
            return None
        if awaited[0] is pending:
            return awaited[1]
        self._await(*awaited)  # ours has ended, and its connection carries the next one
        return None
