"""A child process: how every one of them is forked and ends."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable

logger = logging.getLogger(__name__)


def fork(body: Callable[[Callable[[], bool]], object], ignored: Iterable[signal.Signals], name: str) -> int:
    """Fork a child that runs `body` and ends; return its pid. The child never returns from this call.

    `body` gets a function that says whether the parent is still alive. A terminal sends its signals to the whole
    process group, and they are meant for the supervisor: the child ignores those in `ignored`.
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
        # Not sys.exit: the frames and the atexit functions of the parent must not run here.
        os._exit(status)
