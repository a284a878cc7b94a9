"""The threads whose client takes nothing of its answer for a while.

Each of them waits for its own client. When many clients leave at once, all these threads would wake up at once and take
the GIL from those that serve. So a thread waits by itself for `SOON` only, which is enough for a client that is just
slow. After that one other thread watches its connection and lets it go on; those of clients that have gone, one after
another. Meanwhile the crew does not watch the connection: the threads that serve would be woken by each client that
leaves.
"""

from __future__ import annotations

import contextlib
import select
import threading
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic

SOON = 0.05
"""Seconds that a thread waits for its client by itself."""
_GONE = select.EPOLLHUP | select.EPOLLERR
_AT_ONCE = 64  # connections
_LOOK = 0.0005  # seconds between two looks whether a thread has ended the exchange of a client that has gone
_LONGEST = 0.01  # seconds until the next one is let go on in any case


class Stalled:
    """Waits for clients in the place of the threads that serve them.

    `ready` is the epoll set of the crew, `stop` a descriptor that is readable once all threads must end. `at_work` says
    whether a thread is at work on a request. `left` is called in the thread of a client that has gone.
    """

    def __init__(
        self, ready: select.epoll, stop: int, at_work: Callable[[int], bool], left: Callable[[], object]
    ) -> None:
        self._ready = ready
        self._stop = stop
        self._at_work = at_work
        self._left = left
        self._lock = threading.Lock()  # guards the next four
        self._watched: select.epoll | None = None
        self._thread: threading.Thread | None = None
        self._waiting: dict[int, _Wait] = {}
        self._stopped = False

    def __len__(self) -> int:
        """The number of threads that wait for longer than `SOON`."""
        return len(self._waiting)

    def wait(self, descriptor: int, armed: int, timeout: float) -> bool | None:
        """Wait until a client takes more: True. False after `timeout` seconds or if the threads must end, None if the
        client has gone. `armed` are the events of its connection in the set of the crew.
        """
        writable = select.poll()
        writable.register(descriptor, select.POLLOUT)
        writable.register(self._stop, select.POLLIN)
        if found := writable.poll(min(timeout, SOON) * 1000):
            return found[-1][0] != self._stop
        if timeout <= SOON:
            return False
        mine = _Wait()
        self._ready.unregister(descriptor)
        going_on = not self._watch(descriptor, mine) or mine.gate.acquire(timeout=timeout - SOON)
        self._forget(descriptor)
        gone = mine.gone and any(events & _GONE for _, events in writable.poll(0))
        if not gone:
            try:
                self._ready.register(descriptor, armed)
            except OSError:  # the kernel watches no more connections: the answer cannot go on
                gone = True
        if gone:
            self._left()
        mine.back = True
        return None if gone else going_on

    def close(self) -> None:
        """Close the set. Only after all threads have ended."""
        with self._lock:
            self._stopped = True
            watched, self._watched = self._watched, None
        if self._thread is not None:
            self._thread.join()
        if watched is not None:
            watched.close()

    def _watch(self, descriptor: int, mine: _Wait) -> bool:
        """Whether the connection is watched: not if the threads must end, and not without a descriptor or a thread."""
        with self._lock:
            if self._stopped:
                return False
            try:
                self._watched = self._watched or self._begin()
                self._watched.register(descriptor, select.EPOLLOUT | select.EPOLLONESHOT)
            except (OSError, RuntimeError, MemoryError):
                return False
            self._waiting[descriptor] = mine
            return True

    def _forget(self, descriptor: int) -> None:
        with self._lock:
            self._waiting.pop(descriptor, None)
            if self._watched is not None:
                with contextlib.suppress(OSError, ValueError):  # it was not watched, or the set is closed
                    self._watched.unregister(descriptor)

    def _begin(self) -> select.epoll:
        """Start the thread that watches; return its set."""
        watched = select.epoll()
        try:
            watched.register(self._stop, select.EPOLLIN)
            self._thread = threading.Thread(target=self._run, args=(watched,), name="stalled", daemon=True)
            self._thread.start()
        except (OSError, RuntimeError, MemoryError):
            watched.close()
            self._thread = None
            raise
        return watched

    def _run(self, watched: select.epoll) -> None:
        """The thread that watches, until the threads must end."""
        gone: deque[_Wait] = deque()
        leaving: _Wait | None = None
        while True:
            for descriptor, events in watched.poll(_LOOK if gone or leaving else -1, _AT_ONCE):
                if descriptor == self._stop:
                    self._let_all_go(gone)
                    return
                with self._lock:
                    wait = self._waiting.pop(descriptor, None)
                if wait is not None and events & _GONE:
                    wait.gone = True
                    gone.append(wait)
                elif wait is not None:
                    wait.gate.release()
            if leaving is None or self._has_ended(leaving):
                leaving = gone.popleft() if gone else None
                if leaving is not None:
                    leaving.until = monotonic() + _LONGEST
                    leaving.gate.release()

    def _has_ended(self, leaving: _Wait) -> bool:
        """Whether a thread has ended the exchange of a client that has gone, or had enough time for it."""
        return (leaving.back and not self._at_work(leaving.thread)) or monotonic() > leaving.until

    def _let_all_go(self, gone: Iterable[_Wait]) -> None:
        with self._lock:
            self._stopped = True
            waiting, self._waiting = self._waiting, {}
        for wait in (*waiting.values(), *gone):
            wait.gate.release()


class _Wait:
    """One thread that waits. It goes on when `gate` is released, and is `back` then. `until`: how long others wait for
    it to end the exchange of a client that has gone."""

    __slots__ = ("back", "gate", "gone", "thread", "until")

    def __init__(self) -> None:
        self.gate = threading.Lock()
        self.gate.acquire()
        self.gone = self.back = False
        self.until = 0.0
        self.thread = threading.get_ident()
