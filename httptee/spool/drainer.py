"""The loop of the drainer: every B in turn. One drainer works in a state directory, which a lock ensures."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from httptee.spool.catchup import Catchup
from httptee.spool.pace import Settling
from httptee.spool.sheet import Policy
from httptee.spool.watch import Watch

logger = logging.getLogger(__name__)

LOCK = "drainer.lock"
_BUSY, _IDLE = 0.002, 0.05  # seconds from one turn to the next
_MANY, _GATHER = 8, 0.002  # clones in flight from which answers are gathered for so many seconds: each turn costs
_REFRESH = 0.25  # seconds between two looks at a directory
_SAVE = 0.25
_TRY_AGAIN = 1.0
_LAST_ANSWERS = 1.0  # seconds to wait for them at the end
_FULL = 0.9  # of the limit: beyond it, the oldest clones make room
_LEAST_FREE = 1 << 20  # bytes that are left free in any case, unless that is much of the disk
_PIECE = 256 * 1024  # bytes that are dropped at once: a file is removed only with its last clone
_MAKES_ROOM = 0.1  # seconds at once


@dataclass(slots=True)
class _Turn:
    """One B, and when what is due for it."""

    make: Callable[[], Drained]
    drained: Drained | None = None
    refresh_at: float = 0.0
    save_at: float = 0.0
    try_at: float = 0.0
    lock: int = -1
    refused: bool = False
    said: str = ""


@dataclass(slots=True)
class Drained:
    """One B for the drainer. `held` says whether nothing may be sent now, `live` the rate of the clones that come.
    `gather` takes in the answers that come within so many seconds; it returns False at once if there are none to come,
    or none but to other threads."""

    directory: Path
    settings: Policy
    catchup: Catchup
    watch: Watch
    settling: Settling
    held: Callable[[], bool]
    live: Callable[[], float]
    close: Callable[[], object]
    gather: Callable[[float], bool] = lambda seconds: False


class Drainer:
    """Drains the spools of several Bs. `made` are made in the thread that runs."""

    def __init__(self, made: Sequence[Callable[[], Drained]]) -> None:
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
        flying = [turn.drained for turn in self._turns if turn.drained is not None and turn.drained.catchup.flights]
        if len(flying) == 1 and len(flying[0].catchup.flights) < _MANY:
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
        return all(
            turn.drained is not None
            and turn.refresh_at > 0
            and not turn.drained.catchup.words.backlog
            and not turn.drained.catchup.flights
            for turn in self._turns
        )

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
            return self._step(turn, drained, now)
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            if said != turn.said:
                logger.warning("the spool cannot be drained now: %s; it is tried again", said)
            turn.said = said
            turn.try_at = now + _TRY_AGAIN
            return False

    def _step(self, turn: _Turn, drained: Drained, now: float) -> bool:
        catchup = drained.catchup
        if now >= turn.refresh_at:
            turn.refresh_at = now + _REFRESH
            catchup.source.refresh()
            catchup.expire()
            catchup.pace.live = drained.live()
            drained.watch.set_aside()
            self._make_room(drained)
        held = drained.held()
        busy = catchup.step(held=held)
        if now >= turn.save_at:
            turn.save_at = now + _SAVE
            catchup.source.save()
        drained.watch.look(held=held)
        pace = catchup.pace
        if wait := drained.settling.look(min(pace.rate, pace.cap), well=not held and not catchup.failure):
            pace.leave_room(wait)
        turn.said = ""
        return busy or bool(catchup.flights) or (not held and len(catchup.lanes) > 0)

    def _make_room(self, drained: Drained) -> None:
        """With `spool.full=oldest`, the clones that came first make room for new ones."""
        catchup, deadline = drained.catchup, monotonic() + _MAKES_ROOM
        while drained.settings.full == "oldest" and (excess := _excess(drained)) > 0 and monotonic() < deadline:
            catchup.step(held=True)  # reads what there was no room for
            before = len(catchup.lanes)
            catchup.drop_oldest(max(excess, _PIECE))
            if len(catchup.lanes) == before:
                break
            catchup.source.refresh()

    def _enter(self, turn: _Turn) -> Drained | None:
        """Take the lock of the directory, and begin. None if another drainer works there."""
        drained = turn.make()
        turn.lock = _locked(drained.directory)
        turn.refused = turn.lock < 0
        if turn.refused:
            drained.close()
            return None
        drained.catchup.ended = self._end_wait
        drained.catchup.source.recover()
        turn.drained = drained
        return drained

    def _leave(self, turn: _Turn) -> None:
        drained, turn.drained = turn.drained, None
        if drained is not None:
            with contextlib.suppress(OSError):
                _await_answers(drained)
            drained.close()
            with contextlib.suppress(OSError):
                drained.catchup.close()
        if turn.lock >= 0:
            os.close(turn.lock)
            turn.lock = -1


def _excess(drained: Drained) -> int:
    """The bytes by which a spool is over one of its limits, or 0. What others take of the disk does not count if even
    the whole spool is less than that: then to drop it would be of no use. Raises OSError."""
    settings, size = drained.settings, drained.catchup.source.size
    disk = os.statvfs(drained.directory)
    total = disk.f_blocks * disk.f_frsize
    least = max(int(settings.min_free / 100 * total), min(_LEAST_FREE, total // 20))
    lacking = least - disk.f_bavail * disk.f_frsize
    return max(size - int(_FULL * settings.max_bytes), lacking if lacking <= size else 0, 0)


def _await_answers(drained: Drained) -> None:
    """Wait a moment for the answers that are still to come."""
    deadline = monotonic() + _LAST_ANSWERS
    while drained.catchup.flights and monotonic() < deadline:
        if not drained.catchup.step(held=True) and not drained.gather(0.01):
            sleep(0.01)


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
