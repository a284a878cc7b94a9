"""CPU time, memory, threads and descriptors of a process group, from /proc."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from types import TracebackType

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on, or None for a process that has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name stands before them in brackets. It may contain spaces and brackets.
    return text.rpartition(")")[2].split()


def group_of(fields: list[str]) -> int:
    """The process group of a process."""
    return int(fields[2])


def cpu_ticks(fields: list[str]) -> int:
    """User and system time of a process, and of its children that have ended and been waited for."""
    return sum(int(field) for field in fields[11:15])


def members(group: int) -> dict[int, list[str]]:
    """Every living process of a group, each with its stat fields.

    A worker that was forked twice or lost its parent stays in the group. A walk from parent to child misses it.
    A process that was killed lives until its last thread has ended: only then are its sockets closed.
    """
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = stat_fields(int(entry))
            if fields is not None and group_of(fields) == group and (fields[0] != "Z" or int(fields[17]) > 1):
                found[int(entry)] = fields
    return found


def cpu_seconds(group: int) -> float:
    """CPU time of a group's processes so far."""
    return sum(cpu_ticks(fields) for fields in members(group).values()) / TICKS


def threads(group: int) -> int:
    """Threads of a group's processes together."""
    return sum(int(fields[17]) for fields in members(group).values())


def descriptors(group: int) -> list[str]:
    """The target of each open descriptor of a group's processes, as /proc names it."""
    found = []
    for pid in members(group):
        with contextlib.suppress(OSError):  # the process has ended
            for entry in os.scandir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    found.append(os.readlink(entry.path))
    return found


def parse_pss(rollup: str) -> int:
    """The proportional set size in bytes, from the text of smaps_rollup."""
    for line in rollup.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError("no 'Pss:' line in smaps_rollup")


def resident(pid: int) -> int:
    """Resident bytes of one process. A page of several processes counts in each by its share.

    A sum of plain RSS counts the common pages of forked workers once for each worker.
    """
    try:
        return parse_pss(Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii"))
    except (PermissionError, FileNotFoundError, ProcessLookupError, ValueError):
        pass
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0


def memory(group: int) -> int:
    """Resident bytes of a group's processes together."""
    return sum(resident(pid) for pid in members(group))


class Peak:
    """The largest memory of a group during the `with` block, sampled ten times a second."""

    def __init__(self, group: int) -> None:
        self.group = group
        self.bytes = memory(group)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.bytes = max(self.bytes, memory(self.group))

    def __enter__(self) -> Peak:
        """Start the samples."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the samples."""
        self._over.set()
        self._thread.join()
        self.bytes = max(self.bytes, memory(self.group))
