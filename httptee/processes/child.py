"""Forks child processes. All of them start and end here."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable

logger = logging.getLogger(__name__)


def fork(body: Callable[[Callable[[], bool]], object], ignored: Iterable[signal.Signals], name: str) -> int:
    """Fork a child that runs `body` and ends; return its pid. In the child, this call never returns.

    `body` gets a function that returns whether the parent is still alive. The child ignores the signals in `ignored`: a
    terminal sends its signals to the whole process group, but only the supervisor must react to them.
    """
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)
        body(lambda: os.getppid() == parent)
        status = 0
    except BaseException:
        logger.exception("%s failed", name)
    finally:
        sys.stdout.flush()
        # Not sys.exit: the parent's frames and atexit functions must not run here.
        os._exit(status)
