"""Forks child processes. All of them start, get their titles and end here."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
from collections.abc import Callable, Iterable

from httptee.logs import flush_log, restart_log

logger = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_prctl = getattr(ctypes.CDLL(None), "prctl", None)  # only Linux has it


def fork(body: Callable[[Callable[[], bool]], object], ignored: Iterable[signal.Signals], name: str) -> int:
    """Fork a child that runs `body` and ends; return its pid. In the child, this call never returns.

    `body` gets a function that returns whether the parent is still alive. The kernel also sends a SIGTERM to the child
    when the parent ends. The child ignores the signals in `ignored`: a terminal sends its signals to the whole process
    group, but only the supervisor must react to them. `name` is its title, and its name in the log. Raises OSError if
    the system has no process or memory left.
    """
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        if _prctl is not None:
            _prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)
        set_title(name)
        restart_log()
        if os.getppid() == parent:  # else it ended before the call of prctl
            body(lambda: os.getppid() == parent)
        status = 0
    except CannotRunError as error:
        logger.error("%s ends: %s", name, error)
    except BaseException:
        logger.exception("%s failed", name)
    finally:
        try:
            flush_log()
        finally:
            # Not sys.exit: the parent's frames and atexit functions must not run here.
            os._exit(status)


def set_title(role: str) -> None:
    """Show this process as `httptee: role` in `ps`, and as `httptee` in `top` and to `pgrep -x`.

    Without the library setproctitle, nothing changes.
    """
    try:
        from setproctitle import setproctitle, setthreadtitle
    except ImportError:
        return
    setproctitle(f"httptee: {role}")
    setthreadtitle("httptee")


def how_it_ended(status: int) -> str:
    """The end of a process in words, from its status as `os.waitpid` returns it."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal has no name
        return f"was killed by signal {-code}"


class CannotRunError(Exception):
    """A child process cannot do its work. The message says why; there is no traceback in the log."""
