"""The shadow threads of one B: a bounded executor, and the queue of clones that wait for a thread.

A worker is one task in the executor. It sends one clone after another, and ends when none has come for `IDLE` seconds.
This is many times cheaper than one task for each clone: a worker that is awake takes the next clone without a submit.
A queued clone calls no worker by itself: while the collector has all its connections, it takes the clones.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic

from httptee.http import Exchange
from httptee.shadow.openings import Openings

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
    """Up to `size` threads, and the queue of clones. Each thread calls `send(exchange)` for one clone at a time; `send`
    must not raise. Other threads may take clones from the queue too.

    While `openings` allow no thread more, clones wait for the threads that have them.
    """

    def __init__(
        self,
        size: int,
        send: Callable[[Exchange], object],
        clock: Callable[[], float] = monotonic,
        openings: Openings | None = None,
    ) -> None:
        self._size = size
        self._send = send
        self._openings = openings or Openings()
        self._clock = clock
        self.queue: deque[Exchange] = deque()
        """The clones that wait. To look at, for others."""
        self._calls: SimpleQueue[None] = SimpleQueue()  # one entry wakes one idle worker
        # Created with the first clone, not here: a thread does not survive the fork of a pre-fork server.
        self._executor: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()  # guards what follows and the executor; held for a few instructions
        self._awake = 0  # workers that exist
        self._idle = 0  # those that wait for a call, without those for which there is one
        self._retry_at = 0.0
        self.closed = False
        """True when no worker will take a clone any more."""

    @property
    def waiting(self) -> int:
        """The number of clones in the queue."""
        return len(self.queue)

    @property
    def stalled(self) -> bool:
        """Whether clones wait and no worker takes them. After `call`: no thread could be started."""
        with self._lock:
            return not self._awake and bool(self.queue)

    def put(self, exchange: Exchange) -> bool:
        """Queue a clone; False if no worker will take one any more. Then use `call`, unless another thread takes it.

        If `closed` is true after it, `close` may have come in between: nobody else takes the clone out of the queue.
        """
        if self.closed:
            return False
        self.queue.append(exchange)
        return True

    def call(self) -> None:
        """Let one more worker take clones from the queue: an idle one, or a new one."""
        with self._lock:
            if self._idle:
                self._idle -= 1
                self._calls.put(None)
                return
            if self._awake >= self._size:
                return
            self._awake += 1
        if not self.run(self._work):
            with self._lock:
                self._awake -= 1

    def take(self) -> Exchange | None:
        """Remove and return the clone that has waited longest; None if the queue is empty."""
        try:
            return self.queue.popleft()
        except IndexError:
            return None

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
            no_thread = "new thread" in str(error)
            with self._lock:
                if self._executor is executor and no_thread:
                    # Up to Python 3.11, it would count a thread that runs the queued task as idle once too often.
                    self._executor = None
                elif self._executor is executor:
                    self.closed = True  # after `close`, or at the interpreter's end
            if not no_thread:
                return False
            executor.shutdown(wait=False)  # its threads end with the tasks that they have
            # The task is in the executor's queue: a thread that ends another task may have begun it.
            if not revocable.revoke():
                return True
            self._retry_at = self._clock() + RETRY
            return False
        return True

    def close(self) -> None:
        """End each worker after the clone that it sends; the queue must have been emptied. May be called twice."""
        with self._lock:
            self.closed = True
            executor = self._executor
            for _ in range(self._idle):
                self._calls.put(None)
            self._idle = 0
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)

    def _work(self) -> None:
        """One worker: send clones until none has come for `IDLE` seconds, or until `close`."""
        while True:
            while self._openings.enter() and (exchange := self.take()) is not None:
                self._send(exchange)
                exchange = None  # a body must not stay in memory while this thread waits
            self._openings.leave()
            if not self._wait():
                return

    def _wait(self) -> bool:
        """Wait for a call. False: the worker ends, and is not counted any more."""
        with self._lock:
            if self.closed or (self.queue and self._openings.allowed):
                self._awake -= self.closed
                return not self.closed
            self._idle += 1
        with suppress(Empty):
            self._calls.get(timeout=IDLE)
            return True
        with self._lock:
            try:
                self._calls.get_nowait()  # it came just now
            except Empty:
                self._idle -= 1
                if not self.queue:
                    self._awake -= 1
                    return False
        return True
