"""Returns unused memory to the kernel.

glibc's malloc keeps freed memory that lies below a block in use, and small blocks lie everywhere. A worker process that
has handled bodies of all sizes for a while holds ten times the memory it uses. It grows as long as a body fits into no
free block. Fewer arenas, or a fixed threshold for mapped blocks, do not change that; malloc_trim does.

malloc_trim takes time in proportion to the memory it returns, and malloc is blocked meanwhile. So the process trims
often and little: when it has grown since the last trim, and from time to time while it is larger than at rest. What
was in use at the last trim may be free by then, and malloc still has it.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

from httptee.server.memory.garbage import Garbage

_WORTH_IT = 16 * 1024 * 1024  # bytes of growth that cause a trim; it then takes some milliseconds
_REPEATED = 10  # ticks between two trims while the process is larger than at rest and does not grow
_PAGE = os.sysconf("SC_PAGE_SIZE")
_STATM = Path("/proc/self/statm")
_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # only glibc has it


def resident() -> int:
    """Bytes of this process that are in memory; 0 if the system does not report them."""
    try:
        return int(_STATM.read_bytes().split()[1]) * _PAGE
    except OSError:
        return 0


def give_back() -> None:
    """Make malloc return all unused pages to the kernel. Does nothing without glibc."""
    if _malloc_trim is not None:
        _malloc_trim(0)


class Heap:
    """Looks for garbage in one process, and trims its memory. Call `tick` about once a second."""

    def __init__(
        self,
        resident: Callable[[], int] = resident,
        give_back: Callable[[], object] = give_back,
        garbage: Garbage | None = None,
    ) -> None:
        self._resident = resident
        self._give_back = give_back
        self._garbage = garbage or Garbage()
        self._least = self._rest = resident()
        self._since = 0  # ticks since the last trim

    def begin(self) -> None:
        """The process is only the tee's, and built: from now on, look for garbage as is best for its clients."""
        self._garbage.begin()

    def rest(self) -> None:
        """From now on, do nothing: the memory is that of another program."""
        self._resident = lambda: 0

    def tick(self) -> None:
        """Look for garbage if it is time. Return unused memory if the process has grown by `_WORTH_IT` bytes since the
        last trim, or is as much larger than at rest and was not trimmed for `_REPEATED` ticks."""
        self._garbage.tick()
        now = self._resident()
        self._since += 1
        if now >= (self._rest if self._since >= _REPEATED else self._least) + _WORTH_IT:
            self._give_back()
            self._least = now = self._resident()
            self._since = 0
        self._least = min(self._least, now)
        self._rest = min(self._rest, now)
