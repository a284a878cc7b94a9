"""The loop of the drainer: every B in turn. One drainer works in a directory, which a lock ensures."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Protocol

logger = logging.getLogger(__name__)

LOCK = "drainer.lock"
_BUSY, _IDLE = 0.002, 0.05  # seconds from one turn to the next
_MANY, _GATHER = 8, 0.002  # clones in flight from which answers are gathered for so many seconds: each turn costs
_TRY_AGAIN = 1.0


class Drains(Protocol):
    """One B for the drainer, or a part of what is done for it. One thread calls all."""

    @property
    def directory(self) -> Path | None:
        """The directory in which it alone is to work, if there is one."""

    @property
    def flying(self) -> int:
        """The clones that are in flight."""

    @property
    def done(self) -> bool:
        """Whether nothing is left to be done."""

    def begin(self, wake: Callable[[], object]) -> None:
        """Begin. `wake` may be called by any thread: there is something to do. Raises OSError, ValueError."""

    def step(self) -> bool:
        """Do what can be done now; whether there is more to do soon. Raises OSError, ValueError."""

    def gather(self, seconds: float) -> bool:
        """Take in the answers that come within so many seconds; False at once if there are none to come, or none but
        to other threads."""

    def close(self) -> object:
        """Give back what it holds without having begun."""

    def end(self) -> None:
        """Wait a moment for the answers that are still to come, and save the place."""


@dataclass(slots=True)
class _Turn:
    """One B, and when it is tried again."""

    make: Callable[[], Drains]
    drained: Drains | None = None
    try_at: float = 0.0
    lock: int = -1
    refused: bool = False
    said: str = ""


class Drainer:
    """Drains the spools of several Bs. `made` are made in the thread that runs."""

    def __init__(self, made: Sequence[Callable[[], Drains]]) -> None:
        self._turns = [_Turn(make) for make in made]
        self._ended = threading.Event()

    def run(self, goes_on: Callable[[], bool]) -> None:
        """Work until `goes_on` returns False. An error of a disk is logged once, and tried again."""
        try:
            while goes_on():
                self._ended.clear()
                self._wait(_BUSY if self.step() else _IDLE)
        finally:
            self.close()

    def step(self) -> bool:
        """One turn of every B; whether there was anything to do."""
        return sum(self._guarded(turn) for turn in self._turns) > 0

    def _wait(self, seconds: float) -> None:
        """Wait for an answer. With few lanes, each one must lead to the next clone at once."""
        flying = [turn.drained for turn in self._turns if turn.drained is not None and turn.drained.flying]
        if len(flying) == 1 and flying[0].flying < _MANY:
            if flying[0].gather(seconds):
                return
        elif flying:
            sleep(_GATHER)
            if sum(each.gather(0.0) for each in flying):
                return
        self._ended.wait(seconds)

    def _end_wait(self) -> None:
        if not self._ended.is_set():  # to set it costs many times more than to look
            self._ended.set()

    @property
    def done(self) -> bool:
        """Whether no B has anything in its spool."""
        return all(turn.drained is not None and turn.drained.done for turn in self._turns)

    @property
    def refused(self) -> bool:
        """Whether another drainer works in a directory of one of these Bs, by the last look."""
        return any(turn.drained is None and turn.refused for turn in self._turns)

    def close(self) -> None:
        """Save every place, and give the locks back. May be called twice."""
        for turn in self._turns:
            self._leave(turn)

    def _guarded(self, turn: _Turn) -> bool:
        now = monotonic()
        if now < turn.try_at:
            return False
        try:
            drained = turn.drained or self._enter(turn)
            if drained is None:
                turn.try_at = now + _TRY_AGAIN
                return False
            busy = drained.step()
            turn.said = ""
            return busy
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            if said != turn.said:
                logger.warning("the spool cannot be drained now: %s; it is tried again", said)
            turn.said = said
            turn.try_at = now + _TRY_AGAIN
            return False

    def _enter(self, turn: _Turn) -> Drains | None:
        """Take the lock of the directory, and begin. None if another drainer works there."""
        drained = turn.make()
        if drained.directory is not None:
            turn.lock = _locked(drained.directory)
            turn.refused = turn.lock < 0
        if turn.refused:
            drained.close()
            return None
        try:
            drained.begin(self._end_wait)
        except (OSError, ValueError):
            drained.close()
            self._unlock(turn)
            raise
        turn.drained = drained
        return drained

    def _leave(self, turn: _Turn) -> None:
        drained, turn.drained = turn.drained, None
        if drained is not None:
            drained.end()
        self._unlock(turn)

    @staticmethod
    def _unlock(turn: _Turn) -> None:
        if turn.lock >= 0:
            os.close(turn.lock)
            turn.lock = -1


def _locked(directory: Path) -> int:
    """The descriptor of the lock, or -1 if another process has it. Raises OSError if the directory cannot be made."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return -1
    return descriptor
