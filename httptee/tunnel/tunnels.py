"""The tunnels of one process, in one thread with an epoll set: idle ones cost two descriptors and no thread.

The thread is none of those that serve requests, and starts with the first upgrade. Other threads only reserve places,
and hand tunnels over in a queue. A place is taken before A is asked, so no connection to A is upgraded for nothing.
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from math import inf
from time import monotonic

from httptee.errors import TooManyUpgrades
from httptee.ledger import COUNTING, Faults, WorkerAccount
from httptee.tunnel.tunnel import Tunnel

_TICK = 1.0  # seconds between two checks for idle tunnels, and two counts of their bytes
_MOST_EVENTS = 64
# Each change is reported once. A tunnel takes its step until both connections have no more, or take no more.
_EDGES = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
_BROKEN = "the thread of the tunnels failed"


class Tunnels:
    """At most `limit` upgraded connections. One that carries nothing for `idle_timeout` seconds is reset.

    `present` is the number of places that all processes have taken, this one included: the limit is that of the tee.
    Two processes that look at the same moment may exceed it by one.
    """

    def __init__(
        self,
        account: WorkerAccount,
        limit: int,
        idle_timeout: float,
        present: Callable[[], int],
        faults: Faults | None = None,
    ) -> None:
        self._account = account
        self._limit = limit
        self._idle_timeout = idle_timeout
        self._present = present
        self._faults = faults or Faults()
        self._lock = threading.Lock()  # guards the places and the start of the thread
        self._taken = 0
        self._thread: threading.Thread | None = None
        self._new: deque[Tunnel] = deque()
        self._tunnels: dict[int, Tunnel] = {}
        self._counted: dict[Tunnel, tuple[int, int]] = {}  # every open tunnel, with its bytes that the ledger has
        self._ends_at = inf
        self._closing = self._over = False

    def __len__(self) -> int:
        return self._taken

    def __repr__(self) -> str:
        return f"<Tunnels [{self._taken}/{self._limit}]>"

    def reserve(self) -> None:
        """Take a place. Raises TooManyUpgrades if none is left, or if the thread cannot be started."""
        with self._lock:
            if self._closing or max(self._taken, self._present()) >= self._limit:
                raise TooManyUpgrades(f"{self._limit} connections are upgraded")
            if self._thread is None:
                self._start()
            self._taken += 1
            self._account.publish(tunnels=self._taken)

    def release(self) -> None:
        """Give a place back."""
        with self._lock:
            self._taken -= 1
            self._account.publish(tunnels=self._taken)

    def open(self, tunnel: Tunnel) -> None:
        """Carry a tunnel from now on. For any thread that has a place; `release` it when the tunnel has ended."""
        self._new.append(tunnel)
        with self._lock:
            if not self._over:
                os.eventfd_write(self._bell, 1)
                return
        self._cut_new()

    def close(self, timeout: float) -> None:
        """Let the tunnels go on for `timeout` seconds, then reset those that are left. May be called twice."""
        with self._lock:
            self._closing = True
            thread, self._thread = self._thread, None
            if thread is None:
                return
            self._ends_at = monotonic() + max(0.0, timeout)
            os.eventfd_write(self._bell, 1)
        thread.join()

    def _start(self) -> None:
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._ready = select.epoll()
        self._ready.register(self._bell, select.EPOLLIN)
        thread = threading.Thread(target=self._run, name="tunnels", daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError):
            self._ready.close()
            os.close(self._bell)
            raise TooManyUpgrades("the process may start no more threads") from None
        self._thread = thread

    def _run(self) -> None:
        """The thread: carry the tunnels until `close`, and until they have ended or its time is over."""
        again: set[Tunnel] = set()
        next_tick = 0.0
        while True:
            now = monotonic()
            if now >= self._ends_at or (self._closing and not self._counted and not self._new):
                break
            if now >= next_tick:
                next_tick = now + _TICK
                self._tick(now)
            try:
                again = self._turn(again, 0.0 if again else self._wait(next_tick, now))
            except Exception:
                self._faults.report(_BROKEN)
        for tunnel in list(self._counted):
            self._cut(tunnel, "closing")
        with self._lock:
            self._over = True
            self._ready.close()
            os.close(self._bell)
        self._cut_new()

    def _wait(self, next_tick: float, now: float) -> float:
        """Seconds to wait for events; without tunnels there is nothing to check for."""
        until = min(next_tick if self._counted else inf, self._ends_at)
        return -1 if until == inf else max(0.0, until - now)

    def _turn(self, again: set[Tunnel], wait: float) -> set[Tunnel]:
        """Wait for events, and let each tunnel that has some take a step. Returns those that are to take another."""
        due = dict.fromkeys(again)
        for descriptor, events in self._ready.poll(wait, _MOST_EVENTS):
            if descriptor == self._bell:
                os.eventfd_read(self._bell)
                continue
            tunnel = self._tunnels.get(descriptor)
            if tunnel is None:
                continue
            if events & select.EPOLLERR:
                self._cut(tunnel, "reset")
            else:
                due[tunnel] = None
        while self._new:
            tunnel = self._new.popleft()
            self._take(tunnel)
            due[tunnel] = None
        now = monotonic()
        return {tunnel for tunnel in due if tunnel.is_open and self._step(tunnel, now)}

    def _take(self, tunnel: Tunnel) -> None:
        """Have the kernel report both connections. The first step finds what has arrived before."""
        self._counted[tunnel] = (0, 0)
        tunnel.before_end = partial(self._count, tunnel)  # so that a reader who sees the end sees all bytes
        for end in tunnel.ends:
            self._tunnels[end.descriptor] = tunnel
            self._ready.register(end.descriptor, _EDGES)

    def _step(self, tunnel: Tunnel, now: float) -> bool:
        more = tunnel.step(now)
        if not tunnel.is_open:
            self._forget(tunnel)
        return more

    def _cut(self, tunnel: Tunnel, why: str) -> None:
        tunnel.cut(why)
        self._forget(tunnel)

    def _forget(self, tunnel: Tunnel) -> None:
        """Forget a tunnel that has ended: the close of its descriptors has taken them out of the epoll set."""
        for end in tunnel.ends:
            if self._tunnels.get(end.descriptor) is tunnel:
                del self._tunnels[end.descriptor]
        self._counted.pop(tunnel, None)

    def _tick(self, now: float) -> None:
        """Count the bytes since the last time, and reset the tunnels that are idle for too long."""
        for tunnel in list(self._counted):
            if now - tunnel.active_at > self._idle_timeout:
                self._cut(tunnel, "idle")
            else:
                self._count(tunnel)

    def _count(self, tunnel: Tunnel) -> None:
        received, sent = self._counted.get(tunnel, (0, 0))
        if (tunnel.received, tunnel.sent) != (received, sent):
            self._counted[tunnel] = (tunnel.received, tunnel.sent)
            self._faults.watch(COUNTING, self._account.carried, tunnel.received - received, tunnel.sent - sent)

    def _cut_new(self) -> None:
        while self._new:
            self._new.popleft().cut("closing")
