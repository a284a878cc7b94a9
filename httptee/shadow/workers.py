"""The threads of one B: a bounded executor, and the clones that wait for it.

A worker is one task in the executor that sends clone after clone and ends when none has come for a while. That is many
times cheaper than a task for each clone: where a worker is awake it takes the next one without being submitted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue

from httptee.http import Exchange

IDLE = 1.0
"""Seconds with nothing to do after which a thread ends."""


class Workers:
    """Up to `size` threads, each of which calls `send(exchange)` for one clone at a time; `send` never raises."""

    def __init__(self, size: int, send: Callable[[Exchange], object]) -> None:
        self._size = size
        self._send = send
        self._backlog: SimpleQueue[Exchange | None] = SimpleQueue()
        # Started at the first clone, not here: a thread does not survive the fork of a pre-fork server.
        self._executor: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()  # guards what follows and the executor; held for a few instructions
        self._in_hand = 0  # clones that wait, or that a worker sends
        self._awake = 0
        self.closed = False
        """Whether no worker will come for what waits."""

    @property
    def waiting(self) -> int:
        """Clones that nobody has taken up yet."""
        return self._backlog.qsize()

    def put(self, exchange: Exchange) -> bool:
        """Have a clone sent by the next worker that is free; False where none will come any more."""
        with self._lock:
            if self.closed:
                return False
            self._in_hand += 1
            wake = self._awake < min(self._in_hand, self._size)
            self._awake += wake
            self._backlog.put(exchange)  # here, lest the last worker goes to rest in between
        if wake and not self.run(self._work):
            self.closed = True  # the interpreter is shutting down
        return True

    def take(self) -> Exchange | None:
        """Take away the clone that has waited longest; None where none waits."""
        words = 0  # to workers, that they may end
        try:
            while (exchange := self._backlog.get_nowait()) is None:
                words += 1
        except Empty:
            exchange = None
        for _ in range(words):
            self._backlog.put(None)
        if exchange is not None:
            with self._lock:
                self._in_hand -= 1
        return exchange

    def run(self, task: Callable[[], object]) -> bool:
        """Have the executor do something else beside its clones; False when it is too late for that."""
        with self._lock:
            if self._executor is None and not self.closed:
                self._executor = ThreadPoolExecutor(self._size + 1, thread_name_prefix="shadow")
            executor = self._executor
        if executor is None:
            return False
        try:
            executor.submit(task)
        except RuntimeError as error:  # after `close`, or at the interpreter's end
            # Where a thread cannot be started the task is in the executor's queue all the same.
            return "new thread" in str(error)
        return True

    def close(self) -> None:
        """End every worker once it has sent what it is at. What waits is to be taken away before. May be called
        twice."""
        with self._lock:
            self.closed = True
            executor = self._executor
        for _ in range(self._size):
            self._backlog.put(None)
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)

    def _work(self) -> None:
        """One worker: send clones until none has come for a while, or until told to end."""
        while True:
            try:
                exchange = self._backlog.get(timeout=IDLE)
            except Empty:
                exchange = None
            if exchange is not None:
                self._send(exchange)
                exchange = None  # a body must not stay in memory while this thread waits
                with self._lock:
                    self._in_hand -= 1
            elif self._may_rest():
                return

    def _may_rest(self) -> bool:
        """End this worker, unless a clone has come in since it last looked and no other worker is to see to it."""
        with self._lock:
            if self.closed or self._backlog.empty():
                self._awake -= 1
                return True
            return False
