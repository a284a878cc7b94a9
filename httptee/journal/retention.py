"""How much a directory of segments may hold: bytes, age, and the free space of its disk. The oldest go first.

Several processes write into one directory. A segment that is being written is locked, and is never removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path

from httptee.journal.names import UNFINISHED

_FORGOTTEN = 60.0  # seconds after which a segment that is not finished was left by a process that has ended


@dataclass(frozen=True, slots=True)
class Limits:
    """`segment_bytes` is the size of one segment, `max_bytes` of all together, in bytes. `max_age` is in seconds since
    the last write. `min_free` is the share of the disk, 0.0 to 1.0, that is left free. Without `removes`, nothing is
    removed: the directory is full when the limits do not hold."""

    segment_bytes: int = 64 << 20
    max_bytes: int = 1 << 30
    max_age: float = inf
    min_free: float = 0.05
    removes: bool = True


@dataclass(frozen=True, slots=True)
class Stored:
    """One file of a directory: its size in bytes, and the time of its last write in seconds since the epoch."""

    path: Path
    size: int
    written: float


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What was removed. `full`: the limits do not hold, and there is nothing more that could be removed."""

    files: int = 0
    size: int = 0
    full: bool = False


def stored(directory: Path, suffix: str) -> list[Stored]:
    """The segments of a directory, the one that was written last at the end. Raises OSError."""
    found = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.endswith(suffix):
                with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                    status = entry.stat()
                    found.append(Stored(Path(entry.path), status.st_size, status.st_mtime))
    return sorted(found, key=lambda one: (one.written, one.path))


def free_share(directory: Path) -> float:
    """The share of a disk that is free, 0.0 to 1.0. Raises OSError."""
    disk = os.statvfs(directory)
    return disk.f_bavail / disk.f_blocks if disk.f_blocks else 1.0


def trim(directory: Path, suffix: str, limits: Limits, now: float) -> Trimmed:
    """Remove the oldest segments until the limits hold. `now` is in seconds since the epoch. Raises OSError."""
    _remove_forgotten(directory, suffix + UNFINISHED, now)
    files = stored(directory, suffix)
    total = sum(one.size for one in files)
    removed = size = 0

    def over() -> bool:
        return total - size > limits.max_bytes or free_share(directory) < limits.min_free

    for one in files if limits.removes else ():
        if now - one.written <= limits.max_age and not over():
            break
        if _remove(one.path):
            removed += 1
            size += one.size
    return Trimmed(removed, size, over())


def _remove_forgotten(directory: Path, suffix: str, now: float) -> None:
    for one in stored(directory, suffix):
        if now - one.written > _FORGOTTEN:
            _remove(one.path)


def _remove(path: Path) -> bool:
    """Remove a segment, unless it is being written. Whether it is removed."""
    try:
        with locked(path, exclusive=True) as free:
            if free:
                path.unlink()
            return free
    except OSError:
        return False


@contextlib.contextmanager
def locked(path: Path, *, exclusive: bool = False) -> Iterator[bool]:
    """Try the lock of a segment: False if it is being written. Raises OSError if it cannot be opened."""
    descriptor = os.open(path, os.O_RDWR if exclusive else os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
