"""Forks child processes. All of them start, get their titles and end here."""

from __future__ import annotations

import ctypes
import logging
import math
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from time import monotonic, sleep
from typing import Protocol

from httptee.logs import flush_log, restart_log

logger = logging.getLogger(__name__)

LAST_WORDS = 1.0
"""Seconds for answers in flight at the end of a process beside the worker processes."""

UNENDING = 5.0
"""Seconds after SIGKILL from which the tee ends without a process that has not ended: it waits for a disk or a device,
and the kernel ends it only after that."""

_KILL_AGAIN = 0.1  # seconds from one SIGKILL to the next
# A signal to the whole process group must not end a process beside the worker processes: the supervisor does that.
_NOT_FOR_SIDE = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_SHORTEST_LIFE = 1.0  # seconds; a process that dies sooner is replaced after this time
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


def end_child(pid: int, seconds: float, name: str) -> None:
    """End a child process by SIGTERM, and by SIGKILL after so many seconds. Wait for its end, but no longer than
    `UNENDING` after that."""
    os.kill(pid, signal.SIGTERM)
    deadline = monotonic() + seconds
    while not os.waitpid(pid, os.WNOHANG)[0]:
        if monotonic() > deadline + UNENDING:
            say_unending(name, pid)
            return
        if monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        sleep(0.01)


def say_unending(name: str, pid: int = 0) -> None:
    """Log that a process does not end."""
    which = f"{name} {pid}" if pid else name
    logger.error("%s does not end after SIGKILL: it waits for a disk or a device; the tee ends without it", which)


class CannotRunError(Exception):
    """A child process cannot do its work. The message says why; there is no traceback in the log."""


class Side(Protocol):
    """What serves a listening socket beside the worker processes."""

    def run(self, wanted: Callable[[], bool]) -> None:
        """Serve until `stop`, or until `wanted` returns False; it is called about once a second."""

    def stop(self) -> None:
        """Make `run` return. Safe in a signal handler."""


class SideProcess:
    """A process beside the worker processes, with a listening socket; in a tee without a supervisor, a thread.

    The socket is bound before any fork and stays with the supervisor. So it is open from start to end, even if the
    process dies. Without a socket, the methods do nothing. The child closes the sockets in `inherited`: the tee's own
    listening socket must be closed when the last worker process ends. `build` makes what serves.
    """

    def __init__(self, name: str, listening: socket.socket | None, inherited: Sequence[socket.socket] = ()) -> None:
        self.inherited = inherited
        self._name = name
        self._socket = listening
        self._pid = 0
        self._forked = 0.0
        self._kill_at = math.inf  # the time for SIGKILL; finite after a SIGTERM to the child
        self._side: Side | None = None
        self._thread: threading.Thread | None = None

    def build(self, listening: socket.socket) -> Side:
        """What serves the socket, with what is known of the tee now."""
        raise NotImplementedError

    def renew(self, side: Side) -> None:
        """Give what serves in a thread what is known of the tee now."""
        raise NotImplementedError

    def start_thread(self) -> None:
        """Serve in a thread of this process. For a tee without a supervisor.

        Called again about once a second, in case the thread could not be started.
        """
        if self._socket is None or self._thread is not None:
            return
        if self._side is None:
            self._side = self.build(self._socket)
        thread = threading.Thread(target=self._side.run, args=(lambda: True,), name=self._name, daemon=True)
        try:
            thread.start()
            self._thread = thread
        except (RuntimeError, MemoryError):
            logger.warning("the process may start no more threads: the %s listener is tried again", self._name)

    def keep(self) -> float:
        """Start, replace or kill the child process as needed. Call it again within the returned seconds."""
        if self._socket is None:
            return 3600.0
        ended, status = os.waitpid(self._pid, os.WNOHANG) if self._pid else (0, 0)
        if ended:
            if not self.changing:
                logger.warning("the %s process %s; another starts", self._name, how_it_ended(status))
            self._pid, self._kill_at = 0, math.inf
        if self._pid and monotonic() >= self._kill_at:
            os.kill(self._pid, signal.SIGKILL)
        wait = self._forked + _SHORTEST_LIFE - monotonic()
        if not self._pid and wait <= 0:
            self._forked = monotonic()
            try:
                self._pid = fork(partial(self._serve_alone, self._socket), _NOT_FOR_SIDE, f"{self._name} process")
            except OSError as error:
                logger.warning("cannot start the %s process: %s; it is tried again", self._name, error.strerror)
                return _SHORTEST_LIFE
        return min(3600.0, max(_KILL_AGAIN, self._kill_at - monotonic())) if self._pid else wait

    def watch(self) -> None:
        """For a tee that drains: start no other child process. If it ends, close the socket, so that a client is
        refused and does not wait."""
        if self._socket is not None and self._pid and os.waitpid(self._pid, os.WNOHANG)[0]:
            self._pid = 0
            self._socket.close()
            self._socket = None

    def restart(self) -> None:
        """Serve with what is known of the tee now. The socket stays open, and no client is refused meanwhile.

        A process can read only memory that was mapped before its fork, so a new process is needed. `keep` starts it
        after the old one has ended: with both running, a count might decrease from one answer to the next.
        """
        self._forked = 0.0
        if self._pid:
            os.kill(self._pid, signal.SIGTERM)
            self._kill_at = monotonic() + 2 * LAST_WORDS
        if self._side is not None:
            self.renew(self._side)

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """The listening socket, if there is one. A worker process closes it."""
        return (self._socket,) if self._socket is not None else ()

    @property
    def changing(self) -> bool:
        """Whether the old process, without the newest ledger, still runs."""
        return self._kill_at != math.inf

    def stop(self) -> None:
        """End the process or the thread, and close the socket. May be called twice."""
        self._end_process()
        if self._side is not None and self._thread is not None:
            self._side.stop()
            self._thread.join(2 * LAST_WORDS)
        self._side = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _serve_alone(self, listening: socket.socket, wanted: Callable[[], bool]) -> None:
        """The body of the child process."""
        for inherited in self.inherited:
            inherited.close()
        side = self.build(listening)
        signal.signal(signal.SIGTERM, lambda *_: side.stop())
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        side.run(wanted)

    def _end_process(self) -> None:
        if self._pid:
            end_child(self._pid, 2 * LAST_WORDS, f"the {self._name} process")
            self._pid = 0
