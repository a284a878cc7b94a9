"""The threads that serve: leaders and followers in one epoll set, as few at a time as keep the core busy.

The kernel hands a connection that has become ready to one waiting thread, the one that went to sleep last. A thread
costs nothing while it waits for A, but many that are ready at once take the GIL from one another at every call that
blocks, and from the shadows' workers most of all: with all 64 threads let loose on a quick A, B falls behind. So while
the process is short of processor time, which `hurried` tells, at most `_QUICK` of them serve at a time, not counting
those that have been at one request for longer than `_SLOW`: those wait for A, or for a client. A process that only
waits, because A takes its time, gets all threads there are, within milliseconds.

When even those are all held up, what becomes ready would lie in the epoll set unseen. The main thread then takes it,
reads it, and has what needs a thread stand in `waiting`, which a thread looks at whenever it has done something. A
bell in the epoll set wakes those that are asleep there.

A thread that waits for a client to take its answer does not count: `size` bounds the requests to A in flight, and slow
readers must not stand in the way of others. Up to `_MOST_HELD` more threads make up for those.
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

logger = logging.getLogger(__name__)

_QUICK = 8
_STEP = 2  # threads by which the crew grows at a look; many more at once would be too many before that shows
_SLOW = 0.005  # seconds
_MOST_HELD = 1000


class Crew:
    """Up to `size` threads, each of which calls `serve(descriptor, events)` for one ready connection at a time.

    `call` is called from a thread of the crew when nobody is left to take the next connection and nobody has been
    looking: whoever is called should `reinforce` every few milliseconds for as long as it says so.
    """

    def __init__(self, size: int, serve: Callable[[int, int], None], call: Callable[[], None]) -> None:
        self.ready = select.epoll()
        self.waiting: deque[Callable[[], None]] = deque()
        self.hurried: Callable[[], bool] = lambda: False
        """Says whether the process is short of processor time. The builder of the server replaces it."""
        self.overwhelmed = False
        """Whether all threads there may be have been at one request each for a while."""
        self._size = size
        self._busy: dict[int, float] = {}  # when each thread that serves took its connection; not those that are held
        self._held = 0  # threads that wait for a client to take its answer
        self._serve = serve
        self._call = call
        self._called = False
        self._threads: list[threading.Thread] = []
        self._allowed = min(size, _QUICK)
        self._awake = 0
        self._lock = threading.Lock()  # guards the counts of threads; taken when one starts, parks or ends
        self._parked = threading.Condition(self._lock)
        self._stopping = False
        self._stop_reader, self._stop_writer = os.pipe()
        self.ready.register(self._stop_reader, select.EPOLLIN)
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.ready.register(self._bell, select.EPOLLIN | select.EPOLLET)

    def __repr__(self) -> str:
        return f"<Crew [busy {len(self._busy)}, held {self._held}, awake {self._awake}/{self._size}]>"

    def start(self) -> None:
        """Start the threads that are allowed from the beginning; more come when they are needed."""
        self._call_up()

    def reinforce(self) -> bool:
        """Let as many threads serve as the slow ones among them leave room for; whether to come back soon."""
        self._called = False  # before the look: who comes after it calls again
        now, held = monotonic(), self._held
        busy = list(self._busy.copy().values())  # a copy, since others write to it
        slow = held + sum(now - since > _SLOW for since in busy)
        size = self._size + min(held, _MOST_HELD)
        wanted = min(size, _QUICK + slow) if self.hurried() else size
        self._allowed = min(wanted, max(self._allowed, held + _QUICK) + _STEP)
        if self._awake < self._allowed:
            self._call_up()
        self.overwhelmed = slow >= size
        if self.waiting and self._anybody_idle:
            self.ring()
        self._called = bool(self.waiting) or len(busy) >= min(_QUICK, self._size)
        return self._called

    @property
    def queueing(self) -> bool:
        """Whether requests wait for a thread."""
        return self.overwhelmed or bool(self.waiting)

    @property
    def _anybody_idle(self) -> bool:
        """Whether a thread is left to take the next connection."""
        return len(self._busy) + self._held < self._awake

    def ring(self) -> None:
        """Wake a sleeping thread to look at what is `waiting`."""
        os.eventfd_write(self._bell, 1)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Around the wait of a thread of the crew for a client that is slow to take its answer."""
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
        """End all threads that are not in the middle of a request; whether all have ended within `timeout` seconds."""
        deadline = monotonic() + timeout
        with self._parked:
            self._stopping = True
            self._parked.notify_all()
        os.write(self._stop_writer, b".")
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        """Close the descriptors; only after all threads have ended."""
        self.ready.close()
        os.close(self._bell)
        os.close(self._stop_reader)
        os.close(self._stop_writer)

    def _call_up(self) -> None:
        with self._parked:
            needed = self._allowed - self._awake
            from_park = min(needed, len(self._threads) - self._awake)
            self._parked.notify(from_park)
            self._awake += needed
            for _ in range(needed - from_park):
                thread = threading.Thread(target=self._run, name=f"crew-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _run(self) -> None:
        """One thread's life."""
        wait, busy, serve, waiting = self.ready.poll, self._busy, self._serve, self.waiting
        me = threading.get_ident()
        while True:
            for descriptor, events in wait(-1, 1):
                if descriptor == self._stop_reader:
                    return
                busy[me] = monotonic()
                if not self._called and not self._anybody_idle:
                    self._called = True
                    self._call()
                try:
                    serve(descriptor, events)
                except Exception:
                    logger.exception("a thread of the crew failed at a connection")
                while waiting:
                    self._serve_waiting()
                del busy[me]
            if self._awake > self._allowed and not self._park():
                return

    def _serve_waiting(self) -> None:
        """Do what has waited longest for a thread, and let another one see to the next."""
        try:
            work = self.waiting.popleft()
        except IndexError:  # another thread has been faster
            return
        if self.waiting:
            self.ring()
        self._busy[threading.get_ident()] = monotonic()
        try:
            work()
        except Exception:
            logger.exception("a thread of the crew failed at a connection")

    def _park(self) -> bool:
        """Sleep until needed again; False when it is time to end."""
        with self._parked:
            if self._awake > self._allowed and not self._stopping:
                self._awake -= 1  # whoever calls it up counts it again
                self._parked.wait()
            return not self._stopping
