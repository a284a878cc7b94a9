"""The directories for the evidence: the operator's, one for each process below that, and one that ends with the tee."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from itertools import count

_MEMORY = "/dev/shm"
_PREFIX = "httptee-verdict-"
_LOCK = "lock"

_locks: dict[str, int] = {}  # the descriptors that say that this process, or one that it has forked, uses a directory


def check_directory(place: str) -> None:
    """Make the directory of `-verdict` if needed. Raises OSError, with the name, if files cannot be written there."""
    if place in ("off", "memory"):
        return
    os.makedirs(place, mode=0o700, exist_ok=True)
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), place)


def private_directory(needed: int) -> str:
    """A new directory for `-verdict memory`, which only this user may enter. Who makes it calls `remove_private`.

    It is in memory if twice the `needed` bytes are free there, else among the temporary files. What tees that were
    killed have left there is removed first. Raises OSError.
    """
    for parent in (_MEMORY, tempfile.gettempdir()):
        with contextlib.suppress(OSError):
            _sweep(parent)
    parent = tempfile.gettempdir()
    with contextlib.suppress(OSError):
        free = os.statvfs(_MEMORY)
        if free.f_bavail * free.f_frsize > 2 * needed:
            parent = _MEMORY
    place = tempfile.mkdtemp(prefix=_PREFIX, dir=parent)
    new = os.path.join(place, "new")
    lock = _locks[place] = os.open(new, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.rename(new, os.path.join(place, _LOCK))  # now: without its lock, another tee would remove it
    return place


def remove_private(place: str) -> None:
    """Remove a directory that `private_directory` has made. May be called twice."""
    shutil.rmtree(place, ignore_errors=True)
    lock = _locks.pop(place, -1)
    if lock >= 0:
        os.close(lock)


def own_directory(directory: str) -> str:
    """A directory in `directory` that no other process uses: `1`, `2` and so on. Raises OSError.

    It belongs to this process until it ends: the lock of a file in it says so.
    """
    for number in count(1):
        place = os.path.join(directory, str(number))
        os.makedirs(place, mode=0o700, exist_ok=True)
        lock = os.open(os.path.join(place, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            break  # the descriptor stays open
    return place


def _sweep(parent: str) -> None:
    """Remove the private directories of this user that no process has locked."""
    with os.scandir(parent) as entries:
        found = [entry for entry in entries if entry.name.startswith(_PREFIX)]
    for entry in found:
        with contextlib.suppress(OSError):
            if entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.getuid():
                _remove_unlocked(entry.path)


def _remove_unlocked(place: str) -> None:
    lock = os.open(os.path.join(place, _LOCK), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # else its tee lives
        shutil.rmtree(place, ignore_errors=True)
    finally:
        os.close(lock)
