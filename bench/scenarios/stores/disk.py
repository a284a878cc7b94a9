"""A small disk that can be frozen: a file with a file system on a loop device. Needs root and loop devices."""

from __future__ import annotations

import atexit
import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import NotStartedError

_FREEZE, _THAW = 0xC0045877, 0xC0045878  # FIFREEZE, FITHAW


class Disk:
    """A mounted disk. While it is frozen, whoever writes to it waits, and cannot be killed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        self._frozen = False
        atexit.register(self.thaw)

    def freeze(self) -> None:
        """Stop all writes."""
        fcntl.ioctl(self._descriptor, _FREEZE, 0)
        self._frozen = True

    def thaw(self) -> None:
        """Let the writes go on. May be called twice."""
        if self._frozen:
            fcntl.ioctl(self._descriptor, _THAW, 0)
            self._frozen = False

    def close(self) -> None:
        """Thaw it, and let it go."""
        self.thaw()
        atexit.unregister(self.thaw)
        os.close(self._descriptor)


@contextmanager
def mounted(directory: Path, megabytes: int) -> Iterator[Disk]:
    """A new ext4 disk in a directory that is there. It is thawed and unmounted at the end. Raises NotStartedError."""
    image, path = directory / "disk.img", directory / "disk"
    path.mkdir()
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    _run("mkfs.ext4", "-q", "-F", str(image))
    _run("mount", "-o", "loop", str(image), str(path))
    try:
        disk = Disk(path)
        try:
            yield disk
        finally:
            disk.close()
    finally:
        _run("umount", "--lazy", str(path))


def _run(*argv: str) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotStartedError(f"{argv[0]}: {error.strerror}") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise NotStartedError(f"{argv[0]} failed, which needs root and loop devices: {' '.join(said)}")
