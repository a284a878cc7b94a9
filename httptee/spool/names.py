"""The names of the files of a spool: `DIR/B/RUN-SLOT-NUMBER.SEGMENT.spool` and, for each stream, `.cursor`."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import gmtime, strftime

SUFFIX = ".spool"
CURSOR = ".cursor"
ASIDE = "aside"
_STREAM = re.compile(r"(?P<run>[0-9A-Za-z]+)-(?P<slot>[0-9]+)-(?P<number>[0-9]+)")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True, order=True)
class StreamName:
    """What one process has written: its run of the tee, its slot, and its number in that slot."""

    run: str
    slot: int
    number: int

    def __str__(self) -> str:
        return f"{self.run}-{self.slot:02d}-{self.number:04d}"

    @classmethod
    def parse(cls, text: str) -> StreamName | None:
        """The name in the name of a file, or None."""
        found = _STREAM.match(text)
        return cls(found["run"], int(found["slot"]), int(found["number"])) if found else None


def new_run() -> str:
    """The name of a start of the tee. Names sort by the time."""
    return f"{strftime('%Y%m%dT%H%M%S', gmtime())}{secrets.token_hex(3)}"


def directory_of(directory: str, backend: str) -> Path:
    """The directory of one B in a spool, by the B's name."""
    return Path(directory) / (_UNSAFE.sub("_", backend).lstrip(".") or "_")


@dataclass(frozen=True, slots=True)
class Orphan:
    """A directory of a spool that belongs to no B: the bytes and the number of its segments and of what was set aside
    there."""

    path: Path
    size: int
    files: int


def orphans_in(directory: str, backends: Sequence[str]) -> list[Orphan]:
    """What is in a spool beside the directories of these Bs. A directory that cannot be read has nothing."""
    own, found = {directory_of(directory, name).name for name in backends}, []
    with contextlib.suppress(OSError):
        for path in sorted(path for path in Path(directory).iterdir() if path.is_dir() and path.name not in own):
            sizes = list(_sizes(path))
            if sizes:
                found.append(Orphan(path, sum(sizes), len(sizes)))
    return found


def orphans_of(spools: Iterable[tuple[str, str]]) -> list[Orphan]:
    """The same for several spools. `spools` has the directory of the spool and the name, for each B with one."""
    named = list(spools)
    directories = sorted({directory for directory, _ in named})
    return [
        orphan
        for directory in directories
        for orphan in orphans_in(directory, [name for each, name in named if each == directory])
    ]


def _sizes(path: Path) -> Iterator[int]:
    for file in (*path.glob(f"*{SUFFIX}"), *path.glob(f"{ASIDE}/*")):
        with contextlib.suppress(OSError):  # it was just removed
            yield file.stat().st_size
