"""One B whose clones wait in a directory: what the drainer does for it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from httptee.spool import Catchup, Policy, Settling, Watch, lacking_room

_REFRESH = 0.25  # seconds between two looks at a directory
_SAVE = 0.25
_LAST_ANSWERS = 1.0  # seconds to wait for them at the end
_MAKES_ROOM = 0.1  # seconds at once


@dataclass(slots=True)
class Drained:
    """One B with what waits in a directory. `held` says whether nothing may be sent now, `live` the rate of the clones
    that come. `gather` and `close` are those of the way to B."""

    directory: Path
    settings: Policy
    catchup: Catchup
    watch: Watch
    settling: Settling
    held: Callable[[], bool]
    live: Callable[[], float]
    close: Callable[[], object]
    gather: Callable[[float], bool] = lambda seconds: False
    _refresh_at: float = 0.0
    _save_at: float = 0.0

    @property
    def flying(self) -> int:
        """The clones that are in flight."""
        return len(self.catchup.flights)

    @property
    def done(self) -> bool:
        """Whether the spool is empty."""
        return self._refresh_at > 0 and not self.catchup.words.backlog and not self.catchup.flights

    def begin(self, wake: Callable[[], object]) -> None:
        """Finish what the last drainer was about to do. Raises OSError."""
        self.catchup.ended = wake
        self.catchup.source.recover()

    def step(self) -> bool:
        """Do what is due. Raises OSError."""
        catchup, now = self.catchup, monotonic()
        if now >= self._refresh_at:
            self._refresh_at = now + _REFRESH
            catchup.source.refresh()
            catchup.expire()
            catchup.pace.live = self.live()
            self.watch.set_aside()
            self._make_room()
        held = self.held()
        busy = catchup.step(held=held)
        if now >= self._save_at:
            self._save_at = now + _SAVE
            catchup.source.save()
        self.watch.look(held=held)
        pace = catchup.pace
        if wait := self.settling.look(min(pace.rate, pace.cap), well=not held and not catchup.failure):
            pace.leave_room(wait)
        return busy or bool(catchup.flights) or (not held and len(catchup.lanes) > 0)

    def end(self) -> None:
        """Wait a moment for the last answers, and save every place."""
        with contextlib.suppress(OSError):
            self._await_answers()
        self.close()
        with contextlib.suppress(OSError):
            self.catchup.close()

    def _await_answers(self) -> None:
        deadline = monotonic() + _LAST_ANSWERS
        while self.catchup.flights and monotonic() < deadline:
            if not self.catchup.step(held=True) and not self.gather(0.01):
                sleep(0.01)

    def _make_room(self) -> None:
        """With `spool.full=oldest`, the clones that came first make room for new ones."""
        catchup, deadline = self.catchup, monotonic() + _MAKES_ROOM
        while monotonic() < deadline and (size := lacking_room(self.settings, self.directory, catchup.source.size)):
            catchup.step(held=True)  # reads what there was no room for
            before = len(catchup.lanes)
            catchup.drop_oldest(size)
            if len(catchup.lanes) == before:
                break
            catchup.source.refresh()
