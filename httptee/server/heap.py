"""Memory that nobody uses goes back to the kernel.

The facts. glibc's malloc keeps what is freed below something still in use, and small things come to lie everywhere. A
worker that has handled bodies of all sizes for a while holds ten times what it uses, and grows on until every body
finds a hole that fits. Neither fewer arenas nor a fixed threshold for mapped blocks changes that; malloc_trim does.

It takes about as long as there is to give back, and malloc waits for it meanwhile. Hence: little and often, and only
when the process has grown since it was last trimmed.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

_WORTH_IT = 16 * 1024 * 1024  # bytes of growth; to give them back takes some milliseconds
_PAGE = os.sysconf("SC_PAGE_SIZE")
_STATM = Path("/proc/self/statm")
_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's alone


def resident() -> int:
    """Bytes of this process that are in memory, 0 where the system does not say."""
    try:
        return int(_STATM.read_bytes().split()[1]) * _PAGE
    except OSError:
        return 0


def give_back() -> None:
    """Have malloc give the kernel all pages that it does not use; nothing where it is not glibc's."""
    if _malloc_trim is not None:
        _malloc_trim(0)


class Heap:
    """Looks after the memory of one process: `tick` about once a second."""

    def __init__(self, resident: Callable[[], int] = resident, give_back: Callable[[], object] = give_back) -> None:
        self._resident = resident
        self._give_back = give_back
        self._least = resident()

    def tick(self) -> None:
        """Give back what is not in use, if the process has grown enough for that to be worth it."""
        now = self._resident()
        if now >= self._least + _WORTH_IT:
            self._give_back()
            self._least = self._resident()
        elif now < self._least:
            self._least = now
