"""A child process beside the worker processes that is started again when it ends by itself, and its low priority."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import resource
import signal
from collections.abc import Callable
from time import monotonic

from httptee.processes.child import end_child, fork, how_it_ended

logger = logging.getLogger(__name__)

Body = Callable[[Callable[[], bool]], object]
"""What the child runs, as `child.fork` calls it."""

NEVER = 3600.0
"""Seconds until the next call of `keep` where nothing is due."""

# A signal to the whole process group must not end the child: the supervisor ends it, after the worker processes.
_IGNORED = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_SHORT_LIFE = 5.0  # seconds; after a shorter life, each replacement waits longer
_SHORTEST_WAIT, _LONGEST_WAIT = 0.1, 10.0
_KILL_AGAIN = 0.1  # seconds from one SIGKILL to the next
_NICE = 19
_LITTLE, _MUCH = 0.05, 0.25  # of what a child may be behind


class Kept:
    """`<Kept [judge process, pid 42]>`: the child of one name. Without a pid, it does not run."""

    def __init__(self, name: str) -> None:
        self._name = f"{name} process"
        self.pid = 0
        self.kill_at = math.inf
        """The time of the monotonic clock for SIGKILL; finite after a call of `end`, until it has ended."""
        self._started = self._starts_at = self._wait = 0.0

    def __repr__(self) -> str:
        return f"<Kept [{self._name}, pid {self.pid}]>"

    @property
    def ending(self) -> bool:
        """Whether it is to end, and is killed otherwise."""
        return self.kill_at != math.inf

    def keep(self, body: Body | None) -> float:
        """Reap, kill or start it, as needed; without a body, start none. Call it again within the returned seconds."""
        self.collect(wanted=body is not None)
        if not self.pid and body is not None and monotonic() >= self._starts_at:
            self.start(body)
        return self.next_event(wanted=body is not None)

    def next_event(self, *, wanted: bool) -> float:
        """Seconds until it is to be killed or, if it is `wanted`, to be started."""
        if self.pid:
            return min(NEVER, max(_KILL_AGAIN, self.kill_at - monotonic()))
        return max(0.0, self._starts_at - monotonic()) if wanted else NEVER

    def collect(self, *, wanted: bool) -> bool:
        """Reap it if it has ended, and kill it if it should have. If it is `wanted`, and was not told to end, plan the
        start of another one. Whether it has ended now."""
        ended, status = os.waitpid(self.pid, os.WNOHANG) if self.pid else (0, 0)
        if not ended:
            if self.pid and monotonic() >= self.kill_at:
                os.kill(self.pid, signal.SIGKILL)
            return False
        told, self.pid, self.kill_at = self.ending, 0, math.inf
        if wanted and not told:
            self._plan_start()
            logger.warning("the %s %s; another starts in %.1f s", self._name, how_it_ended(status), self._wait)
        return True

    def start(self, body: Body) -> None:
        """Start it. If the system has no room for it, plan another try."""
        self._started = monotonic()
        try:
            self.pid = fork(body, _IGNORED, self._name)
        except OSError as error:
            self._plan_start()
            logger.warning("cannot start the %s: %s; it is tried again", self._name, error.strerror)

    def end(self, seconds: float) -> None:
        """Have it save what it has, and end within this time. The next one starts without a wait."""
        self._starts_at = self._wait = 0.0
        if self.pid and not self.ending:
            os.kill(self.pid, signal.SIGTERM)
            self.kill_at = monotonic() + seconds

    def stop(self, seconds: float) -> None:
        """End it and wait until it has ended, but not for a disk. May be called twice."""
        if self.pid:
            end_child(self.pid, seconds, f"the {self._name}")
            self.pid = 0

    def _plan_start(self) -> None:
        lived = monotonic() - self._started
        self._wait = min(_LONGEST_WAIT, max(_SHORTEST_WAIT, 2 * self._wait)) if lived < _SHORT_LIFE else _SHORTEST_WAIT
        self._starts_at = monotonic() + self._wait


class Priority:
    """The priority of this process, with all of its threads: the lowest, and a little more while much waits.

    A worker process that wakes up interrupts only SCHED_IDLE at once: it is under SCHED_BATCH itself. But SCHED_IDLE
    gets nothing at all while all cores are busy. Without the right to leave it again, it is never used.
    """

    def __init__(self) -> None:
        with contextlib.suppress(OSError):
            os.nice(_NICE)
        self._may_return = may_leave_idle()
        self.policy = os.SCHED_BATCH
        self._set(os.SCHED_BATCH)

    def follow(self, share: float) -> None:
        """Choose by how far this process is behind, from 0.0 to 1.0."""
        if self.policy == os.SCHED_BATCH and share < _LITTLE and self._may_return:
            self._set(os.SCHED_IDLE)
        elif self.policy == os.SCHED_IDLE and share > _MUCH:
            self._set(os.SCHED_BATCH)

    def _set(self, policy: int) -> None:
        try:
            os.sched_setscheduler(0, policy, os.sched_param(0))
            self.policy = policy
        except OSError:  # a sandbox may forbid it
            self._may_return = False
            return
        with contextlib.suppress(OSError):  # without /proc
            for thread in {*map(int, os.listdir("/proc/self/task"))} - {os.getpid()}:  # what ships the records
                with contextlib.suppress(OSError):  # it has ended meanwhile
                    os.sched_setscheduler(thread, policy, os.sched_param(0))


def may_leave_idle() -> bool:
    """Whether this process may leave SCHED_IDLE again (sched(7)). Root may not in a container without CAP_SYS_NICE."""
    if resource.getrlimit(resource.RLIMIT_NICE)[0] >= 20 - _NICE:
        return True
    now = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        os.setpriority(os.PRIO_PROCESS, 0, now - 1)
        os.setpriority(os.PRIO_PROCESS, 0, now)
    except OSError:
        return False
    return True
