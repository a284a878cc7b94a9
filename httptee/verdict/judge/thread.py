"""The judge as a thread of the only process. It gets less of a core there: it shares the GIL with the requests."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from time import monotonic, thread_time
from typing import Protocol

from httptee.verdict.court import Pair
from httptee.verdict.judge.channel import LocalChannel, Reader
from httptee.verdict.judge.pace import Pace

logger = logging.getLogger(__name__)

_SHARE = 0.1  # of one core
_PATIENCE = 2.0  # seconds for the end of the thread: A and B may be answering repeats
_TRY_AGAIN = 5.0  # seconds until a thread that could not be started is tried again
_ANEW = 10.0  # seconds until a judge that has failed is made anew


class Runs(Protocol):
    """A judge, or what takes its place."""

    def run(self, wanted: Callable[[], bool] = ...) -> None:
        """Take pairs until `wanted` returns False; then save and close all."""


class MakeJudge(Protocol):
    """Makes a judge in the process and the thread in which it runs."""

    def __call__(self, reader: Reader, pace: Pace, short_of_memory: Callable[[], bool]) -> Runs:
        """A judge that takes its pairs from `reader`. May raise."""


class JudgeThread:
    """Runs a judge in a thread. `sender` takes the pairs of this process, before the thread runs too."""

    def __init__(self, make: MakeJudge) -> None:
        self.sender = LocalChannel()
        self._make = make
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()
        self._stopped = False
        self._lock = threading.Lock()  # held while the thread is started: any thread may send
        self._next_try = 0.0

    def send(self, pair: Pair) -> bool:
        """Start the thread if it does not run, and put a pair into its channel. False if there is no room."""
        if not self._runs:
            self.start()
        return self.sender.send(pair)

    def start(self) -> None:
        """Start the thread, if it does not run. Called again and again, in case it could not be started."""
        with self._lock:
            if not self._stopped and not self._runs and monotonic() >= self._next_try:
                self._start()

    @property
    def _runs(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _start(self) -> None:
        self._ending = ending = threading.Event()
        thread = threading.Thread(target=partial(self._run, self._make, ending), name="judge", daemon=True)
        try:
            thread.start()
            self._thread = thread
        except (RuntimeError, MemoryError):
            self._next_try = monotonic() + _TRY_AGAIN
            logger.warning("the process may start no more threads: the judge is tried again")

    def replace(self, make: MakeJudge) -> None:
        """End the judge. The next `start` begins another one, once it has ended."""
        self._make = make
        self._ending.set()

    def stop(self, patience: float = _PATIENCE) -> None:
        """End the judge, which saves its state; wait up to `patience` seconds for that. May be called twice."""
        self._stopped = True
        self._ending.set()
        if self._thread is not None:
            self._thread.join(patience)

    def _run(self, make: MakeJudge, ending: threading.Event) -> None:
        while not ending.is_set():
            try:
                judge = make(self.sender, Pace(_SHARE, thread_time), lambda: False)
                judge.run(lambda: not ending.is_set())
            except OSError as error:  # its directory, mostly
                logger.error("the judge failed; the requests go on: %s", error)
                ending.wait(_ANEW)
            except Exception:
                logger.exception("the judge failed; the requests go on")
                ending.wait(_ANEW)
