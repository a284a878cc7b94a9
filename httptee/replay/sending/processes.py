"""The processes that send, as the one that reads sees them: items go in, results come out."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from httptee.replay.sending.item import Channel
from httptee.replay.sending.lane import Lane
from httptee.replay.sending.lanes import Lanes, PooledLanes, RecordedLanes
from httptee.replay.sending.opener import Opener
from httptee.replay.sending.sender import Sender
from httptee.transport import Upstream

_PR_SET_TIMERSLACK = 29


@dataclass(frozen=True, slots=True)
class Sending:
    """How requests are sent. `upstream` makes the upstream in the process that sends. `timeout` is in seconds.

    `connections`: at most so many in a pool, in each process; None: one for each connection of the recording. `closed`:
    the next request is sent when a connection is free.
    """

    upstream: Callable[[], Upstream]
    timeout: float
    connections: int | None = None
    closed: bool = False


@dataclass(slots=True)
class Process:
    """One process that sends. `unsettled` items of it, with `held` bytes, have no result yet."""

    pid: int
    channel: Channel
    unsettled: dict[int, int] = field(default_factory=dict)  # number → bytes
    held: int = 0
    done: bool = False

    def end(self) -> None:
        """Wait for the end of the process; it is killed if it still runs its loop."""
        self.channel.close()
        if not self.done:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def start(sending: Sending) -> Process:
    """Start a process that sends. Call it before this process has threads. Raises OSError."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid:
        theirs.close()
        return Process(pid, Channel(ours))
    status = 1
    try:
        ours.close()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that reads: it says when to stop
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _run(sending, Channel(theirs))
        status = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)


def _run(sending: Sending, channel: Channel) -> None:
    _wake_exactly()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    lanes: Lanes = RecordedLanes() if sending.connections is None else PooledLanes(sending.connections)
    opener: Opener[Lane] = Opener(sending.upstream(), sending.timeout)
    Sender(channel, lanes, opener, sending.timeout, sending.closed).run()


def _wake_exactly() -> None:
    """Have the kernel end this thread's waits at their time: by default it may add 50 microseconds to each.

    On a busy machine, the thread must not wait for others either: where it is permitted, for root, it goes before
    them. It mostly waits, and the kernel leaves others a part of each second in any case.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
