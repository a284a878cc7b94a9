"""Opens connections in threads, so that a name, a slow handshake or a server that does not answer holds up nothing."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

from httptee.errors import upstream_error
from httptee.transport import Upstream

T = TypeVar("T")
_THREADS = 8


class Opener(Generic[T]):
    """Opens connections to one upstream within `timeout` seconds each. `wake` is readable when one is ready.

    `open` and `ready` are for one thread.
    """

    def __init__(self, upstream: Upstream, timeout: float, threads: int = _THREADS) -> None:
        self._open = upstream.connect
        self._timeout = timeout
        self._wanted: SimpleQueue[T | None] = SimpleQueue()
        self._ready: deque[tuple[T, object]] = deque()
        self._most = threads
        self._threads = 0
        self.opening = 0
        self.wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def open(self, owner: T) -> None:
        """Open a connection for this owner."""
        self.opening += 1
        self._wanted.put(owner)
        if self._threads < min(self._most, self.opening):
            self._threads += 1
            threading.Thread(target=self._run, name="opener", daemon=True).start()

    def ready(self, take: Callable[[T, object], object]) -> None:
        """Call `take` with each owner and its connection, or the `UpstreamError` instead."""
        try:
            os.eventfd_read(self.wake)
        except BlockingIOError:
            return
        while self._ready:
            owner, opened = self._ready.popleft()
            self.opening -= 1
            take(owner, opened)

    def close(self) -> None:
        """End the threads."""
        for _ in range(self._threads):
            self._wanted.put(None)

    def _run(self) -> None:
        while (owner := self._wanted.get()) is not None:
            opened: object
            try:
                opened = self._open(self._timeout)
            except Exception as error:
                opened = upstream_error(error)
            self._ready.append((owner, opened))
            os.eventfd_write(self.wake, 1)
