"""What each process of the tee uses of the machine, as the kernel counts it.

It is read from /proc when it is asked for. The processes themselves do nothing for it.
"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from httptee.admin.judged import Judged
from httptee.ledger import Ledger
from httptee.settings import IGNORED, OF_A_SERVER_A, Settings

_PAGE = resource.getpagesize()
_TICKS = os.sysconf("SC_CLK_TCK")
_USER, _SYSTEM, _THREADS, _RESIDENT = 11, 12, 17, 21  # fields of /proc/PID/stat behind the name (proc(5))


@dataclass(frozen=True, slots=True)
class Process:
    """One process. `kind` is `supervisor`, `worker`, `admin`, `control`, `judge`, or `other`.

    `cpu_seconds` is since its start. `memory` is resident, in bytes; memory that processes share counts in each.
    `descriptors` are open, of at most `descriptor_limit`; -1 is no limit.
    """

    kind: str
    pid: int
    cpu_seconds: float
    memory: int
    threads: int
    descriptors: int
    descriptor_limit: int


@dataclass(frozen=True, slots=True)
class Mounting:
    """How the tee runs under another server, which has the processes and the clients. `of_application` says whether A
    is the application of that server, `together` whether the ledger has all processes, and not this one alone."""

    of_application: bool
    together: bool

    @property
    def void(self) -> frozenset[str]:
        """The names of the options without effect."""
        return frozenset((*IGNORED, *OF_A_SERVER_A) if self.of_application else IGNORED)


def processes(
    settings: Settings, ledger: Ledger, judged: Judged | None, mounting: Mounting | None = None
) -> list[Process]:
    """All processes of the tee, seen from the process of a listener: its parent is the supervisor. A tee of one process
    is one worker process. Under another server, they are those of the ledger."""
    own = os.getpid()
    if mounting is not None:
        return list(_read({worker.pid: "worker" for worker in ledger.workers()}))
    if settings.alone:
        return list(_read({own: "worker"}))
    supervisor = os.getppid()
    kinds = dict.fromkeys(_children(supervisor), "other")
    kinds |= {pid: side for pid, side in ledger.control.sides.items() if pid in kinds}
    kinds |= {worker.pid: "worker" for worker in ledger.workers()}
    if judged is not None and judged.judge.get("pid") in kinds:
        kinds[judged.judge["pid"]] = "judge"
    return list(_read({supervisor: "supervisor", **kinds}))


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError, ValueError):  # a kernel may come without this file
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [os.getpid()]


def _read(kinds: dict[int, str]) -> Iterator[Process]:
    for pid, kind in kinds.items():
        with contextlib.suppress(OSError, ValueError, IndexError):  # it has just ended
            yield _one(pid, kind)


def _one(pid: int, kind: str) -> Process:
    with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
        fields = file.read().rpartition(")")[2].split()
    return Process(
        kind,
        pid,
        (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS,
        int(fields[_RESIDENT]) * _PAGE,
        int(fields[_THREADS]),
        len(os.listdir(f"/proc/{pid}/fd")),
        resource.prlimit(pid, resource.RLIMIT_NOFILE)[0],
    )
