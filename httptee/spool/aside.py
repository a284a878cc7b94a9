"""Requests that were set aside: each alone fails at B, again and again. One file each, the oldest are removed first."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from time import time

from httptee.spool.names import ASIDE
from httptee.spool.record import MalformedClone, StoredClone, decode

MOST = 1000
"""Requests of one B that are kept."""
MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SetAside:
    """A request that was set aside. Times are in seconds since the epoch: `at` when, `came` when it came."""

    spool_id: str
    said: str
    at: float
    came: float
    clone: StoredClone


class Aside:
    """What was set aside of one B, in a directory of its own within that of the B."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / ASIDE

    def __len__(self) -> int:
        return len(self._files())

    def add(self, spool_id: str, said: str, came: float, clone: StoredClone) -> bool:
        """Keep a request, and remove the oldest ones if there are too many. False if the disk does not take it."""
        facts = json.dumps({"id": spool_id, "said": said, "at": time(), "came": came}).encode()
        path = self._directory / spool_id
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._trim(len(clone.body))
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(facts + b"\n" + clone.packed())
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink()
            return False
        return True

    def all(self) -> list[SetAside]:
        """Everything that can be read, the oldest first."""
        return [found for path in self._files() if (found := _read(path)) is not None]

    def get(self, spool_id: str) -> SetAside | None:
        """One request by its id."""
        return next((found for found in self.all() if found.spool_id == spool_id), None)

    def remove(self, spool_id: str) -> None:
        """Keep a request no longer. Raises OSError."""
        (self._directory / spool_id).unlink()

    def _files(self) -> list[Path]:
        try:
            return sorted(self._directory.iterdir(), key=lambda path: (path.stat().st_mtime_ns, path.name))
        except OSError:
            return []

    def _trim(self, size: int) -> None:
        files = self._files()
        total = size + sum(path.stat().st_size for path in files)
        while files and (len(files) >= MOST or total > MOST_BYTES):
            oldest = files.pop(0)
            total -= oldest.stat().st_size
            oldest.unlink()


def _read(path: Path) -> SetAside | None:
    try:
        facts, _, data = path.read_bytes().partition(b"\n")
        found = json.loads(facts)
        return SetAside(found["id"], found["said"], found["at"], found["came"], decode(data))
    except (OSError, ValueError, KeyError, TypeError, MalformedClone):
        return None
