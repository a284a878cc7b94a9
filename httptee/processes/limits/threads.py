"""The limits of threads and processes: compared at start and at a reload with what the settings may need.

A thread counts like a process, for the user (RLIMIT_NPROC) and in the cgroup (pids.max). With too few of them, the tee
starts with what fits: fewer threads for A and for each B.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import threading
from collections.abc import Iterator
from dataclasses import replace
from math import ceil
from pathlib import Path

from httptee.build import Part
from httptee.settings import Settings, shadow_settings

logger = logging.getLogger(__name__)

_OF_ADMIN = 7  # threads of the admin listener: its own one, four that serve, the check of A, the log
_OF_CONTROL = 2  # the control socket's own one, and the log
_OF_SUPERVISOR = 2  # its own one and the log
_OF_JUDGE = 6  # threads of the judge: its own one, the log, four that ask A and B again
_OF_WORKER = 6  # its own one, the log, the access log, the drain of an old server, upgraded and stalled connections
_OF_UPSTREAM = 1  # the lookup of its name
_OF_SHADOW = 1  # the collector
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")


def within_threads(settings: Settings) -> Settings:
    """Return the settings, with fewer threads if a limit is too low for them; a warning then says so."""
    found = _lowest_limit()
    if found is None:
        return settings
    room, name = found
    wanted = threads_of(settings)
    if wanted <= room:
        return settings
    fewer = _fitting(settings, room)
    logger.warning(
        "%d threads and processes may be needed, and %d may be started (%s): raise the limit (TasksMax= in systemd, "
        "--pids-limit of a container, ulimit -u) or lower -threads and -b.workers; for now the limits are %d threads "
        "for A and %d for each B",
        wanted,
        room,
        name,
        fewer.threads,
        fewer.b_workers,
    )
    return fewer


def may_start(count: int) -> bool:
    """Whether this process may start so many more threads at this moment: it starts and ends them."""
    gate = threading.Event()
    threads: list[threading.Thread] = []
    try:
        for _ in range(count):
            thread = threading.Thread(target=gate.wait, name="probe", daemon=True)
            thread.start()
            threads.append(thread)
        return True
    except (RuntimeError, MemoryError):
        return False
    finally:
        gate.set()
        for thread in threads:
            thread.join()


def threads_of(settings: Settings) -> int:
    """The most threads of a tee, in all processes. Not counted: those that take the place of threads that wait for slow
    clients. They are started only if there is room."""
    parts = [Part(row, settings.processes) for row in range(settings.processes)]
    shadows = shadow_settings(settings)
    total = _OF_SUPERVISOR + (_OF_ADMIN if settings.admin else 0) + (_OF_CONTROL if settings.control else 0)
    if settings.verdict != "off":
        total += _OF_JUDGE + _OF_UPSTREAM * (1 + len(shadows))
    for part in parts:
        total += _OF_WORKER + _OF_UPSTREAM + part.of(settings.threads, least=1)
        total += sum(_OF_UPSTREAM + _OF_SHADOW + part.of(shadow.workers, least=1) for shadow in shadows)
    return total


def _fitting(settings: Settings, room: int) -> Settings:
    """The settings with the most threads that fit into `room`: each limit shrinks by the same factor, to one thread for
    each process at least."""
    for percent in range(99, 0, -1):
        fewer = replace(
            settings,
            threads=max(settings.processes, ceil(settings.threads * percent / 100)),
            b_workers=max(1, ceil(settings.b_workers * percent / 100)),
        )
        if threads_of(fewer) <= room:
            break
    return fewer


def _lowest_limit() -> tuple[int, str] | None:
    """How many threads may be started, and the name of the limit; None if there is no limit, or none can be read."""
    found = list(_cgroup_limits())
    soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    if soft not in (resource.RLIM_INFINITY, hard):
        soft = hard
        resource.setrlimit(resource.RLIMIT_NPROC, (soft, hard))
    if soft != resource.RLIM_INFINITY and os.geteuid():  # root is exempt
        found.append((soft, "RLIMIT_NPROC"))
    return min(found, default=None)


def _cgroup_limits() -> Iterator[tuple[int, str]]:
    """What each limit of this process's cgroups leaves, in version 2 and 1, with the file of the limit."""
    try:
        lines = _OWN_CGROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "pids"):
            continue
        top = _CGROUPS / controllers
        folder = top / path.strip("/")
        for each in (folder, *folder.parents):
            if each.is_relative_to(top):
                yield from _limit_in(each)


def _limit_in(folder: Path) -> Iterator[tuple[int, str]]:
    try:
        limit = (folder / "pids.max").read_text().strip()
        current = int((folder / "pids.current").read_text())
    except (OSError, ValueError):
        return
    if limit.isdigit():
        # What this tee has started is not in its own way: at a reload, the old worker processes end.
        others = max(0, current - _own_threads())
        yield max(0, int(limit) - others), f"{folder / 'pids.max'} is {limit}, others use {others}"


def _own_threads() -> int:
    """The threads of this process and of its child processes."""
    processes = ["self"]
    with contextlib.suppress(OSError):  # a kernel may come without this file
        processes += Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    total = 0
    for process in processes:
        with contextlib.suppress(OSError):  # it has just ended
            total += len(os.listdir(f"/proc/{process}/task"))
    return total
