"""What a tee uses, read from /proc: the CPU time and the memory of every process it runs."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from types import TracebackType

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on, or None for a process that is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name comes before, in brackets, and may itself hold spaces and brackets.
    return text.rpartition(")")[2].split()


def group_of(fields: list[str]) -> int:
    """The process group a process belongs to."""
    return int(fields[2])


def cpu_ticks(fields: list[str]) -> int:
    """User and system time of a process and of those of its children that have ended and been waited for."""
    return sum(int(field) for field in fields[11:15])


def members(group: int) -> dict[int, list[str]]:
    """Every living process of a group, each with its stat fields.

    A group holds on to workers that were forked twice or lost their parent, which a walk from parent to child loses.
    """
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = stat_fields(int(entry))
            if fields is not None and group_of(fields) == group and fields[0] != "Z":
                found[int(entry)] = fields
    return found


def cpu_seconds(group: int) -> float:
    """CPU time that a group's processes have used so far."""
    return sum(cpu_ticks(fields) for fields in members(group).values()) / TICKS


def threads(group: int) -> int:
    """Threads of a group's processes together."""
    return sum(int(fields[17]) for fields in members(group).values())


def descriptors(group: int) -> list[str]:
    """What the open descriptors of a group's processes lead to, one entry a descriptor, as /proc names it."""
    found = []
    for pid in members(group):
        with contextlib.suppress(OSError):  # the process has ended meanwhile
            for entry in os.scandir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    found.append(os.readlink(entry.path))
    return found


def parse_pss(rollup: str) -> int:
    """The proportional set size, in bytes, out of the text of smaps_rollup."""
    for line in rollup.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError("no 'Pss:' line in smaps_rollup")


def resident(pid: int) -> int:
    """Resident bytes of one process; a page shared by several processes counts in each by its share.

    Adding up plain RSS would charge a tee of forked workers once per worker for what they have in common.
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
    """The most memory a group held while the `with` block ran, sampled ten times a second."""

    def __init__(self, group: int) -> None:
        self.group = group
        self.bytes = memory(group)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.bytes = max(self.bytes, memory(self.group))

    def __enter__(self) -> Peak:
        """Start watching."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching."""
        self._over.set()
        self._thread.join()
        self.bytes = max(self.bytes, memory(self.group))
