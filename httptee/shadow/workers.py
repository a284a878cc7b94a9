"""The shadow threads of one B: a bounded executor, and the queue of clones that wait for a thread.

A worker is one task in the executor. It sends one clone after another, and ends when none has come for `IDLE` seconds.
This is many times cheaper than one task for each clone: a worker that is awake takes the next clone without a submit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from time import monotonic

from httptee.http import Exchange

IDLE = 1.0
"""Seconds without work after which a thread ends."""
RETRY = 1.0
"""Seconds after which to try again, if no thread could be started: an attempt costs A's thread more than a clone."""


class _Task:
    """A task that can be revoked until a thread has begun it: `submit` may queue it and then find no thread for it."""

    __slots__ = ("_waiting",)

    def __init__(self, task: Callable[[], object]) -> None:
        self._waiting = [task]

    def __call__(self) -> None:
        try:
            task = self._waiting.pop()
        except IndexError:
            return
        task()

    def revoke(self) -> bool:
        """Whether the task has not begun; it never will."""
        try:
            self._waiting.pop()
        except IndexError:
            return False
        return True


class Workers:
    """Up to `size` threads. Each one calls `send(exchange)` for one clone at a time; `send` must not raise."""

    def __init__(self, size: int, send: Callable[[Exchange], object], clock: Callable[[], float] = monotonic) -> None:
        self._size = size
        self._send = send
        self._clock = clock
        self._queue: SimpleQueue[Exchange | None] = SimpleQueue()
        # Created with the first clone, not here: a thread does not survive the fork of a pre-fork server.
        self._executor: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()  # guards what follows and the executor; held for a few instructions
        self._in_flight = 0  # clones that wait, and those that a worker sends
        self._awake = 0
        self._retry_at = 0.0
        self.closed = False
        """True when no worker will take a clone any more."""
        self._ended = False  # by `close`: only end marks are in the queue

    @property
    def waiting(self) -> int:
        """The number of clones in the queue."""
        return 0 if self._ended else self._queue.qsize()

    @property
    def stalled(self) -> bool:
        """Whether clones wait and no worker takes them, because no thread could be started."""
        with self._lock:
            return not self._awake and not self._queue.empty()

    def put(self, exchange: Exchange) -> bool:
        """Queue a clone for the next free worker; False if there will be none."""
        with self._lock:
            if self.closed:
                return False
            self._in_flight += 1
            wake = self._awake < min(self._in_flight, self._size)
            self._awake += wake
            self._queue.put(exchange)  # under the lock, so that the last worker cannot end in between
        if wake and not self.run(self._work):
            with self._lock:
                self._awake -= 1
        return True

    def take(self) -> Exchange | None:
        """Remove and return the clone that has waited longest; None if the queue is empty."""
        end_marks = 0  # end marks for workers: they go back into the queue
        try:
            while (exchange := self._queue.get_nowait()) is None:
                end_marks += 1
        except Empty:
            exchange = None
        for _ in range(end_marks):
            self._queue.put(None)
        if exchange is not None:
            with self._lock:
                self._in_flight -= 1
        return exchange

    def run(self, task: Callable[[], object]) -> bool:
        """Run another task in the executor, beside the clones; False if it is closed or no thread can be started."""
        with self._lock:
            if self.closed or self._clock() < self._retry_at:
                return False
            if self._executor is None:
                self._executor = ThreadPoolExecutor(self._size + 1, thread_name_prefix="shadow")
            executor = self._executor
        revocable = _Task(task)
        try:
            executor.submit(revocable)
        except RuntimeError as error:
            if "new thread" not in str(error):
                self.closed = True  # after `close`, or at the interpreter's end
                return False
            # The task is in the executor's queue: a thread that ends another task may have begun it.
            if not revocable.revoke():
                return True
            self._retry_at = self._clock() + RETRY
            return False
        return True

    def close(self) -> None:
        """End each worker after the clone that it sends; the queue must have been emptied. May be called twice."""
        with self._lock:
            self.closed = self._ended = True
            executor = self._executor
        for _ in range(self._size):
            self._queue.put(None)
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)

    def _work(self) -> None:
        """One worker: send clones until none has come for `IDLE` seconds, or until an end mark comes."""
        while True:
            try:
                exchange = self._queue.get(timeout=IDLE)
            except Empty:
                exchange = None
            if exchange is not None:
                self._send(exchange)
                exchange = None  # a body must not stay in memory while this thread waits
                with self._lock:
                    self._in_flight -= 1
            elif self._may_end():
                return

    def _may_end(self) -> bool:
        """Whether this worker may end: not if a clone has come since it last looked at the queue."""
        with self._lock:
            if self.closed or self._queue.empty():
                self._awake -= 1
                return True
            return False
