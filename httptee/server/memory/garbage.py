"""When Python looks for objects that only refer to each other, in a process that is only the tee's.

All threads wait meanwhile, and the time grows with the number of objects. A process of the tee has 40,000 from its
start on, and several more for each clone that waits for a B. To look at all of them took 35 to 41 ms beside a B that
failed under full load. So what the start has left is never looked at, and all of what came later only as often as
`_SHARE` of the time allows. Young objects are looked at about as often as ever: most garbage is young.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from time import perf_counter

_YOUNG = 1000  # objects more than at the last look at young ones
# Such looks until one at what these have left. From 3.14 on: how little of that is looked at with each of them.
_MIDDLE = 4 if sys.version_info < (3, 14) else 10
_NEVER = 1 << 30  # of those until one at everything: `tick` decides about it (from 3.14 on there is none)
_SHARE = 0.001  # of the time that looks at everything take at most
_SELDOM = 10.0  # seconds between two of them, even if each is short


class Garbage:
    """Looks at everything now and then. `tick` does nothing before `begin`."""

    def __init__(self, collect: Callable[[], object] = gc.collect, clock: Callable[[], float] = perf_counter) -> None:
        self._collect = collect
        self._clock = clock
        self._due: float | None = None

    def begin(self) -> None:
        """The process is built. Its objects are not looked at from here on; it mostly keeps them until its end."""
        self._collect()
        gc.freeze()
        gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)
        self._due = self._clock() + _SELDOM

    def tick(self) -> None:
        """Look at everything if it is time for it."""
        began = self._clock()
        if self._due is not None and began >= self._due:
            self._collect()
            ended = self._clock()
            self._due = ended + max(_SELDOM, (ended - began) / _SHARE)
