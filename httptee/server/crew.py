"""The serving threads. All wait in one epoll set (leaders and followers); a busy process lets only a few of them serve.

epoll returns a ready connection to one waiting thread, the one that went to sleep last. A thread that waits for A costs
nothing. But many ready threads take the GIL at every blocking call, from one another and above all from the shadow
threads: with all 64 threads active and a fast A, B falls behind. So while the process is short of processor time
(`hurried`), at most `_QUICK` threads serve at a time. Threads busy with one request for longer than `_SLOW` do not
count: they wait for A or for a client. A process that only waits, for a slow A, gets all threads within milliseconds.
"""

from __future__ import annotations

import logging
import os
import select
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from httptee.server.stalled import Stalled

logger = logging.getLogger(__name__)

_QUICK = 8
_STEP = 2  # threads added at one check; a larger step adds too many before the effect shows
_SLOW = 0.005  # seconds
_START_AGAIN = 0.5  # seconds until the start of a thread is tried again, after one that failed

MOST_HELD = 1000
"""Threads that may be added in place of those that wait for a slow client."""


class Crew:
    """Up to `size` threads. Each calls `serve(descriptor, events)` for one ready connection at a time.

    `size` bounds the requests to A in flight. A thread that waits for a client to read its answer does not count, so
    slow readers do not block other clients: up to `MOST_HELD` more threads replace such threads.

    When all threads are busy, none reads the epoll set. The main thread then reads the ready connections, and queues
    those that need a thread in `waiting`. Each thread serves that queue after a connection; an eventfd in the epoll set
    (`ring`) wakes sleeping threads for it.

    A serving thread calls `call` when no thread is left for the next connection and `reinforce` is not being repeated
    already. Then `reinforce` must be called every few milliseconds while it returns True.
    """

    def __init__(self, size: int, serve: Callable[[int, int], None], call: Callable[[], None]) -> None:
        self.ready = select.epoll()
        self.waiting: deque[Callable[[], None]] = deque()
        self.hurried: Callable[[], bool] = lambda: False
        """Returns whether the process is short of processor time. The builder of the server replaces it."""
        self.overwhelmed = False
        """Whether the maximum of threads exists, and each is busy with one request for longer than `_SLOW`."""
        self._size = size
        self._busy: dict[int, float] = {}  # thread: when it took its connection; without those that are held
        self._held = 0  # threads that wait for a client to read its answer
        self._serve = serve
        self._call = call
        self._called = False
        self._threads: list[threading.Thread] = []
        self._start_at = 0.0  # no thread is started before
        self._allowed = min(size, _QUICK)
        self._awake = 0
        self._lock = threading.Lock()  # guards the counts of threads; not taken for an ordinary request
        self._parked = threading.Condition(self._lock)
        self._stopping = False
        self.stop_reader, self._stop_writer = os.pipe()
        """A descriptor that is readable once the threads must end."""
        self.stalled = Stalled(self.ready, self.stop_reader, lambda thread: thread in self._busy, self._one_less)
        """What the threads that are held wait for."""
        self.ready.register(self.stop_reader, select.EPOLLIN)
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.ready.register(self._bell, select.EPOLLIN | select.EPOLLET)

    def __repr__(self) -> str:
        return f"<Crew [busy {len(self._busy)}, held {self._held}, awake {self._awake}/{self._size}]>"

    def start(self) -> None:
        """Start the threads that are allowed at first. More start when they are needed.

        If the process may start fewer threads, those that started serve, and the start of others is tried again.
        """
        self._call_up()

    @property
    def started(self) -> int:
        """The number of threads that have been started."""
        return len(self._threads)

    def reinforce(self) -> bool:
        """Adjust the number of threads that may serve to the number of slow ones. Returns whether to repeat it soon."""
        self._called = False  # set before the check: a thread that finds none free after it calls again
        now, held = monotonic(), self._held
        busy = list(self._busy.copy().values())  # a copy: other threads write to it
        slow = held + sum(now - since > _SLOW for since in busy)
        size = self._size + min(held, MOST_HELD)
        wanted = min(size, _QUICK + slow) if self.hurried() else size
        self._allowed = min(wanted, max(self._allowed, held + _QUICK) + _STEP)
        if self._awake < self._allowed:
            self._call_up()
        self.overwhelmed = slow >= (size if now >= self._start_at else self._awake)
        if self.waiting and self._anybody_idle:
            self.ring()
        self._called = bool(self.waiting) or len(busy) >= min(_QUICK, self._size, self._awake)
        return self._called

    @property
    def patience(self) -> int:
        """The number of threads that may wait for A's answer to a client that has closed its sending side."""
        # A thread that was woken for what waits has not taken it yet.
        return 0 if self.waiting and not self._anybody_idle else max(1, self._size // 4)

    @property
    def queueing(self) -> bool:
        """Whether requests wait for a thread."""
        return self.overwhelmed or bool(self.waiting)

    @property
    def _anybody_idle(self) -> bool:
        """Whether a thread is free for the next connection."""
        return len(self._busy) + self._held < self._awake

    def ring(self) -> None:
        """Wake a sleeping thread to serve the queue `waiting`."""
        os.eventfd_write(self._bell, 1)

    def withdraw(self, work: Callable[[], None]) -> bool:
        """Remove an entry from the queue `waiting`. False if a thread has taken it just now."""
        try:
            self.waiting.remove(work)
        except ValueError:
            return False
        return True

    @contextmanager
    def held(self) -> Iterator[None]:
        """Context manager around a serving thread's wait for a client that reads its answer slowly."""
        me = threading.get_ident()
        with self._lock:
            since = self._busy.pop(me)
            self._held += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy[me] = since
                self._held -= 1

    def stop(self, timeout: float) -> bool:
        """End every thread after its current request. Returns whether all have ended within `timeout` seconds."""
        deadline = monotonic() + timeout
        with self._parked:
            self._stopping = True
            self._parked.notify_all()
        os.write(self._stop_writer, b".")
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def join(self) -> None:
        """Wait for the end of every thread, after `stop`."""
        for thread in self._threads:
            thread.join()

    def close(self) -> None:
        """Close the descriptors. Only after all threads have ended."""
        self.stalled.close()
        self.ready.close()
        os.close(self._bell)
        os.close(self.stop_reader)
        os.close(self._stop_writer)

    def _call_up(self) -> None:
        with self._parked:
            needed = self._allowed - self._awake
            from_park = min(needed, len(self._threads) - self._awake)
            self._parked.notify(from_park)
            self._awake += from_park
            failed = self._start_threads(needed - from_park)
        if failed:
            logger.warning("the process may start no more threads: fewer serve for now")

    def _start_threads(self, count: int) -> bool:
        """Start threads; return whether one could not be started. It does not count, and is tried again later."""
        if count > 0 and monotonic() < self._start_at:
            return False
        for _ in range(count):
            thread = threading.Thread(target=self._run, name=f"crew-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            self._awake += 1
            try:
                thread.start()
            except (RuntimeError, MemoryError):
                self._threads.pop()
                self._awake -= 1
                self._start_at = monotonic() + _START_AGAIN
                return True
        return False

    def _run(self) -> None:
        """The loop of one thread."""
        wait, busy, serve, waiting = self.ready.poll, self._busy, self._serve, self.waiting
        me = threading.get_ident()
        while True:
            for descriptor, events in wait(-1, 1):
                if descriptor == self.stop_reader:
                    return
                busy[me] = monotonic()
                if not self._called and not self._anybody_idle:
                    self._called = True
                    self._call()
                try:
                    serve(descriptor, events)
                except Exception:
                    logger.exception("a serving thread failed on a connection")
                while waiting:
                    self._serve_waiting()
                del busy[me]
            if self._awake > self._allowed and not self._park():
                return

    def _one_less(self) -> None:
        """A thread that was held is about to be free: it sleeps after that, for another one has taken its place."""
        self._allowed = max(min(self._size, _QUICK), self._allowed - 1)

    def _serve_waiting(self) -> None:
        """Serve what has waited longest in the queue, and wake another thread for the next."""
        try:
            work = self.waiting.popleft()
        except IndexError:  # another thread took it first
            return
        if self.waiting:
            self.ring()
        self._busy[threading.get_ident()] = monotonic()
        try:
            work()
        except Exception:
            logger.exception("a serving thread failed on a connection")

    def _park(self) -> bool:
        """Sleep until needed again. Returns False if the thread must end."""
        with self._parked:
            if self._awake > self._allowed and not self._stopping:
                self._awake -= 1  # `_call_up` counts it again
                self._parked.wait()
            return not self._stopping
