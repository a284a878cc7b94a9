"""Sends what waits in the engine of one B, as far as this tee owns its partitions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

from httptee.journal.engines import Engine, Unavailable
from httptee.spool import Catchup, Settling, StoredClone, Watch
from httptee.spool.engine.look import tell_all
from httptee.spool.engine.origin import origin_of
from httptee.spool.engine.taking import Taking

_EXPIRE = 0.25  # seconds
_LAST_ANSWERS = 1.0  # seconds to wait for them at the end


class Apart:
    """What was set aside is kept in the engine: the tally sees to it. What is there already is not counted here."""

    def __len__(self) -> int:
        return 0

    def add(self, spool_id: str, said: str, came: float, clone: StoredClone) -> bool:
        """Always."""
        return True


class Sending:
    """One B, as a part of the drainer. `held` says whether nothing may be sent now, `live` the rate of the clones that
    come. `gather` and `close` are those of the way to B. It closes the engine at its end."""

    directory: Path | None = None

    def __init__(
        self,
        engine: Engine,
        taking: Taking,
        catchup: Catchup,
        held: Callable[[], bool],
        live: Callable[[], float],
        close: Callable[[], object],
        gather: Callable[[float], bool],
    ) -> None:
        self.gather = gather
        self._engine = engine
        self._taking = taking
        self._catchup = catchup
        self._watch = Watch(catchup)
        self._settling = Settling(catchup.words)
        self._held = held
        self._live = live
        self._close = close
        self._expire_at = 0.0
        self._leaving = False  # whether clones are in flight that other tees send now

    @property
    def flying(self) -> int:
        """The clones that are in flight."""
        return len(self._catchup.flights)

    @property
    def done(self) -> bool:
        """Whether nothing waits, in any tee."""
        return self._taking.sure and not self._catchup.words.backlog and not self._catchup.flights

    def begin(self, wake: Callable[[], object]) -> None:
        """Begin."""
        self._catchup.ended = wake

    def step(self) -> bool:
        """Do what is due. Raises ValueError if the state of a partition cannot be read."""
        catchup, now = self._catchup, monotonic()
        self._leaving |= self._taking.keep(idle=not catchup.flights and not len(catchup.lanes))
        if self._leaving:
            self._release()
        if now >= self._expire_at:
            self._expire_at = now + _EXPIRE
            catchup.expire()
            catchup.pace.live = self._live()
        held = self._held()
        busy = catchup.step(held=held or not self._taking.sure)
        self._watch.look(held=held)
        self._settle(held)
        return busy or bool(catchup.flights) or (not held and len(catchup.lanes) > 0)

    def close(self) -> None:
        """Give back what it holds."""
        self._close()
        self._engine.close()

    def end(self) -> None:
        """Wait a moment for the last answers, save all places, and give the partitions back."""
        deadline = monotonic() + _LAST_ANSWERS
        while self._catchup.flights and monotonic() < deadline:
            if not self._catchup.step(held=True) and not self.gather(0.01):
                sleep(0.01)
        self._close()
        self._catchup.close()
        self._engine.close()

    def _release(self) -> None:
        catchup = self._catchup
        catchup.release(lambda entry: origin_of(entry).place.gone)
        self._leaving = any(lane.entries and origin_of(lane.head).place.gone for lane in catchup.lanes)

    def _settle(self, held: bool) -> None:
        catchup, pace = self._catchup, self._catchup.pace
        well = not held and not catchup.failure and self._taking.sure
        if wait := self._settling.look(min(pace.rate, pace.cap), well=well):
            pace.leave_room(wait)
            with contextlib.suppress(Unavailable):
                tell_all(self._engine)
