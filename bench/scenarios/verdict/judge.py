"""The judge process of a running tee: found, killed, stopped and continued while a load runs."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

from ...errors import BenchError
from ...programs import measure
from ...programs.watched import Watched, status

EVERY = 0.7
"""Seconds between two kills of the judge, and for which it is stopped and goes on."""


def judge_pid(watched: Watched) -> int | None:
    """The judge of a tee, as /status names it, or None where no process of its own judges at this moment."""
    if watched.admin is None:
        return None
    try:
        judge = status(watched.admin)["verdict"]["judge"]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    pid: int | None = judge["pid"]  # the next judge is named with its first report
    return pid if not judge["thread"] and pid in measure.members(watched.process.group) else None


def signaled(pid: int | None, number: signal.Signals) -> int:
    """Send a signal to the judge. Returns how many processes got it."""
    if pid is None:
        return 0
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return 0
    return 1


def kill(watched: Watched, over: threading.Event) -> int:
    """Kill every judge that comes up, once in `EVERY` seconds."""
    done = 0
    while not over.wait(EVERY):
        done += signaled(judge_pid(watched), signal.SIGKILL)
    return done


def stop(watched: Watched, over: threading.Event) -> int:
    """Stop the judge and let it go on, in turns. It goes on at the end."""
    done = 0
    pid = judge_pid(watched)
    while not over.wait(EVERY):
        pid = pid or judge_pid(watched)
        done += signaled(pid, signal.SIGSTOP)
        over.wait(2 * EVERY)
        signaled(pid, signal.SIGCONT)
    signaled(pid, signal.SIGCONT)
    return done


DEEDS: dict[str, Callable[[Watched, threading.Event], int]] = {"killed": kill, "stopped": stop}


@contextlib.contextmanager
def treated(watched: Watched, deed: str) -> Iterator[None]:
    """Do something to the judge while the block runs. Raises BenchError if there was no judge to do it to."""
    if deed not in DEEDS:
        yield
        return
    over, done = threading.Event(), [0]

    def work() -> None:
        done[0] = DEEDS[deed](watched, over)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if not done[0]:
        raise BenchError(f"no judge that could be {deed}")


def back(watched: Watched, seconds: float = 20.0) -> bool:
    """Whether there is a judge within some seconds."""
    deadline = time.monotonic() + seconds
    while judge_pid(watched) is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
