"""Memory that outlives all processes of a tee: a file in /dev/shm. To write there never waits for a disk.

When all processes are killed, nobody is left to count what they held. The next start of the tee finds their words
there. A lock says whether any process of the tee that made the file lives: all have the one open file from the fork.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import mmap
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from httptee.ledger.shared import WORD, shared_words

_WHERE = Path("/dev/shm")
_UNSAFE = re.compile(r"[^0-9A-Za-z]")


def outliving_words(count: int, place: str, run: str, where: Path = _WHERE) -> tuple[memoryview, Path | None]:
    """`count` words, all zero, that forked processes share, and their file. `place` is what they are about, `run` the
    name of this start. Without such memory they are anonymous, and the file is None."""
    path = where / f"{_prefix(place, count)}{_UNSAFE.sub('', run)}"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return shared_words(count), None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # All of it now: later, a write to memory that is full would end the process.
        os.posix_fallocate(descriptor, 0, count * WORD)
        return memoryview(mmap.mmap(descriptor, count * WORD)).cast("Q"), path  # which keeps the file open, and locked
    except (OSError, ValueError):
        forget(path)
        return shared_words(count), None
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """The words of a tee whose processes have all ended. Remove the file when they have been counted."""

    path: Path
    words: memoryview


def left_behind(count: int, place: str, where: Path = _WHERE) -> Iterator[LeftBehind]:
    """What earlier starts have left about this `place`."""
    for path in sorted(where.glob(f"{_prefix(place, count)}*")):
        with contextlib.suppress(OSError, ValueError):
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.flock(descriptor, fcntl.LOCK_UN)
                own = os.fstat(descriptor).st_uid == os.geteuid()
                data = os.pread(descriptor, count * WORD, 0) if own else b""
            finally:
                os.close(descriptor)
            if len(data) == count * WORD:
                yield LeftBehind(path, memoryview(bytearray(data)).cast("Q"))


def forget(path: Path | None) -> None:
    """Remove a file. The words stay for those who have them."""
    if path is not None:
        with contextlib.suppress(OSError):
            path.unlink()


def _prefix(place: str, count: int) -> str:
    """The beginning of the names of the files about a place. Words of another version have another count."""
    key = hashlib.sha256(os.path.realpath(place).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"httptee-spool-{count}-{key}-"
