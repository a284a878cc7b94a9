"""Runs the exchange of rates: in a process beside the worker processes, or in a thread of the only process."""

from __future__ import annotations

import contextlib
import gc
import logging
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial
from time import sleep
from typing import Protocol

from httptee.journal.engines import parse_address
from httptee.ledger import Ledger
from httptee.processes.rates.meeting import Meeting
from httptee.processes.rates.sharing import Sharing
from httptee.settings import Settings, shadow_settings

logger = logging.getLogger(__name__)

_SECOND = 1.0  # from one exchange to the next
_LOOK = 0.1  # seconds until the end is noticed
_LAST_WORDS = 2.0  # seconds after SIGTERM, until it is killed


Body = Callable[[Callable[[], bool]], object]


class Child(Protocol):
    """A child process that is started again when it ends by itself, see `processes.kept`."""

    def keep(self, body: Body | None) -> float:
        """Reap, kill or start it; without a body, start none. Call it again within the returned seconds."""

    def end(self, seconds: float) -> None:
        """Have it end within this time."""

    def stop(self, seconds: float) -> None:
        """End it, and wait for that."""


class RatesProcess:
    """Shares the rates of one tee with other tees. Without `-b.rates`, and where no B has a rate, there is nothing to
    do. The child process closes the sockets in `inherited`. In one process it runs in a thread instead: call
    `start_thread`, and not `keep`."""

    def __init__(self, child: Child, inherited: Sequence[socket.socket] = ()) -> None:
        self._child = child
        self._inherited = inherited
        self._share: Body | None = None
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()

    def renew(self, settings: Settings, ledger: Ledger) -> None:
        """Share by these settings. Call it before the worker processes of this ledger are forked."""
        rates = _rates(settings) if settings.b_rates else {}
        for place, orders in enumerate(ledger.orders):
            if place not in rates:
                orders.rate_part = None
        self._share = partial(_share, settings.b_rates, rates, ledger) if rates else None
        self._end()

    def start_thread(self) -> None:
        """Share in a thread of this process. Called again about once a second, in case it could not be started."""
        if self._share is None or (self._thread is not None and self._thread.is_alive()):
            return
        ending = threading.Event()
        thread = threading.Thread(target=self._share, args=(lambda: not ending.is_set(),), name="rates", daemon=True)
        with contextlib.suppress(RuntimeError, MemoryError):
            thread.start()
            self._thread, self._ending = thread, ending

    def keep(self) -> float:
        """Start, replace or kill the child process as needed. Call it again within the returned seconds."""
        return self._child.keep(self._run if self._share else None)

    def stop(self) -> None:
        """Leave the other tees. May be called twice."""
        self._share = None
        self._end()
        if self._thread is not None:
            self._thread.join(_LAST_WORDS)
        self._child.stop(_LAST_WORDS)

    def _end(self) -> None:
        self._ending.set()
        self._thread = None if self._share is not None else self._thread
        self._child.end(_LAST_WORDS)

    def _run(self, wanted: Callable[[], bool]) -> None:
        """The body of the child process."""
        for inherited in self._inherited:
            inherited.close()
        ending: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _: ending.append(number))
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        gc.freeze()
        assert self._share is not None
        self._share(lambda: not ending and wanted())


def _rates(settings: Settings) -> dict[int, float]:
    """The rate of each B that has one, in requests a second, by its place."""
    shadows = enumerate(shadow_settings(settings))
    return {place: shadow.criteria.rate.per_second for place, shadow in shadows if shadow.criteria.rate is not None}


def _share(address: str, rates: dict[int, float], ledger: Ledger, goes_on: Callable[[], bool]) -> None:
    """Exchange once a second while `goes_on` returns True."""
    sharing = Sharing(ledger, rates, Meeting(parse_address(address)))
    try:
        while goes_on():
            sharing.turn()
            for _ in range(int(_SECOND / _LOOK)):
                if goes_on():
                    sleep(_LOOK)
    finally:
        sharing.close()
