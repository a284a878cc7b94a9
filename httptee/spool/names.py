"""The names of the files of a spool: `DIR/B/RUN-SLOT-NUMBER.SEGMENT.spool` and, for each stream, `.cursor`."""

from __future__ import annotations

import re
import secrets
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
